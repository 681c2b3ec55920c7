// Package xmlrpc finds the logins in a stream of XML-RPC, as WordPress takes
// them: one call, or hundreds in one system.multicall, which is how passwords
// are tried in bulk.
//
// It reads the bytes as they come and keeps none of them but one text of
// maxText bytes, so that a body of megabytes costs no memory. It never does
// I/O, never allocates, and never panics on a peer's bytes. Being no XML parser
// it takes broken documents too.
package xmlrpc

import (
	"bytes"
	"strings"
)

// Limits, what we chose.
const (
	maxText = 256 // bytes of a user name or password; the rest is dropped
	maxTag  = 16  // bytes of a tag's name; longer ones are none of XML-RPC's
)

// Scanner reads one document. The zero value is at its start.
type Scanner struct {
	inTag  bool
	tag    [maxTag]byte
	tagLen int
	space  bool // behind the tag's name

	text    [maxText]byte
	textLen int
	fresh   bool // a scalar may stand here: no tag has closed since one opened
	typed   bool // the open value has a type, so its own text is none

	state scanState
	skip  int // parameters before the user name
	user  [maxText]byte
	n     int
	calls int
}

type scanState uint8

const (
	waitMethod scanState = iota
	waitUser
	waitPassword
)

// Calls is how many method calls have been seen, known or not.
func (s *Scanner) Calls() int { return s.calls }

// Reset puts the scanner at the start of a document. What stands in its texts
// is not read again.
func (s *Scanner) Reset() {
	s.inTag, s.tagLen, s.space, s.textLen, s.fresh, s.typed = false, 0, false, 0, false, false
	s.state, s.skip, s.n, s.calls = waitMethod, 0, 0, 0
}

// Feed reads the next bytes and calls login for every user and password that
// ends in them. The slices are good during the call.
func (s *Scanner) Feed(p []byte, login func(user, password []byte)) {
	for _, c := range p {
		switch {
		case s.inTag && c == '>':
			s.inTag = false
			s.tagEnd(login)
		case s.inTag:
			s.tagByte(c)
		case c == '<':
			s.inTag, s.tagLen, s.space = true, 0, false
		case s.textLen < maxText:
			s.text[s.textLen] = c
			s.textLen++
		}
	}
}

func (s *Scanner) tagByte(c byte) {
	if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
		s.space = true
	}
	if s.tagLen < maxTag && (!s.space || c == '/') {
		s.tag[s.tagLen] = c
		s.tagLen++
	}
}

// tagEnd acts on a complete tag (XML-RPC's specification, "Scalar <value>s").
func (s *Scanner) tagEnd(login func(user, password []byte)) {
	tag := s.tag[:s.tagLen]
	switch string(tag) {
	case "value":
		s.fresh, s.typed = true, false
	case "string", "int", "i4", "boolean", "double", "methodName":
		s.fresh, s.typed = true, true
	case "/string", "/int", "/i4", "/boolean", "/double", "/methodName":
		if s.fresh {
			s.value(s.unescaped(), login)
		}
		s.fresh = false
	case "/value":
		if s.fresh && !s.typed {
			s.value(s.unescaped(), login)
		}
		s.fresh = false
	case "string/", "value/":
		s.value(nil, login)
		s.fresh = false
	default:
		s.fresh = false
	}
	s.textLen = 0
}

// value takes the next scalar of the document.
func (s *Scanner) value(v []byte, login func(user, password []byte)) {
	if skip, ok := method(v); ok {
		s.calls++
		s.skip, s.state = skip, waitUser
		if skip < 0 {
			s.state = waitMethod
		}
		return
	}
	switch {
	case s.state == waitMethod:
	case s.skip > 0:
		s.skip--
	case s.state == waitUser:
		s.n = copy(s.user[:], v)
		s.state = waitPassword
	default:
		s.state = waitMethod
		login(s.user[:s.n], v)
	}
}

// method tells whether v is a method of WordPress, and how many parameters
// stand before its user name; -1 when it takes none. A password that looks
// like one is taken for one: nobody's does.
func method(v []byte) (skip int, ok bool) {
	family, name, ok := strings.Cut(string(v), ".")
	if !ok || name == "" {
		return 0, false
	}
	switch family {
	case "system", "pingback", "demo":
		return -1, true
	case "wp":
		if name == "getUsersBlogs" {
			return 0, true
		}
		return 1, true
	case "metaWeblog", "mt":
		return 1, true
	case "blogger":
		if name == "getUsersBlogs" || name == "getUserInfo" {
			return 1, true
		}
		return 2, true
	}
	return 0, false
}

// entities are those that XML defines.
var entities = [...]struct {
	name string
	c    byte
}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}

// unescaped decodes the entities of the text in place.
func (s *Scanner) unescaped() []byte {
	b := s.text[:s.textLen]
	if bytes.IndexByte(b, '&') < 0 {
		return b
	}
	n := 0
next:
	for i := 0; i < len(b); i++ {
		for k := range entities {
			e := &entities[k]
			if bytes.HasPrefix(b[i:], []byte(e.name)) {
				b[n] = e.c
				n++
				i += len(e.name) - 1
				continue next
			}
		}
		b[n] = b[i]
		n++
	}
	return b[:n]
}
