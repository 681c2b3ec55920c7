package shell

import (
	"path"
	"strings"

	"forager/pots/persona"
)

// grow takes memory for n bytes of files.
func (fs *fileSystem) grow(n int) bool {
	if n <= 0 {
		fs.used += n
		fs.sh.cfg.Budget.Give(-n)
		return true
	}
	if fs.used+n > fs.sh.cfg.Limits.Bytes || !fs.sh.cfg.Budget.Take(n) {
		if fs.sh.first("\x00full") {
			fs.sh.tellLimit(limitFiles)
		}
		return false
	}
	fs.used += n
	return true
}

// put makes an entry at a path; one that stood there is forgotten, its file
// told first.
func (fs *fileSystem) put(at string, e *entry) error {
	old := fs.changed[at]
	if old == nil {
		if len(fs.changed) >= fs.sh.cfg.Limits.Files || !fs.grow(entryCost+len(at)+len(e.target)) {
			if fs.sh.first("\x00full") {
				fs.sh.tellLimit(limitFiles)
			}
			return errSpace
		}
	} else {
		fs.sh.tellUpload(at, old, "replaced")
		fs.grow(len(e.target) - len(old.target) - cap(old.data))
	}
	if fs.changed == nil {
		fs.changed = make(map[string]*entry)
	}
	if e.mtime == 0 {
		e.mtime = fs.sh.cfg.Now().Unix()
	}
	fs.changed[at] = e
	return nil
}

// own makes an entry of a file that is still the persona's, so that it can be
// changed.
func (fs *fileSystem) own(f file) (*entry, error) {
	if f.e != nil {
		return f.e, nil
	}
	e := &entry{mode: f.n.Mode, uid: f.n.UID, gid: f.n.GID, base: f.n, target: f.n.Target, mtime: fs.mtime(f).Unix()}
	return e, fs.put(f.path, e)
}

// writable says why nothing can be made or changed at a path.
func (fs *fileSystem) writable(at string) error {
	if inProc(at) {
		return errPerm
	}
	for dir := range strings.FieldsSeq(fs.sh.p.Get("readonly")) {
		if at == dir || strings.HasPrefix(at, dir+"/") || dir == "/" && path.Dir(at) == "/" {
			return errROFS
		}
	}
	if fs.sh.user.UID != 0 && !fs.mayWrite(at) {
		return errAccess
	}
	return nil
}

// mayWrite is a rough rule for those who are not root: their home and what is
// open to all.
func (fs *fileSystem) mayWrite(at string) bool {
	home := fs.sh.user.Home
	if home != "/" && (at == home || strings.HasPrefix(at, home+"/")) {
		return true
	}
	for _, open := range []string{"/tmp", "/var/tmp", "/dev/shm", "/run/shm"} {
		if strings.HasPrefix(at, open+"/") {
			return true
		}
	}
	e := fs.changed[at]
	return e != nil && int(e.uid) == fs.sh.user.UID
}

// create opens a file for writing: a new one, or an old one emptied unless
// keep.
func (fs *fileSystem) create(name string, keep bool) (string, *entry, error) {
	f, err := fs.walk(name, true)
	switch {
	case err == errNoEnt && f.path != "":
		if strings.HasSuffix(name, "/") {
			return "", nil, errIsDir
		}
		return fs.createNew(f.path)
	case err != nil:
		return "", nil, err
	case f.isDir():
		return "", nil, errIsDir
	}
	if err := fs.writable(f.path); err != nil {
		return "", nil, err
	}
	if keep {
		e, err := fs.own(f)
		return f.path, e, err
	}
	if f.e != nil && len(f.e.data) == 0 && f.e.base == nil && f.e.fake == 0 {
		f.e.dirty = true
		return f.path, f.e, nil
	}
	uid, gid := f.owner()
	e := &entry{mode: f.mode(), uid: uint16(uid), gid: uint16(gid), dirty: true}
	return f.path, e, fs.put(f.path, e)
}

func (fs *fileSystem) createNew(at string) (string, *entry, error) {
	if err := fs.writable(at); err != nil {
		return "", nil, err
	}
	e := &entry{mode: persona.ModeFile | 0o644, uid: uint16(fs.sh.user.UID), gid: uint16(fs.sh.user.GID), dirty: true}
	return at, e, fs.put(at, e)
}

