// Package sftp is the server's half of the SSH File Transfer Protocol, version
// 3 (draft-ietf-secsh-filexfer-02), over a file system that its caller has:
// packets in, packets out, no I/O of its own.
//
// Limits: MaxPacket, MaxHandles, MaxPath, MaxRead and MaxNames, each beside its
// declaration, and for what handles hold that which FileSystem.Take lends. Only
// an over-long packet or one before INIT ends the session; all else is answered
// with a status.
package sftp

import (
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// Limits, what we chose.
const (
	// MaxPacket is the longest packet in bytes, its length field apart.
	// Clients write 32 KiB at once unless told otherwise.
	MaxPacket  = 34 << 10
	MaxHandles = 8        // open files and directories of a session
	MaxPath    = 4096     // bytes
	MaxRead    = 32 << 10 // bytes of one READ
	MaxNames   = 64       // entries of one READDIR

	keepOut   = 4 << 10 // bytes of the largest answer whose memory is kept
	entrySize = 128     // bytes that an Entry takes, about
)

// Packet types (section 3).
const (
	typeInit     = 1
	typeVersion  = 2
	typeOpen     = 3
	typeClose    = 4
	typeRead     = 5
	typeWrite    = 6
	typeLstat    = 7
	typeFstat    = 8
	typeSetstat  = 9
	typeFsetstat = 10
	typeOpendir  = 11
	typeReaddir  = 12
	typeRemove   = 13
	typeMkdir    = 14
	typeRmdir    = 15
	typeRealpath = 16
	typeStat     = 17
	typeRename   = 18
	typeReadlink = 19
	typeSymlink  = 20
	typeStatus   = 101
	typeHandle   = 102
	typeData     = 103
	typeName     = 104
	typeAttrs    = 105
	typeExtended = 200

	version = 3
)

// Errors that a FileSystem answers with; each has a status of its own (section
// 7). Any other error becomes "Failure".
var (
	ErrNotExist   = errors.New("no such file")
	ErrPermission = errors.New("permission denied")
	ErrFailure    = errors.New("failure")
)

// What ends a session.
var (
	// ErrPacket is a packet that is empty or longer than MaxPacket.
	ErrPacket = errors.New("sftp: packet length out of bounds")
	// ErrInit is anything but INIT at the start.
	ErrInit = errors.New("sftp: no INIT at the start")
)

// Attr is what is told of a file.
type Attr struct {
	Mode     uint32 // type and permissions, as in POSIX
	Size     int64
	UID, GID uint32
	Time     time.Time // of the last change
	// Owner and Group are names for the long form of a listing.
	Owner, Group string
}

// Entry is a file in a directory.
type Entry struct {
	Name string
	Attr
}

// FileSystem is what a session works on. Paths are as the client sent them, at
// most MaxPath bytes, and may be relative.
type FileSystem interface {
	RealPath(path string) string
	Stat(path string, follow bool) (Attr, error)
	List(path string) ([]Entry, error)
	ReadFile(path string) ([]byte, error)
	Readlink(path string) (string, error)
	// Create opens a file for writing; without truncate its content stays.
	Create(path string, mode uint32, truncate bool) (File, error)
	Chmod(path string, mode uint32) error
	Remove(path string) error
	Mkdir(path string, mode uint32) error
	Rmdir(path string) error
	Rename(from, to string) error
	Symlink(target, path string) error
	// Take lends n bytes for what a handle holds, or nothing.
	Take(n int) bool
	// Give takes them back.
	Give(n int)
}

// File is a file that is being written.
type File interface {
	// WriteAt takes bytes, which it must not keep, at an offset.
	WriteAt(p []byte, offset int64) (int, error)
	// Close is called once; whole is false when the session ended first.
	Close(whole bool)
}

// Server is one session. The zero value is not ready; see New.
type Server struct {
	fs      FileSystem
	buf     []byte // of the packet that is not whole yet
	out     []byte // the last answer, for the next
	handles [MaxHandles]*handle
	started bool
}

// handle is an open file or directory.
type handle struct {
	path    string
	w       File // of a file to be written
	data    []byte
	loaded  bool // data is the file's content
	dir     bool
	entries []Entry // that have not been told
	lent    int     // bytes that it holds
}

// New makes a session's server.
func New(fs FileSystem) *Server { return &Server{fs: fs} }

// Feed takes the client's next bytes, in any cut, and writes the answers to w,
// each on its own: together those of one read could be a thousand times as
// long. An error ends the session.
func (s *Server) Feed(p []byte, w io.Writer) error {
	for {
		need := 4
		if len(s.buf) >= 4 {
			n := binary.BigEndian.Uint32(s.buf)
			if n < 1 || n > MaxPacket {
				return ErrPacket
			}
			need = 4 + int(n)
		}
		n := min(need-len(s.buf), len(p))
		s.buf, p = append(s.buf, p[:n]...), p[n:]
		if len(s.buf) < need {
			return nil
		}
		if need == 4 {
			continue
		}
		if err := s.whole(w); err != nil {
			return err
		}
	}
}

// whole answers the packet in buf.
func (s *Server) whole(w io.Writer) error {
	out, err := s.packet(s.buf[4], s.buf[5:], s.out[:0])
	s.buf = s.buf[:0]
	if s.out = out; cap(out) > keepOut {
		s.out = nil
	}
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// Close ends the session: what is still open is closed as not whole.
func (s *Server) Close() {
	for i, h := range s.handles {
		if h != nil {
			s.drop(h, false)
		}
		s.handles[i] = nil
	}
}

// packet answers one packet.
func (s *Server) packet(kind byte, body, out []byte) ([]byte, error) {
	if kind == typeInit && !s.started {
		s.started = true
		start := len(out)
		out = binary.BigEndian.AppendUint32(begin(out, typeVersion), version)
		return finish(out, start), nil
	}
	if !s.started {
		return out, ErrInit
	}
	r := reader{b: body}
	id := r.uint32()
	if r.bad {
		return out, ErrPacket
	}
	return s.answer(kind, id, &r, out), nil
}

// answer answers a request with its id.
func (s *Server) answer(kind byte, id uint32, r *reader, out []byte) []byte {
	switch kind {
	case typeOpen:
		return s.open(id, r, out)
	case typeClose:
		return status(out, id, s.close(r))
	case typeRead:
		return s.read(id, r, out)
	case typeWrite:
		return status(out, id, s.write(r))
	case typeStat, typeLstat, typeFstat:
		return s.stat(kind, id, r, out)
	case typeOpendir:
		return s.opendir(id, r, out)
	case typeReaddir:
		return s.readdir(id, r, out)
	case typeRealpath:
		return name(out, id, s.fs.RealPath(r.path()))
	case typeReadlink:
		return s.readlink(id, r, out)
	case typeExtended:
		return s.extended(id, r, out)
	}
	return status(out, id, s.change(kind, r))
}

// change does what has no answer but a status.
func (s *Server) change(kind byte, r *reader) error {
	at := r.path()
	switch kind {
	case typeRemove:
		return r.do(func() error { return s.fs.Remove(at) })
	case typeRmdir:
		return r.do(func() error { return s.fs.Rmdir(at) })
	case typeMkdir:
		a := r.attrs()
		return r.do(func() error { return s.fs.Mkdir(at, a.mode(0o777)) })
	case typeSetstat:
		return s.setstat(at, r)
	case typeFsetstat:
		h := s.handle(at)
		if h == nil {
			return ErrFailure
		}
		return s.setstat(h.path, r)
	case typeRename:
		to := r.path()
		return r.do(func() error { return s.fs.Rename(at, to) })
	case typeSymlink:
		// OpenSSH has the two the other way round than the draft, and
		// everybody follows it: first the target, then the link.
		link := r.path()
		return r.do(func() error { return s.fs.Symlink(at, link) })
	}
	return errUnsupported
}

func (s *Server) setstat(at string, r *reader) error {
	a := r.attrs()
	return r.do(func() error {
		if !a.hasMode {
			return nil // sizes, owners and times are taken as done
		}
		return s.fs.Chmod(at, a.perm)
	})
}

// extended knows OpenSSH's rename; others are unknown to old servers too.
func (s *Server) extended(id uint32, r *reader, out []byte) []byte {
	if string(r.string()) != "posix-rename@openssh.com" {
		return status(out, id, errUnsupported)
	}
	from, to := r.path(), r.path()
	return status(out, id, r.do(func() error { return s.fs.Rename(from, to) }))
}
