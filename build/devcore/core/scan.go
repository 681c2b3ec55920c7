package core

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// maxDepth is how many objects and arrays may be open at once: serde_json,
// which the real Core reads with, gives up at 128.
const maxDepth = 127

// scanner walks one JSON document without copying it. It is written apart
// from the node's own decoder on purpose: it is the check on it. It accepts
// what serde_json accepts of bytes that were made valid UTF-8 first: no raw
// control characters, no lone surrogates, nothing after the document. Bytes
// from 0x80 up pass inside strings; the caller replaces the invalid ones.
//
// Errors stick: after the first one every method returns zero values.
type scanner struct {
	b     []byte
	i     int
	depth int
	err   error
}

var errEnd = errors.New("unexpected end of the document")

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("byte %d: "+format, append([]any{s.i}, args...)...)
	}
	s.i = len(s.b)
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) && s.b[s.i] > ' ' {
		return s.b[s.i]
	}
	return s.space()
}

func (s *scanner) space() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// expect consumes c, which must be the next byte after white space.
func (s *scanner) expect(c byte) {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return
	}
	s.expectLater(c)
}

func (s *scanner) expectLater(c byte) {
	if got := s.space(); got != c {
		s.unexpected(got)
		return
	}
	s.i++
}

func (s *scanner) unexpected(c byte) {
	if s.i >= len(s.b) {
		if s.err == nil {
			s.err = errEnd
		}
		return
	}
	s.fail("unexpected %q", c)
}

// end checks that nothing but white space is left.
func (s *scanner) end() error {
	if c := s.peek(); s.err == nil && s.i < len(s.b) {
		s.fail("%q after the document", c)
	}
	return s.err
}

// open consumes the bracket that begins an object or array.
func (s *scanner) open(c byte) bool {
	s.expect(c)
	if s.depth++; s.depth > maxDepth {
		s.fail("nested deeper than %d", maxDepth)
	}
	return s.err == nil
}

// more is asked before every member of an object or array (n counts them):
// it consumes the comma, or the closing bracket, after which it says false.
func (s *scanner) more(n int, closing byte) bool {
	switch c := s.peek(); {
	case s.err != nil:
		return false
	case c == closing:
		s.i++
		s.depth--
		return false
	case n > 0:
		s.expect(',')
	}
	return s.err == nil
}

// key consumes an object's key and its colon, and returns it unescaped.
func (s *scanner) key() []byte {
	k := unescaped(s.str())
	s.expect(':')
	return k
}

// skip consumes one value of any kind and returns its bytes.
func (s *scanner) skip() []byte {
	c := s.peek()
	start := s.i
	switch {
	case c == '"':
		s.str()
	case c == '{':
		s.open(c)
		for n := 0; s.more(n, '}'); n++ {
			s.str()
			s.expect(':')
			s.skip()
		}
	case c == '[':
		s.open(c)
		for n := 0; s.more(n, ']'); n++ {
			s.skip()
		}
	case c == '-' || c-'0' <= 9:
		s.number()
	default:
		s.literal(c)
	}
	if s.err != nil {
		return nil
	}
	return s.b[start:s.i]
}

func (s *scanner) literal(c byte) {
	for _, word := range [...]string{"true", "false", "null"} {
		if rest := s.b[s.i:]; len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.i += len(word)
			return
		}
	}
	s.unexpected(c)
}

// number consumes a number of the JSON grammar.
func (s *scanner) number() {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.at() == '0' {
		s.i++
	} else {
		s.digits()
	}
	if s.at() == '.' {
		s.i++
		s.digits()
	}
	if c := s.at(); c == 'e' || c == 'E' {
		s.i++
		if c := s.at(); c == '+' || c == '-' {
			s.i++
		}
		s.digits()
	}
}

// at returns the next byte as it stands, 0 at the end.
func (s *scanner) at() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) digits() {
	start := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		s.i++
	}
	if s.i == start {
		s.unexpected(s.at())
	}
}

// uint consumes a whole number of at most bits bits, written as plain digits.
func (s *scanner) uint(bitSize int) uint64 {
	v := s.skip()
	if s.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(string(v), 10, bitSize)
	if err != nil {
		s.fail("%.40q is not a u%d", v, bitSize)
	}
	return n
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns a word whose lowest set high bit marks the first byte of x
// (in memory order) that ends the fast path of a string: a quote, a backslash
// or a control character. Bits above the first may be wrong.
func special(x uint64) uint64 {
	quote := x ^ '"'*ones
	slash := x ^ '\\'*ones
	return ((x-' '*ones)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// str consumes a string and returns what stands between its quotes, still
// escaped.
func (s *scanner) str() []byte {
	s.expect('"')
	start := s.i
	for s.err == nil {
		i := plain(s.b, s.i)
		s.i = i
		switch c := s.at(); {
		case i >= len(s.b):
			s.err = errEnd
		case c == '"':
			s.i++
			return s.b[start:i]
		case c == '\\':
			s.escape()
		default:
			s.fail("raw control character 0x%02x in a string", c)
		}
	}
	return nil
}

// plain returns where, from i on, the bytes end that stand for themselves.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// escape consumes one escape sequence, of a surrogate pair both halves.
func (s *scanner) escape() {
	s.i++
	switch s.at() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return
	case 'u':
		s.i++
	default:
		s.unexpected(s.at())
		return
	}
	r := s.hex4()
	if r < 0xd800 || r > 0xdfff || s.err != nil {
		return
	}
	if rest := s.b[s.i:]; r > 0xdbff || !bytes.HasPrefix(rest, []byte(`\u`)) {
		s.fail("lone surrogate")
		return
	}
	s.i += 2
	if r = s.hex4(); s.err == nil && (r < 0xdc00 || r > 0xdfff) {
		s.fail("lone surrogate")
	}
}

func (s *scanner) hex4() uint64 {
	if s.i+4 > len(s.b) {
		s.i = len(s.b)
		s.unexpected(0)
		return 0
	}
	// ParseUint takes a sign or an underscore only with base 0: not here.
	r, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	if err != nil {
		s.fail("%q is not four hex digits", s.b[s.i:s.i+4])
		return 0
	}
	s.i += 4
	return r
}

// unescaped resolves the escapes of a string's inside that str has passed.
func unescaped(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	quoted := append(append([]byte{'"'}, raw...), '"')
	var out string
	if err := json.Unmarshal(quoted, &out); err != nil {
		panic("BUG: str let through what encoding/json refuses: " + err.Error())
	}
	return []byte(out)
}
