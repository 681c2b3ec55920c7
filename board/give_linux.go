package board

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Limits of what is given away at once; more is no node's state directory.
const (
	giveMost  = 1 << 16 // files and directories
	giveDepth = 24      // directories in one another
	giveBatch = 128     // names read at a time
)

// GiveDir makes an account the owner of a directory and of all that is in it.
// The directory must be closed to others (mode 0700, as the node makes it) or
// be the account's already, so that a mistyped path gives nothing away.
//
// Who wrote into it before may be hostile: no symbolic link is followed, not
// even one that appears meanwhile, no other file system is entered, and a file
// that has another name elsewhere stays as it is.
func GiveDir(path string, to Account) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	g := giver{to: to, left: giveMost}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&0o077 != 0 && int(st.Uid) != to.UID {
		err = fmt.Errorf("%s has mode %04o, so it is not given to %s: chown it, or chmod 0700", path, st.Mode&0o7777, to.Name)
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	g.dev = uint64(st.Dev)
	if err := g.own(fd, "", &st); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := g.inside(os.NewFile(uintptr(fd), path), giveDepth); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// GiveSocket makes an account the owner of a socket's name.
func GiveSocket(path string, to Account) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fmt.Errorf("%s is no socket", path)
	}
	g := giver{to: to, left: 1}
	return g.own(fd, "", &st)
}

// giver gives files away.
type giver struct {
	to   Account
	dev  uint64
	left int // files and directories that may follow
}

// own changes the owner of what an O_PATH descriptor stands for.
func (g *giver) own(fd int, name string, st *unix.Stat_t) error {
	if g.left--; g.left < 0 {
		return fmt.Errorf("more than %d files: not all are given to %s", giveMost, g.to.Name)
	}
	if int(st.Uid) == g.to.UID && int(st.Gid) == g.to.GID {
		return nil
	}
	if err := unix.Fchownat(fd, "", g.to.UID, g.to.GID, unix.AT_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "chown", Path: name, Err: err}
	}
	return nil
}

// inside gives what is in a directory, and closes it.
func (g *giver) inside(dir *os.File, depth int) error {
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(giveBatch)
		for _, name := range names {
			if err := g.entry(int(dir.Fd()), name, depth); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// entry gives one entry of a directory. Links and devices are nobody's gift.
func (g *giver) entry(dir int, name string, depth int) error {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil // gone meanwhile
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || uint64(st.Dev) != g.dev {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if st.Nlink == 1 {
			return g.own(fd, name, &st)
		}
		return nil
	case unix.S_IFDIR:
	default:
		return nil
	}
	if depth == 0 {
		return fmt.Errorf("%s: more than %d directories deep", name, giveDepth)
	}
	if err := g.own(fd, name, &st); err != nil {
		return err
	}
	sub, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return g.inside(os.NewFile(uintptr(sub), name), depth-1)
}
