package jsonline

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// plain tells which bytes a string is skipped over without a look: printable
// ASCII but the quote and the backslash.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// at is b[i], or 0 behind the end, which is valid nowhere outside of strings.
func at(b []byte, i int) byte {
	if uint(i) < uint(len(b)) {
		return b[i]
	}
	return 0
}

// space skips white space from i on.
func space(b []byte, i int) int {
	for uint(i) < uint(len(b)) && b[i] <= ' ' {
		if c := b[i]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return i
		}
		i++
	}
	return i
}

// scan validates the line, notes the members looked for, and returns where
// its object begins and ends. It is one long function with jumps because it
// is the node's hottest: a state is a place in the code, the containers that
// are open are the bits of one word, and nothing is called for a byte that
// stands for itself.
func (l *Line) scan(b []byte) (from, to int, err error) {
	var (
		depth  int
		kinds  uint64 // the lowest bit: the innermost open container is an object
		member = none // the slot that the next value belongs to
		inData bool
		i, k   int
		c      byte
		wide   bool
	)
	i = space(b, 0)
	from = i
	if at(b, i) != '{' {
		goto broken
	}

open: // b[i] is a bracket
	if depth == MaxDepth {
		l.Offset = i
		return 0, 0, ErrDepth
	}
	depth++
	kinds <<= 1
	if b[i] == '{' {
		kinds |= 1
		if depth == 2 && member == slotData && l.found[slotData].form == absent {
			l.found[slotData].from, inData = int32(i), true
		}
	}
	member = none
	i = space(b, i+1)
	c = at(b, i)
	if kinds&1 != 0 {
		if c == '}' {
			goto closing
		}
		goto key
	}
	if c == ']' {
		goto closing
	}

value: // c is b[i]
	if c == '"' { // not a case: most values are strings, and a jump table is slower
		k = i + 1
		if i = l.stringEnd(b, k); i < 0 {
			i = k
			goto broken
		}
		if member != none && i > k {
			if l.marks == 0 {
				l.note(member, k, i, text)
			} else {
				l.note(member, k, i, encoded)
			}
		}
		i++
		goto after
	}
	switch c {
	case '{', '[':
		goto open
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		k = i
		if i, wide = numberEnd(b, i); i < 0 {
			i = k
			goto broken
		}
		if member != none {
			l.note(member, k, i, number)
		}
		l.rewrite = l.rewrite || wide
	case 't':
		if len(b)-i < 4 || string(b[i:i+4]) != "true" {
			goto broken
		}
		i += 4
	case 'f':
		if len(b)-i < 5 || string(b[i:i+5]) != "false" {
			goto broken
		}
		i += 5
	case 'n':
		if len(b)-i < 4 || string(b[i:i+4]) != "null" {
			goto broken
		}
		i += 4
	default:
		goto broken
	}

after: // a value ended before i
	c = at(b, i)
	if c <= ' ' {
		i = space(b, i)
		c = at(b, i)
	}
	if c == ',' {
		i++
		if c = at(b, i); c == ' ' {
			i++
			c = at(b, i)
		}
		if c <= ' ' {
			i = space(b, i)
			c = at(b, i)
		}
		if kinds&1 != 0 {
			goto key
		}
		goto value
	}
	if kinds&1 != 0 && c == '}' || kinds&1 == 0 && c == ']' {
		goto closing
	}
	goto broken

key: // c is b[i]
	if c != '"' {
		goto broken
	}
	k = i + 1
	if i = l.stringEnd(b, k); i < 0 {
		i = k
		goto broken
	}
	member = none
	if depth == 1 {
		if l.marks == 0 {
			member = slot(b[k:i])
		} else {
			member = slotEscaped(b[k:i])
		}
	}
	i++
	if c = at(b, i); c <= ' ' {
		i = space(b, i)
		c = at(b, i)
	}
	if c != ':' {
		goto broken
	}
	i++
	if c = at(b, i); c == ' ' {
		i++
		c = at(b, i)
	}
	if c <= ' ' {
		i = space(b, i)
		c = at(b, i)
	}
	goto value

closing: // b[i] is the bracket that closes the innermost container
	i++
	kinds >>= 1
	depth--
	if depth > 1 {
		goto after
	}
	if depth == 1 {
		if inData {
			l.note(slotData, int(l.found[slotData].from), i, object)
			inData = false
		}
		goto after
	}
	to = i
	if i = space(b, i); i == len(b) {
		return from, to, nil
	}

broken:
	l.Offset = i
	return 0, 0, ErrSyntax
}

// note stores a member's value unless there is one already.
func (l *Line) note(member, from, to int, f form) {
	if s := &l.found[member]; s.form == absent && (member != slotData || f == object) {
		*s = span{int32(from), int32(to), f}
	}
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
	// wide64 is whether eight bytes at a time are faster than one: a 32-bit
	// machine would need two registers a word and more loads.
	wide64 = bits.UintSize == 64
)

// stringEnd returns the place of the quote that closes the string whose first
// byte is b[i], or -1 when it is not a valid one. It sets marks.
//
// Eight bytes are looked at together, so that the top bit of each tells
// whether it was special: set when it is beyond ASCII; when, the quote moved
// next to the control characters by flipping a bit, it is less than 0x21; or
// when it is the backslash. A byte that is special may borrow from the next
// one, but the first hit is right.
func (l *Line) stringEnd(b []byte, i int) int {
	l.marks = 0
	for {
		if wide64 {
			for uint(i) < uint(len(b)) && len(b)-i >= 8 {
				x := binary.LittleEndian.Uint64(b[i:])
				m := (x | ((x ^ 0x02*ones) - 0x21*ones) | ((x ^ '\\'*ones) - ones)) & tops
				if m == 0 {
					i += 8
					continue
				}
				i += bits.TrailingZeros64(m) >> 3
				if at(b, i) == '"' {
					return i
				}
				goto special
			}
		}
		for uint(i) < uint(len(b)) && plain[b[i]] {
			i++
		}
		if at(b, i) == '"' {
			return i
		}
	special:
		if i = l.special(b, i); i < 0 {
			return -1
		}
	}
}

// special reads what is not plain at b[i] inside a string: escapes, and what
// is beyond ASCII. It returns the place behind it, -1 when that is invalid.
func (l *Line) special(b []byte, i int) int {
	if at(b, i) == '\\' {
		l.marks |= escaped
		return l.escape(b, i)
	}
	from := i
	for at(b, i) >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			l.marks |= stray
			l.rewrite = true
		}
		i += size
	}
	if i == from {
		return -1 // a control character, or the end
	}
	return i
}

func (l *Line) escape(b []byte, i int) int {
	switch at(b, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
	default:
		return -1
	}
	r := hex4(b, i+2)
	switch {
	case r < 0:
		return -1
	case !isSurrogate(r):
		return i + 6
	case isPair(b, i):
		return i + 12
	}
	l.marks |= stray
	l.rewrite = true
	return i + 6
}

func isSurrogate(r rune) bool { return r&^0x7ff == 0xd800 }

// isPair tells whether two escapes from b[i] on are one character beyond
// U+FFFF.
func isPair(b []byte, i int) bool {
	return hex4(b, i+2)&^0x3ff == 0xd800 &&
		at(b, i+6) == '\\' && at(b, i+7) == 'u' && hex4(b, i+8)&^0x3ff == 0xdc00
}

// hex4 reads four hexadecimal digits, -1 when they are not there.
func hex4(b []byte, i int) rune {
	var r rune
	for end := i + 4; i < end; i++ {
		c := at(b, i)
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' <= 5:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
