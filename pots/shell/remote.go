package shell

import (
	"strings"
	"time"

	"forager/pots/persona"
)

// What SFTP, scp and ADB see of a session's file system, without a command
// line. The limits and the owner's rights are those of the shell. None of it
// makes events: who moves files tells of them.

// Errors of these methods that protocols tell apart; others are failures.
var (
	ErrNotExist   = errNoEnt
	ErrPermission = errAccess
	ErrReadOnly   = errROFS
	ErrSpace      = errSpace
	ErrMemory     = errMemory
)

// Info is what is known of a file.
type Info struct {
	Name         string
	Mode         uint32 // type and permissions
	Size         int64
	UID, GID     int
	Owner, Group string
	Time         time.Time // of the last change
}

// Again makes the shell that of another session of the same user: the files
// stay, all else is as New makes it.
func (s *Shell) Again(cfg Config) {
	s.release(0)
	s.owe(&s.kept, 0)
	fs, seen, slept := s.fs, s.seen, s.slept
	cfg.User = s.cfg.User
	*s = *New(cfg)
	s.fs, s.seen, s.slept = fs, seen, slept
	s.fs.sh = s
	if s.walkHome() != nil {
		s.cwd = "/"
	}
}

func (s *Shell) walkHome() error {
	f, err := s.fs.walk(s.user.Home, true)
	if err == nil && !f.isDir() {
		err = errNotDir
	}
	return err
}

// Pause ends a session whose files another may find: what is unfinished is
// told, as Close does it.
func (s *Shell) Pause() {
	s.dropUnfinished()
	s.fs.tellAll("end")
}

// tellAll tells of what was written.
func (fs *fileSystem) tellAll(why string) {
	for _, at := range fs.paths() {
		if e := fs.changed[at]; !e.gone {
			fs.sh.tellUpload(at, e, why)
		}
	}
}

// fresh gives a call its own allowance of work.
func (s *Shell) fresh() { s.steps, s.halted, s.flow = 0, limitNone, flowNone }

// RealPath makes a path absolute; of one that leads somewhere it is where.
func (s *Shell) RealPath(name string) string {
	if name == "" {
		name = "."
	}
	if f, err := s.fs.walk(name, true); err == nil {
		return f.path
	}
	return s.fs.abs(name)
}

// Stat tells of a file; follow says whether a link at the end is followed.
func (s *Shell) Stat(name string, follow bool) (Info, error) {
	s.fresh()
	if name == "" {
		name = "."
	}
	f, err := s.fs.walk(name, follow)
	if err != nil {
		return Info{}, err
	}
	return s.info(f), nil
}

func (s *Shell) info(f file) Info {
	uid, gid := f.owner()
	return Info{
		Name: f.name(), Mode: f.mode(), Size: s.fs.size(f), UID: uid, GID: gid,
		Owner: s.userName(uid), Group: s.groupName(gid), Time: s.fs.mtime(f),
	}
}

// ReadDir returns the entries of a directory, "." and ".." first.
func (s *Shell) ReadDir(name string) ([]Info, error) {
	s.fresh()
	dir, err := s.fs.walk(name, true)
	if err != nil {
		return nil, err
	}
	if !dir.isDir() {
		return nil, errNotDir
	}
	self := s.info(dir)
	list := []Info{self, self}
	list[0].Name, list[1].Name = ".", ".."
	for _, f := range s.fs.list(dir) {
		if !s.step(1) {
			break
		}
		list = append(list, s.info(f))
	}
	return list, nil
}

// ReadFile returns the first Limits.Pipe bytes of a file. Who keeps them takes
// their capacity from the budget.
func (s *Shell) ReadFile(name string) ([]byte, error) {
	s.fresh()
	defer s.release(0)
	return s.fs.readPath(name)
}

// Readlink returns where a link leads.
func (s *Shell) Readlink(name string) (string, error) {
	f, err := s.fs.walk(name, false)
	if err == nil && !f.isLink() {
		err = errInval
	}
	if err != nil {
		return "", err
	}
	return f.target(), nil
}

// Upload is a file that a client writes. What the limits do not let in is left
// out, silently: a device would have had the room.
type Upload struct {
	s    *Shell
	path string
	e    *entry
}

// Create opens a file for writing with these permissions; without truncate an
// old one's content and permissions stay.
func (s *Shell) Create(name string, mode uint32, truncate bool) (*Upload, error) {
	s.fresh()
	at, e, err := s.fs.create(name, !truncate)
	if err != nil {
		return nil, err
	}
	if truncate {
		e.mode = e.mode&persona.ModeType | mode&0o7777
	}
	e.dirty = false
	return &Upload{s, at, e}, nil
}

// Path is where the file is.
func (u *Upload) Path() string { return u.path }

// Write adds bytes at the end.
func (u *Upload) Write(p []byte) {
	_ = u.s.fs.append(u.e, p)
	u.e.dirty = false
}

// Chmod changes the permissions.
func (s *Shell) Chmod(name string, mode uint32) error {
	s.fresh()
	f, err := s.fs.walk(name, true)
	if err != nil {
		return err
	}
	if err := s.fs.writable(f.path); err != nil {
		return err
	}
	if f.mode()&0o7777 == mode&0o7777 {
		return nil
	}
	e, err := s.fs.own(f)
	if err == nil {
		e.mode = e.mode&persona.ModeType | mode&0o7777
	}
	return err
}

// Remove takes a file away, but no directory.
func (s *Shell) Remove(name string) error { return s.removeKind(name, false) }

// Rmdir takes an empty directory away.
func (s *Shell) Rmdir(name string) error { return s.removeKind(name, true) }

func (s *Shell) removeKind(name string, dir bool) error {
	s.fresh()
	f, err := s.fs.walk(name, false)
	switch {
	case err != nil:
		return err
	case f.isDir() && !dir:
		return errIsDir
	case !f.isDir() && dir:
		return errNotDir
	case dir && len(s.fs.list(f)) > 0:
		return errEmpty
	}
	return s.fs.remove(f)
}

// Mkdir makes a directory.
func (s *Shell) Mkdir(name string, mode uint32) error {
	s.fresh()
	if err := s.fs.mkdir(name); err != nil {
		return err
	}
	return s.Chmod(name, mode)
}

// Rename gives a file another path, and replaces what stood there.
func (s *Shell) Rename(from, to string) error {
	s.fresh()
	f, err := s.fs.walk(from, false)
	if err != nil {
		return err
	}
	old, err := s.fs.walk(strings.TrimRight(to, "/"), false)
	switch {
	case err == nil && old.isDir():
		return errIsDir
	case err != nil && old.path == "": // not even its directory is there
		return err
	}
	return s.fs.move(f, old.path)
}

// Symlink makes a link.
func (s *Shell) Symlink(target, name string) error {
	s.fresh()
	return s.fs.symlink(target, name)
}
