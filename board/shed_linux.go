package board

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ShedText lets go of the program's own text and constants, which the start
// has touched and an idle node does not need: some 3 MB of resident memory.
// The pages stay in the kernel's cache as long as it has no better use for
// them, and come back when they are touched. It returns how many bytes were
// offered; what can't be read is left as it is.
func ShedText() (bytes int) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return 0
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if start, end := readOnly(s.Text(), self); end > start {
			if _, _, e := unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_DONTNEED); e == 0 {
				bytes += int(end - start)
			}
		}
	}
	return bytes
}

// readOnly returns the bounds of a mapping that is the file's, and that nobody
// can have written to; 0, 0 for any other line of /proc/pid/maps, proc(5).
func readOnly(line, file string) (start, end uintptr) {
	f := strings.Fields(line)
	if len(f) < 6 || f[5] != file || (f[1] != "r-xp" && f[1] != "r--p") {
		return 0, 0
	}
	from, to, _ := strings.Cut(f[0], "-")
	a, errA := strconv.ParseUint(from, 16, 8*int(unsafe.Sizeof(start)))
	b, errB := strconv.ParseUint(to, 16, 8*int(unsafe.Sizeof(start)))
	if errA != nil || errB != nil {
		return 0, 0
	}
	return uintptr(a), uintptr(b)
}
