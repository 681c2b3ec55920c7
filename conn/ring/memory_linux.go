package ring

import "golang.org/x/sys/unix"

// reserve maps the memory outside of Go's heap: it is no garbage, it does not
// move the collector's target, and its pages cost nothing until used.
func reserve(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}

func release(mem []byte) { _ = unix.Munmap(mem) }
