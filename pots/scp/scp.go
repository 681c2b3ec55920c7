// Package scp is the far end of `scp` without SFTP, the protocol that rcp had:
// the program that the client starts with -t (it takes files) or -f (it gives
// them). There is no standard; the words here are those of OpenSSH's scp.c.
//
// It is a state machine without I/O of its own, for bytes in any cut.
// Limits: MaxLine bytes of a control line, MaxDepth directories in each other.
package scp

import (
	"bytes"
	"errors"
	"path"
	"strconv"
	"strings"
)

// Limits, what we chose.
const (
	MaxLine  = 4 << 10
	MaxDepth = 32
)

// ErrProtocol ends a session; the client has been told.
var ErrProtocol = errors.New("scp: protocol error")

// Target takes what comes.
type Target interface {
	// Begin tells of a file; size is what the client announced.
	Begin(path string, mode uint32, size int64)
	// Data is the next part of it, not to be kept.
	Data(p []byte)
	// End ends it; whole is false when the session ended first.
	End(whole bool)
	// Mkdir tells of a directory.
	Mkdir(path string, mode uint32)
}

// sinkState is what the next byte belongs to.
type sinkState uint8

const (
	inControl sinkState = iota
	inData
	inStatus // the byte behind a file's data
)

// Sink is the end that takes files.
type Sink struct {
	t     Target
	isDir func(string) bool
	base  string   // where the client wants them
	dirs  []string // entered directories
	line  []byte
	state sinkState
	left  int64 // bytes of the file to come
}

// NewSink makes a Sink for files at base, which isDir tells about. Its client
// waits for Hello first.
func NewSink(t Target, base string, isDir func(string) bool) *Sink {
	return &Sink{t: t, base: base, isDir: isDir}
}

var newline = []byte{'\n'}

// Hello is what the end that takes files says first, that it is ready, and what
// the other says behind a file, that it was whole.
const Hello = "\x00"

// Feed takes the next bytes and appends the answers to out.
func (s *Sink) Feed(p, out []byte) ([]byte, error) {
	for len(p) > 0 {
		switch s.state {
		case inData:
			n := int(min(s.left, int64(len(p))))
			s.t.Data(p[:n])
			p = p[n:]
			if s.left -= int64(n); s.left == 0 {
				s.state = inStatus
			}
		case inStatus:
			s.t.End(p[0] == 0)
			s.state, p = inControl, p[1:]
			out = append(out, 0)
		case inControl:
			part, rest, whole := bytes.Cut(p, newline)
			if len(s.line)+len(part) > MaxLine {
				return fail(out, "control line too long")
			}
			s.line, p = append(s.line, part...), rest
			if !whole {
				return out, nil
			}
			var err error
			if out, err = s.control(string(s.line), out); err != nil {
				return out, err
			}
			s.line = s.line[:0]
		}
	}
	return out, nil
}

// Close ends the session; a file in the middle is not whole.
func (s *Sink) Close() {
	if s.state != inControl {
		s.t.End(s.state == inStatus)
		s.state = inControl
	}
}

// fail tells the client what is wrong, and ends.
func fail(out []byte, why string) ([]byte, error) {
	return append(append(append(out, "\x01scp: protocol error: "...), why...), '\n'), ErrProtocol
}

// control takes a line: a file, a directory and its end, times, a complaint.
func (s *Sink) control(line string, out []byte) ([]byte, error) {
	if line == "" {
		return fail(out, "unexpected <newline>")
	}
	switch line[0] {
	case 'C', 'D':
		return s.entry(line, out)
	case 'E':
		if len(s.dirs) == 0 {
			return fail(out, "unexpected E")
		}
		s.dirs = s.dirs[:len(s.dirs)-1]
	case 'T': // times, which are taken as set
	case 1: // a warning of the client's; it goes on by itself
		return out, nil
	default:
		return fail(out, "expected control record")
	}
	return append(out, 0), nil
}

// entry takes "C0644 1234 name" or "D0755 0 name".
func (s *Sink) entry(line string, out []byte) ([]byte, error) {
	mode, rest, ok1 := strings.Cut(line[1:], " ")
	length, name, ok2 := strings.Cut(rest, " ")
	perm, err1 := strconv.ParseUint(mode, 8, 16)
	size, err2 := strconv.ParseInt(length, 10, 64)
	switch {
	case !ok1 || !ok2 || err1 != nil:
		return fail(out, "bad mode")
	case err2 != nil || size < 0:
		return fail(out, "size not delimited")
	case name == "" || name == "." || name == ".." || strings.Contains(name, "/"):
		return fail(out, "unexpected filename: "+name)
	}
	at := s.at(name)
	if line[0] == 'D' {
		if len(s.dirs) >= MaxDepth {
			return fail(out, "too deep")
		}
		s.t.Mkdir(at, uint32(perm))
		s.dirs = append(s.dirs, at)
		return append(out, 0), nil
	}
	s.t.Begin(at, uint32(perm), size)
	s.left = size
	if s.state = inData; size == 0 {
		s.state = inStatus
	}
	return append(out, 0), nil
}

// at is where an entry goes: below the last directory, into the base where
// that is one, or else under the base's own name.
func (s *Sink) at(name string) string {
	if n := len(s.dirs); n > 0 {
		return path.Join(s.dirs[n-1], name)
	}
	if s.isDir(s.base) {
		return path.Join(s.base, name)
	}
	return s.base
}