// append adds to a file. What the limits do not let in is left out.
func (fs *fileSystem) append(e *entry, p []byte) error {
	if e.base != nil || e.fake > 0 {
		old, _ := fs.read(file{path: "/", e: e})
		if !fs.grow(len(old)) {
			return errSpace
		}
		e.data, e.base, e.fake = append([]byte(nil), old...), nil, 0
		fs.grow(cap(e.data) - len(old))
	}
	fs.sh.work(len(p))
	e.dirty, e.mtime = true, fs.sh.cfg.Now().Unix()
	if need := len(e.data) + len(p); need > cap(e.data) {
		want := max(need, min(2*cap(e.data), cap(e.data)+16<<10), 64)
		if !fs.grow(want - cap(e.data)) {
			return errSpace
		}
		data := make([]byte, len(e.data), want)
		copy(data, e.data)
		e.data = data
	}
	e.data = append(e.data, p...)
	return nil
}

// writeFile makes or replaces a file.
func (fs *fileSystem) writeFile(name string, data []byte) error {
	_, e, err := fs.create(name, false)
	if err == nil && len(data) > 0 {
		err = fs.append(e, data)
	}
	return err
}

// remove takes a file away; a directory with all below it.
func (fs *fileSystem) remove(f file) error {
	if err := fs.writable(f.path); err != nil {
		return err
	}
	if f.path == "/" {
		return errPerm
	}
	fs.forget(f.path)
	if fs.inBase(f.path) {
		return fs.put(f.path, &entry{gone: true})
	}
	return nil
}

// inBase tells whether the tree under a path's directory has it, so that it
// must be marked as gone.
func (fs *fileSystem) inBase(at string) bool {
	dir, err := fs.walk(path.Dir(at), false)
	if err != nil || dir.base() == nil {
		return false
	}
	return dir.base().Kid(baseName(at)) != nil
}

// forget drops the entry of a path and those below it.
func (fs *fileSystem) forget(at string) {
	if fs.changed == nil {
		return
	}
	for _, p := range fs.paths() {
		if p == at || strings.HasPrefix(p, at+"/") {
			e := fs.changed[p]
			fs.sh.tellUpload(p, e, "removed")
			fs.grow(-(cap(e.data) + entryCost + len(p) + len(e.target)))
			delete(fs.changed, p)
		}
	}
}

// mkdir makes a directory.
func (fs *fileSystem) mkdir(name string) error {
	f, err := fs.walk(strings.TrimRight(name, "/"), false)
	if strings.Trim(name, "/") == "" && name != "" {
		return errExist
	}
	switch {
	case err == nil:
		return errExist
	case err != errNoEnt || f.path == "":
		return err
	}
	if err := fs.writable(f.path); err != nil {
		return err
	}
	return fs.put(f.path, &entry{mode: persona.ModeDir | 0o755, uid: uint16(fs.sh.user.UID), gid: uint16(fs.sh.user.GID)})
}

// symlink makes a link.
func (fs *fileSystem) symlink(target, name string) error {
	f, err := fs.walk(name, false)
	switch {
	case err == nil:
		return errExist
	case err != errNoEnt || f.path == "":
		return err
	}
	if err := fs.writable(f.path); err != nil {
		return err
	}
	if len(target) > pathMax {
		return errSpace
	}
	return fs.put(f.path, &entry{mode: persona.ModeLink | 0o777, target: target})
}

// move gives a file another path. Below a directory of the session's own
// everything moves with it.
func (fs *fileSystem) move(f file, to string) error {
	fs.sh.work(64 * len(fs.changed))
	if err := fs.writable(f.path); err != nil {
		return err
	}
	if err := fs.writable(to); err != nil {
		return err
	}
	if to == f.path {
		return nil
	}
	if strings.HasPrefix(to, f.path+"/") {
		return errInval
	}
	e, err := fs.own(f)
	if err != nil {
		return err
	}
	moved := map[string]*entry{to: e}
	for _, p := range fs.paths() {
		if rest, ok := strings.CutPrefix(p, f.path+"/"); ok {
			moved[to+"/"+rest] = fs.changed[p]
		}
	}
	fs.forget(to)
	for _, p := range fs.paths() {
		if p == f.path || strings.HasPrefix(p, f.path+"/") {
			fs.grow(-(entryCost + len(p) + len(fs.changed[p].target)))
			delete(fs.changed, p)
		}
	}
	for p, e := range moved {
		if err := fs.put(p, e); err != nil {
			fs.grow(-cap(e.data))
		}
	}
	if fs.inBase(f.path) {
		return fs.put(f.path, &entry{gone: true})
	}
	return nil
}
