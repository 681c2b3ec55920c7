package jsonline

import (
	"unicode/utf8"

	"forager/conn/wire"
)

// The slow path: data that can't go to Core as it came. What is written here
// can be read back:
//
//   - A member whose key, or whose value's text, holds bytes that are not
//     UTF-8 or a lone surrogate gets the key <key>_escaped. Its key and its
//     text are decoded from JSON's escapes first; then backslashes are doubled
//     and each stray byte is written \xNN, a lone surrogate as the three bytes
//     it would have in UTF-8 (\xed\xNN\xNN); then the result is a JSON string
//     again. The text of a value is the string, or every string of the array,
//     arrays in it included, objects in it not: these have members of their own.
//   - A number that a 64-bit float can't hold becomes a string of its text.
//
// Everything else stays byte for byte. A honeypot's own member <key>_escaped is
// not told apart from a rewritten one, nor from one that stands beside it.

const suffix = "_escaped"

// keepOut is the largest buffer in bytes that stays for the next rewriting.
const keepOut = 4 << 10

// rewriter copies src, which is valid, to dst and changes what must change.
type rewriter struct {
	l    *Line
	src  []byte
	dst  []byte
	done int // how much of src is in dst
}

// rewritten returns obj rewritten, or more than wire.MaxData bytes of rubbish
// when it would get too large.
func (l *Line) rewritten(obj []byte) []byte {
	if cap(l.out) > keepOut {
		l.out = nil
	}
	w := rewriter{l: l, src: obj, dst: l.out[:0]}
	w.object(0)
	w.flush(len(obj))
	l.out = w.dst
	return w.dst
}

// flush copies what comes before src[i] as it is.
func (w *rewriter) flush(i int) {
	w.dst = append(w.dst, w.src[w.done:i]...)
	w.done = i
}

// object rewrites the object that begins at src[i] and returns the place
// behind it.
func (w *rewriter) object(i int) int {
	i = space(w.src, i+1)
	for w.src[i] != '}' {
		if w.src[i] == ',' {
			i = space(w.src, i+1)
		}
		i = space(w.src, w.member(i))
	}
	return i + 1
}

func (w *rewriter) member(i int) int {
	end := w.l.stringEnd(w.src, i+1)
	isStray := w.l.marks&stray != 0
	v := space(w.src, space(w.src, end+1)+1)
	if !isStray {
		isStray, _ = w.strayText(v)
	}
	if isStray {
		w.text(i+1, end)
		w.dst = append(w.dst, suffix...)
	}
	return w.value(v, isStray)
}

// value rewrites the value that begins at src[i] and returns the place behind
// it. If isStray, it belongs to a member that gets the suffix.
func (w *rewriter) value(i int, isStray bool) int {
	switch c := w.src[i]; {
	case c == '"':
		end := w.l.stringEnd(w.src, i+1)
		if isStray {
			w.text(i+1, end)
		}
		return end + 1
	case c == '{':
		return w.object(i)
	case c == '[':
		i = space(w.src, i+1)
		for w.src[i] != ']' {
			if w.src[i] == ',' {
				i = space(w.src, i+1)
			}
			i = space(w.src, w.value(i, isStray))
		}
		return i + 1
	case c == '-' || isDigit(c):
		return w.number(i)
	case c == 'f':
		return i + len("false")
	}
	return i + len("true") // or null
}

func (w *rewriter) number(i int) int {
	end, wide := numberEnd(w.src, i)
	if wide {
		w.flush(i)
		w.dst = append(w.dst, '"')
		w.flush(end)
		w.dst = append(w.dst, '"')
	}
	return end
}

// strayText tells whether the text of the value at src[i] holds stray bytes,
// and returns the place behind the value.
func (w *rewriter) strayText(i int) (found bool, end int) {
	switch w.src[i] {
	case '"':
		end = w.l.stringEnd(w.src, i+1)
		return w.l.marks&stray != 0, end + 1
	case '[':
	default:
		return false, w.skip(i)
	}
	i = space(w.src, i+1)
	for w.src[i] != ']' {
		if w.src[i] == ',' {
			i = space(w.src, i+1)
		}
		var f bool
		f, i = w.strayText(i)
		found = found || f
		i = space(w.src, i)
	}
	return found, i + 1
}

// skip returns the place behind the value at src[i].
func (w *rewriter) skip(i int) int {
	depth := 0
	for {
		switch w.src[i] {
		case '"':
			i = w.l.stringEnd(w.src, i+1)
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
		default: // a number or a word
			for i++; i < len(w.src) && plainWord(w.src[i]); i++ {
			}
			i--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

func plainWord(c byte) bool {
	return isDigit(c) || c|0x20-'a' < 26 || c == '.' || c == '+' || c == '-'
}

// text writes the string src[from:to] so that every byte can be read back.
func (w *rewriter) text(from, to int) {
	w.flush(from)
	for i := from; i < to && len(w.dst) <= wire.MaxData; {
		c, next := decodeOne(w.src, i)
		w.dst = appendText(w.dst, c)
		i = next
	}
	w.done = to
}

const hexDigits = "0123456789abcdef"

// appendText appends one decoded character, or one stray byte or surrogate.
func appendText(dst []byte, c char) []byte {
	switch {
	case c.n == 1 && c.b[0] == '\\':
		return append(dst, `\\\\`...)
	case c.stray:
		for _, x := range c.b[:c.n] {
			dst = append(dst, '\\', '\\', 'x', hexDigits[x>>4], hexDigits[x&15])
		}
		return dst
	case c.n == 1 && c.b[0] == '"':
		return append(dst, '\\', '"')
	case c.n == 1 && c.b[0] < 0x20:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c.b[0]>>4], hexDigits[c.b[0]&15])
	}
	return append(dst, c.b[:c.n]...)
}

// char is one character of a string, decoded, as its bytes.
type char struct {
	b     [utf8.UTFMax]byte
	n     int
	stray bool // not UTF-8: one byte, or a lone surrogate as three
}

// decodeOne reads the character at b[i] of a valid string and returns the
// place behind it.
func decodeOne(b []byte, i int) (c char, next int) {
	if b[i] != '\\' {
		r, size := utf8.DecodeRune(b[i:])
		c.stray = r == utf8.RuneError && size == 1
		c.n = copy(c.b[:], b[i:i+size])
		return c, i + size
	}
	next = i + 2
	r := rune(b[i+1])
	switch r {
	case 'b':
		r = '\b'
	case 'f':
		r = '\f'
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	case 'u':
		next = i + 6
		if r = hex4(b, i+2); isPair(b, i) {
			r, next = (r-0xd800)<<10+hex4(b, i+8)-0xdc00+0x10000, i+12
		}
	}
	if c.stray = isSurrogate(r); c.stray {
		c.b, c.n = [...]byte{0xed, 0x80 | byte(r>>6)&0x3f, 0x80 | byte(r)&0x3f, 0}, 3
		return c, next
	}
	c.n = utf8.EncodeRune(c.b[:], r)
	return c, next
}

// decode appends the string raw, its escapes decoded, to buf, up to buf's
// capacity and to the end of a character.
func decode(buf, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c, next := decodeOne(raw, i)
		if len(buf)+c.n > cap(buf) {
			break
		}
		buf = append(buf, c.b[:c.n]...)
		i = next
	}
	return buf
}

// cut returns at most limit bytes of s without parting a character.
func cut(s []byte, limit int) []byte {
	if len(s) <= limit {
		return s
	}
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return s[:n]
		}
	}
	return s[:limit]
}
