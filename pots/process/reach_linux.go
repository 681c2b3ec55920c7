package process

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reach makes sure that the program's user can come to its directory. Where a
// directory on the way is closed to it, as the node's state directory is, the
// program gets a view of its own, if the keeper has one: an empty directory in
// that place, with nothing in it but the way to the program's.
func (o *orders) reach(ownMounts bool) error {
	closed := o.closed()
	if closed == "" {
		return nil
	}
	var err error = unix.EPERM
	if ownMounts {
		err = o.hide(closed)
	}
	if err != nil {
		return fmt.Errorf("user %d can't pass through %s, and can't be given another way: %w", o.UID, closed, err)
	}
	return nil
}

// closed is the first directory on the way to the program's that its user
// can't pass through; "": it can come there.
func (o *orders) closed() string {
	if o.UID == 0 {
		return ""
	}
	found := ""
	for dir := filepath.Dir(filepath.Clean(o.Dir)); ; dir = filepath.Dir(dir) {
		var s unix.Stat_t
		if unix.Stat(dir, &s) == nil && !passable(&s, o.UID) {
			found = dir
		}
		if dir == filepath.Dir(dir) {
			return found
		}
	}
}

// passable tells whether a user, whose group has the same number, may go
// through a directory.
func passable(s *unix.Stat_t, uid uint32) bool {
	switch uid {
	case s.Uid:
		return s.Mode&unix.S_IXUSR != 0
	case s.Gid:
		return s.Mode&unix.S_IXGRP != 0
	}
	return s.Mode&unix.S_IXOTH != 0
}

// Reachable tells whether a user can come to a directory as it is.
func Reachable(dir string, uid uint32) bool { return (&orders{Dir: dir, UID: uid}).closed() == "" }

// OwnMounts tells whether this process may give a program a view of its own:
// then the way to the program's directory needs to be open to nobody. Root
// under Landlock may not. The kernel is asked for a move from nowhere, which it
// refuses as such only to those whom it lets mount.
func OwnMounts() bool { return unix.Mount("", "/", "", unix.MS_MOVE, "") == unix.EINVAL }

// hide puts the empty directory over the closed one. The program's directory
// stays the current one meanwhile, by which it can still be named.
func (o *orders) hide(closed string) error {
	if err := unix.Chdir(o.Dir); err != nil {
		return err
	}
	defer func() { _ = unix.Chdir("/") }()
	defer unix.Umask(unix.Umask(0))
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("none", closed, "tmpfs", flags, "size=64k,mode=711"); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return err
	}
	if err := unix.Mount(".", o.Dir, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return unix.Mount("none", closed, "", flags|unix.MS_REMOUNT|unix.MS_RDONLY, "size=64k,mode=711")
}
