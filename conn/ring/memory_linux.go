package ring

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// reserve maps the memory outside of Go's heap: it is no garbage, it does not
// move the collector's target, and its pages cost nothing until used.
func reserve(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}

func release(mem []byte) { _ = unix.Munmap(mem) }

// discard gives the pages of mem back to the kernel; they read as zeros
// afterwards. A kernel that won't keeps them, which costs only memory.
func discard(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTNEED) }

// memoryFile makes a file that has no name and is no more than memory.
func memoryFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("events", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	return os.NewFile(uintptr(fd), "events"), nil
}
