package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Status codes and what OpenSSH's server says with each (section 7).
var statuses = []struct {
	err  error
	code uint32
	text string
}{
	{nil, 0, "Success"},
	{errEOF, 1, "End of file"},
	{ErrNotExist, 2, "No such file"},
	{ErrPermission, 3, "Permission denied"},
	{ErrFailure, 4, "Failure"},
	{errBad, 5, "Bad message"},
	{errUnsupported, 8, "Operation unsupported"},
}

var (
	errEOF         = errors.New("end of file")
	errBad         = errors.New("bad message")
	errUnsupported = errors.New("operation unsupported")
)

// Flags of attributes (section 5).
const (
	attrSize     = 1
	attrUIDGID   = 2
	attrPerm     = 4
	attrTimes    = 8
	attrExtended = 1 << 31
)

// maxExtended is how many extended attributes are stepped over.
const maxExtended = 64

// reader reads the fields of a packet; after one that is not whole it is bad,
// and gives nothing more.
type reader struct {
	b   []byte
	bad bool
}

// do calls f unless the packet was bad.
func (r *reader) do(f func() error) error {
	if r.bad {
		return errBad
	}
	return f()
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) uint32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *reader) string() []byte {
	n := r.uint32()
	return r.take(int(min(n, MaxPacket+1)))
}

// path reads a path; one that is too long is bad.
func (r *reader) path() string {
	p := r.string()
	if len(p) > MaxPath {
		r.bad = true
		return ""
	}
	return string(p)
}

// attrs are those attributes of a request that matter.
type attrs struct {
	hasMode bool
	perm    uint32
}

// mode is the permissions that were asked for, or def.
func (a attrs) mode(def uint32) uint32 {
	if a.hasMode {
		return a.perm
	}
	return def
}

func (r *reader) attrs() (a attrs) {
	flags := r.uint32()
	if flags&attrSize != 0 {
		r.uint64()
	}
	if flags&attrUIDGID != 0 {
		r.uint64()
	}
	if flags&attrPerm != 0 {
		a.hasMode, a.perm = true, r.uint32()&0o7777
	}
	if flags&attrTimes != 0 {
		r.uint64()
	}
	if flags&attrExtended != 0 {
		for range min(r.uint32(), maxExtended) {
			r.string()
			r.string()
		}
	}
	return a
}

// begin begins a packet; finish fills in its length.
func begin(out []byte, kind byte) []byte { return append(out, 0, 0, 0, 0, kind) }

func finish(out []byte, start int) []byte {
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start-4))
	return out
}

func appendString[T ~string | ~[]byte](out []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(out, uint32(len(s))), s...)
}

// status appends the answer that is only a status.
func status(out []byte, id uint32, err error) []byte {
	code, text := uint32(4), "Failure"
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			code, text = s.code, s.text
			break
		}
	}
	start := len(out)
	out = binary.BigEndian.AppendUint32(begin(out, typeStatus), id)
	out = binary.BigEndian.AppendUint32(out, code)
	out = appendString(out, text)
	return finish(appendString(out, ""), start)
}

// name appends the answer that is one path, without attributes.
func name(out []byte, id uint32, path string) []byte {
	start := len(out)
	out = binary.BigEndian.AppendUint32(begin(out, typeName), id)
	out = binary.BigEndian.AppendUint32(out, 1)
	out = appendString(appendString(out, path), path)
	return finish(binary.BigEndian.AppendUint32(out, 0), start)
}

func appendAttr(out []byte, a *Attr) []byte {
	out = binary.BigEndian.AppendUint32(out, attrSize|attrUIDGID|attrPerm|attrTimes)
	out = binary.BigEndian.AppendUint64(out, uint64(a.Size))
	for _, v := range []uint32{a.UID, a.GID, a.Mode, uint32(a.Time.Unix()), uint32(a.Time.Unix())} {
		out = binary.BigEndian.AppendUint32(out, v)
	}
	return out
}

// long is an entry as ls -l shows it, which clients print as it comes.
func (e *Entry) long() string {
	stamp := "Jan _2 15:04"
	if e.Time.Year() < 2020 { // older than half a year, whatever the clock says
		stamp = "Jan _2  2006"
	}
	return fmt.Sprintf("%s %4d %-8s %-8s %8d %s %s", modeText(e.Mode), 1, e.Owner, e.Group, e.Size, e.Time.Format(stamp), e.Name)
}

// modeText is "drwxr-xr-x".
func modeText(mode uint32) string {
	kinds := map[uint32]byte{0o040000: 'd', 0o120000: 'l', 0o020000: 'c', 0o060000: 'b'}
	b := []byte(strings.Repeat("-", 10))
	if k, ok := kinds[mode&0o170000]; ok {
		b[0] = k
	}
	for i := range 9 {
		if mode>>(8-i)&1 != 0 {
			b[1+i] = "rwxrwxrwx"[i]
		}
	}
	return string(b)
}
