package install

import (
	"fmt"

	"golang.org/x/sys/unix"

	"forager/pots/process"
)

// What pots leave free on the file system: a tenth of it, and 8 MiB at
// least. The node's own state and the machine's need it.
const (
	reserveParts = 10
	reserveLeast = 8 << 20
)

// leastRoom is how many bytes above the reserve an install needs to begin.
const leastRoom = 1 << 20

// budget returns how many bytes a fetch may take.
func (in *Installer) budget() (int64, error) {
	total, free, err := in.room()
	if err != nil {
		return 0, fmt.Errorf("free space unknown: %w (-state-dir)", err)
	}
	room := free - reserve(total)
	if room < leastRoom {
		return 0, fmt.Errorf("no space: %d KiB free of %d, and pots leave %d alone (-state-dir)", free>>10, total>>10, reserve(total)>>10)
	}
	return min(room, maxBytes), nil
}

// reserve is what pots leave free on a file system of so many bytes.
func reserve(total int64) int64 { return max(total/reserveParts, reserveLeast) }

// limits are those of every program, with the reserve of this file system.
func (in *Installer) limits() process.Limits {
	l := in.Limits
	if total, _, err := in.room(); err == nil {
		l.Reserve = reserve(total)
	}
	return l
}

func (in *Installer) room() (total, free int64, err error) {
	if in.Room != nil {
		return in.Room(in.Dir)
	}
	return fileSystem(in.Dir)
}

// fileSystem tells the size of dir's file system and what is free for us.
func fileSystem(dir string) (total, free int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Blocks) * int64(s.Bsize), int64(s.Bavail) * int64(s.Bsize), nil
}
