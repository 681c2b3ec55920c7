// Package httpwire reads HTTP/1.x requests (RFC 9110, RFC 9112) from a buffer:
// where a head ends, what it says, where its body ends.
//
// It is strict where two readers could see two different requests, since
// that is what request smuggling lives on, and lenient where a device is: a
// bare LF ends a line, spaces may stand in the target, HTTP/0.9 is understood.
// It never does I/O, never allocates, and never panics on a peer's bytes.
// Limits: MaxLine, MaxHead, MaxFields, and those of Body.
package httpwire

import "bytes"

// Limits of a head, what we chose: what nginx and Apache allow at least.
const (
	MaxLine   = 8 << 10  // bytes of the request line
	MaxHead   = 16 << 10 // bytes of request line and fields, with their line ends
	MaxFields = 64
	// maxEmpty is how many empty lines before a request are passed over
	// (RFC 9112 section 2.2 asks for one).
	maxEmpty = 4
)

// Refusal is why a request is not served, and with what status it should be
// answered. Behind it nothing of the connection can be trusted.
type Refusal struct {
	Status int
	Why    string
}

func (r *Refusal) Error() string { return r.Why }

// The refusals.
var (
	ErrLine     = &Refusal{400, "broken request line"}
	ErrLineLong = &Refusal{414, "request line too long"}
	ErrHeadLong = &Refusal{431, "header too long"}
	ErrFields   = &Refusal{431, "too many header fields"}
	ErrField    = &Refusal{400, "broken header field"}
	ErrFold     = &Refusal{400, "folded header field"}
	ErrHost     = &Refusal{400, "more than one Host"}
	ErrVersion  = &Refusal{505, "HTTP version"}
	ErrLength   = &Refusal{400, "broken Content-Length"}
	ErrCoding   = &Refusal{501, "transfer coding"}
	ErrFraming  = &Refusal{400, "ambiguous length"}
	ErrChunk    = &Refusal{400, "broken chunk"}
)

// Finder looks for the end of a head in a buffer that grows. The zero value is
// at the start of one.
type Finder struct {
	at    int // what was looked at
	line  int // where the line begins that at is in
	begin int // where the request line begins, behind empty lines
	empty int
	first bool // the request line is complete
}

// Find returns the end of the head in buf, which begins with what it began
// with last time; 0 as long as it is not there. A Refusal says that there is no
// use in waiting: then end is what belongs to the broken head so far.
func (f *Finder) Find(buf []byte) (end int, err error) {
	for {
		i := bytes.IndexByte(buf[f.at:], '\n')
		if i < 0 {
			f.at = len(buf)
			return f.unfinished(buf)
		}
		next := f.at + i + 1
		line := trimEnd(buf[f.line:next])
		f.at, f.line = next, next
		switch {
		case f.first && len(line) == 0:
			return next, nil
		case f.first:
		case len(line) == 0:
			if f.empty++; f.empty > maxEmpty {
				return next, ErrLine
			}
			f.begin = next
		default:
			f.first = true
			switch major, err := shape(line); {
			case err != nil:
				return next, err
			case major == 0: // HTTP/0.9 has no more than this line
				return next, nil
			}
		}
		if next > MaxHead {
			return next, ErrHeadLong
		}
	}
}

// Begun tells whether something but empty lines has come, and the request
// line's begin.
func (f *Finder) Begun(buf []byte) (at int, ok bool) { return f.begin, len(buf) > f.begin }

func (f *Finder) unfinished(buf []byte) (int, error) {
	n := len(buf)
	switch {
	case !f.first && n > f.begin && !token[buf[f.begin]] && buf[f.begin] != '\r':
		return n, ErrLine // no method begins so: another protocol
	case !f.first && n-f.begin > MaxLine+1: // with its CR
		return n, ErrLineLong
	case n >= MaxHead:
		return n, ErrHeadLong
	}
	return 0, nil
}

// shape checks a complete request line and returns its major version.
func shape(line []byte) (major byte, err error) {
	l, err := parseLine(line)
	return l.major, err
}

func trimEnd(line []byte) []byte {
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// token tells the characters of methods and field names (RFC 9110 section
// 5.6.2).
var token = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

func isToken(b []byte) bool {
	for _, c := range b {
		if !token[c] {
			return false
		}
	}
	return len(b) > 0
}
