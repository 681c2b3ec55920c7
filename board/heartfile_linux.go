package board

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openHeartFile follows no symbolic link: /tmp is anybody's.
func openHeartFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != 0 && info.Size() != beatLine) {
		err = fmt.Errorf("%s is there and is something else", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// inMemory tells whether a file is on tmpfs or ramfs; so does one that does not
// tell.
func inMemory(f *os.File) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil {
		return true
	}
	const ramfs = 0x858458f6 // linux/magic.h
	return uint32(st.Type) == unix.TMPFS_MAGIC || uint32(st.Type) == ramfs
}
