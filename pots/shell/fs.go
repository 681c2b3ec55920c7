//lint:file-ignore ST1005 these texts are strerror's, which an attacker reads

package shell

import (
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"forager/pots/persona"
)

// What system calls say, in the words of strerror.
var (
	errNoEnt  = errors.New("No such file or directory")
	errNotDir = errors.New("Not a directory")
	errIsDir  = errors.New("Is a directory")
	errExist  = errors.New("File exists")
	errAccess = errors.New("Permission denied")
	errROFS   = errors.New("Read-only file system")
	errSpace  = errors.New("No space left on device")
	errLoop   = errors.New("Too many levels of symbolic links")
	errName   = errors.New("File name too long")
	errEmpty  = errors.New("Directory not empty")
	errInval  = errors.New("Invalid argument")
	errMemory = errors.New("Cannot allocate memory")
	errPerm   = errors.New("Operation not permitted")
)

// What Linux allows (uapi/linux/limits.h), and MAXSYMLINKS.
const (
	pathMax  = 4096
	nameMax  = 255
	maxLinks = 40
)

// entryCost is what an entry of the map costs beside its bytes and its path,
// about (measured: 176 bytes on amd64).
const entryCost = 192

// fileSystem is the persona's tree and what the session changed in it.
type fileSystem struct {
	sh      *Shell
	changed map[string]*entry // by absolute path without links
	used    int               // bytes against Limits.Bytes and the budget
}

// entry is a file that differs from the persona's.
type entry struct {
	mode     uint32
	uid, gid uint16
	mtime    int64 // Unix seconds
	data     []byte
	target   string        // of a link
	base     *persona.Node // a directory's or program's content, where it is still the persona's
	url      string        // a download that never was
	fake     int64         // and its size
	gone     bool
	dirty    bool // written, and no event told of it
}

// file is what a path leads to: an entry, or else a node of the persona.
type file struct {
	path string
	e    *entry
	n    *persona.Node
}

func (f file) mode() uint32 {
	if f.e != nil {
		return f.e.mode
	}
	return f.n.Mode
}

func (f file) isDir() bool  { return f.mode()&persona.ModeType == persona.ModeDir }
func (f file) isLink() bool { return f.mode()&persona.ModeType == persona.ModeLink }
func (f file) isReg() bool  { return f.mode()&persona.ModeType == persona.ModeFile }
func (f file) isDev() bool  { return !f.isDir() && !f.isLink() && !f.isReg() }
func (f file) exists() bool { return f.e != nil || f.n != nil }

func (f file) target() string {
	if f.e != nil {
		return f.e.target
	}
	return f.n.Target
}

func (f file) owner() (uid, gid int) {
	if f.e != nil {
		return int(f.e.uid), int(f.e.gid)
	}
	return int(f.n.UID), int(f.n.GID)
}

// base is the directory of the persona under f, or nil.
func (f file) base() *persona.Node {
	if f.e != nil {
		return f.e.base
	}
	return f.n
}

// abs makes a path absolute and clean.
func (fs *fileSystem) abs(name string) string {
	if !strings.HasPrefix(name, "/") {
		name = fs.sh.cwd + "/" + name
	}
	return path.Clean(name)
}

// walk finds what a path leads to. follow says whether a link at its end is
// followed.
func (fs *fileSystem) walk(name string, follow bool) (file, error) {
	if name == "" {
		return file{}, errNoEnt
	}
	if len(name) > pathMax {
		return file{}, errName
	}
	fs.sh.work(32 + len(name))
	slash := strings.HasSuffix(name, "/")
	at := fs.abs(name)
	for range maxLinks {
		f, next, err := fs.walkOnce(at, follow || slash)
		if err != nil || next == "" {
			if err == nil && slash && !f.isDir() {
				err = errNotDir
			}
			return f, err
		}
		if at = next; fs.sh.halted != limitNone {
			break
		}
	}
	return file{}, errLoop
}

// walkOnce goes down a clean path up to its end or to a link, whose new path
// it returns.
func (fs *fileSystem) walkOnce(at string, follow bool) (f file, next string, err error) {
	f = fs.root()
	if at == "/" {
		return f, "", nil
	}
	for start := 1; ; {
		end := len(at)
		if i := strings.IndexByte(at[start:], '/'); i >= 0 {
			end = start + i
		}
		if !f.isDir() {
			return file{}, "", errNotDir
		}
		if end-start > nameMax {
			return file{}, "", errName
		}
		if f = fs.kid(f, at[:end], at[start:end]); !f.exists() {
			if end < len(at) {
				return file{}, "", errNoEnt
			}
			return file{path: at}, "", errNoEnt
		}
		if f.isLink() && (end < len(at) || follow) {
			fs.sh.work(64 + 4*len(f.target()))
			return file{}, linked(at[:start-1], f.target(), at[end:]), nil
		}
		if end == len(at) {
			return f, "", nil
		}
		start = end + 1
	}
}

func linked(dir, target, rest string) string {
	if len(target)+len(rest)+len(dir) > pathMax {
		return "/\x00"
	}
	if !strings.HasPrefix(target, "/") {
		target = dir + "/" + target
	}
	return path.Clean(target + rest)
}

func (fs *fileSystem) root() file {
	if e := fs.changed["/"]; e != nil {
		return file{path: "/", e: e}
	}
	return file{path: "/", n: fs.sh.p.Root()}
}

