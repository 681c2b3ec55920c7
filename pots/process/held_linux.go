package process

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// held returns how many bytes processes hold in files that have no name: they
// are no part of a directory, nor of a process's memory. What is on device is
// on disk, the rest (memfd_create, a file system in memory) is memory. It looks
// at maxOpen descriptors at most, those that it may see.
func held(pids []int, device uint64) (memory, disk int64) {
	type file struct{ device, inode uint64 }
	seen := make(map[file]bool)
	looked := 0
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid) + "/fd"
		f, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := f.Readdirnames(maxOpen - looked)
		_ = f.Close()
		for _, name := range names {
			var st unix.Stat_t
			if unix.Stat(dir+"/"+name, &st) != nil || st.Nlink != 0 || st.Mode&unix.S_IFMT != unix.S_IFREG {
				continue
			}
			id := file{uint64(st.Dev), st.Ino}
			switch {
			case seen[id]:
			case id.device == device:
				disk += int64(st.Blocks) * blockSize
			default:
				memory += int64(st.Blocks) * blockSize
			}
			seen[id] = true
		}
		if looked += len(names); looked >= maxOpen {
			break
		}
	}
	return memory, disk
}

// deviceOf is where a directory is kept; 0: unknown.
func deviceOf(dir string) uint64 {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return 0
	}
	return uint64(st.Dev)
}
