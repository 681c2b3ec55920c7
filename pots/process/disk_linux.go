package process

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Bounds of a look at what a program has on disk.
const (
	maxEntries = 200_000 // files and directories
	maxDepth   = 64
	blockSize  = 512 // of st_blocks, stat(3type)
)

// onDisk returns how many bytes the files below dirs take on disk, and stops
// when they are more than most. It follows no link. What lies beyond the
// bounds, or in a directory that was closed to us, counts as too much: such a
// tree was made to hide something.
func onDisk(dirs []string, most int64) int64 {
	w := walk{most: most}
	for _, dir := range dirs {
		fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		if err == nil {
			w.dir(os.NewFile(uintptr(fd), dir), 1)
		}
	}
	return w.bytes
}

type walk struct {
	bytes, most int64
	entries     int
}

// dir adds what is in a directory, and closes it.
func (w *walk) dir(d *os.File, depth int) {
	defer d.Close()
	for w.bytes <= w.most {
		names, err := d.Readdirnames(64)
		for _, name := range names {
			w.entry(int(d.Fd()), name, depth)
		}
		if err != nil {
			return
		}
	}
}

func (w *walk) entry(dir int, name string, depth int) {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return // removed meanwhile
	}
	w.bytes += int64(st.Blocks) * blockSize
	if w.entries++; w.entries > maxEntries || depth > maxDepth {
		w.bytes = max(w.bytes, w.most+1)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || w.bytes > w.most {
		return
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	switch err {
	case nil:
		w.dir(os.NewFile(uintptr(fd), name), depth+1)
	case unix.EACCES:
		w.bytes = w.most + 1
	}
}

// free returns how many bytes the file system of dir has left.
func free(dir string) (int64, bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