// kid is the entry of a directory; it does not exist if there is none.
func (fs *fileSystem) kid(dir file, at, name string) file {
	if fs.changed != nil {
		if e := fs.changed[at]; e != nil {
			if e.gone {
				return file{}
			}
			return file{path: at, e: e}
		}
	}
	if b := dir.base(); b != nil {
		if n := b.Kid(name); n != nil {
			return file{path: at, n: n}
		}
	}
	return file{}
}

// list returns the entries of a directory, sorted by name.
func (fs *fileSystem) list(dir file) []file {
	var kids []file
	prefix := dir.path
	if prefix != "/" {
		prefix += "/"
	}
	if b := dir.base(); b != nil {
		kids = make([]file, 0, len(b.Kids)+4)
		for _, n := range b.Kids {
			if at := prefix + n.Name; fs.changed[at] == nil {
				kids = append(kids, file{path: at, n: n})
			}
		}
	}
	fs.sh.work(64 * (len(kids) + len(fs.changed)))
	sorted := len(kids)
	for at, e := range fs.changed {
		if !e.gone && at != "/" && path.Dir(at) == dir.path {
			kids = append(kids, file{path: at, e: e})
		}
	}
	if len(kids) > sorted {
		slices.SortStableFunc(kids, func(a, b file) int { return strings.Compare(a.path, b.path) })
	}
	return kids
}

func (f file) name() string { return baseName(f.path) }

func baseName(at string) string {
	if i := strings.LastIndexByte(at, '/'); i >= 0 && len(at) > 1 {
		return at[i+1:]
	}
	return at
}

// size is what ls shows: 0 for files of /proc.
func (fs *fileSystem) size(f file) int64 {
	switch {
	case f.isDir() && (inProc(f.path)):
		return 0
	case f.isDir():
		return fs.sh.dirSize()
	case f.isLink():
		return int64(len(f.target()))
	case f.e != nil && f.e.fake > 0:
		return f.e.fake
	case f.e != nil && f.e.base == nil:
		return int64(len(f.e.data))
	case inProc(f.path):
		return 0
	case f.e != nil:
		return fs.sh.p.Size(f.e.base, fs.sh.cfg.Now())
	}
	return fs.sh.p.Size(f.n, fs.sh.cfg.Now())
}

func inProc(at string) bool {
	return at == "/proc" || strings.HasPrefix(at, "/proc/") || at == "/sys" || strings.HasPrefix(at, "/sys/")
}

// mtime is when a file was changed: the persona's are as old as the firmware,
// those of /proc are new, those of /var and /tmp came with the boot.
func (fs *fileSystem) mtime(f file) time.Time {
	now := fs.sh.cfg.Now()
	if f.e != nil && f.e.mtime != 0 {
		return time.Unix(f.e.mtime, 0).UTC()
	}
	switch top, _, _ := strings.Cut(f.path[1:], "/"); top {
	case "proc", "sys":
		return now.UTC()
	case "tmp", "var", "dev", "run":
		return fs.sh.p.Boot(now).UTC()
	}
	return fs.sh.p.TLS.Start
}

// read returns a file's content, at most Limits.Pipe bytes of it.
func (fs *fileSystem) read(f file) ([]byte, error) {
	most := fs.sh.cfg.Limits.Pipe
	switch {
	case f.isDir():
		return nil, errIsDir
	case f.isDev():
		return fs.readDevice(f, most), nil
	case f.e == nil || f.e.base != nil || f.e.fake > 0: // its bytes are made now
		if size := min(max(fs.size(f), leastLoan), int64(most)); !fs.sh.borrow(int(size)) {
			return nil, errMemory
		}
	}
	switch {
	case f.e != nil && f.e.fake > 0:
		return fs.sh.p.AppendProgram(nil, f.e.url, f.e.fake, most), nil
	case f.e != nil && f.e.base != nil:
		return fs.sh.p.Read(f.e.base, fs.sh.cfg.Now(), most), nil
	case f.e != nil:
		return f.e.data[:min(len(f.e.data), most)], nil
	}
	return fs.sh.p.Read(f.n, fs.sh.cfg.Now(), most), nil
}

// readDevice gives what endless devices give, up to a limit.
func (fs *fileSystem) readDevice(f file, most int) []byte {
	switch f.name() {
	case "zero", "full":
		if fs.sh.borrow(most) {
			return make([]byte, most)
		}
	case "urandom", "random":
		if !fs.sh.borrow(most) {
			return nil
		}
		return fs.sh.p.AppendProgram(nil, "random", int64(most), most)[min(most, 200):]
	}
	return nil
}

// readPath reads the file at a path.
func (fs *fileSystem) readPath(name string) ([]byte, error) {
	f, err := fs.walk(name, true)
	if err != nil {
		return nil, err
	}
	return fs.read(f)
}

// close tells of what was written and gives the memory back.
func (fs *fileSystem) close() {
	for _, at := range fs.paths() {
		if e := fs.changed[at]; !e.gone {
			fs.sh.tellUpload(at, e, "end")
		}
	}
	fs.sh.cfg.Budget.Give(fs.used)
	fs.used, fs.changed = 0, nil
}

// paths returns the paths of all entries, sorted: events come in an order that
// does not depend on a map.
func (fs *fileSystem) paths() []string {
	list := make([]string, 0, len(fs.changed))
	for at := range fs.changed {
		list = append(list, at)
	}
	slices.Sort(list)
	return list
}
