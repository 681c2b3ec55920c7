package httpform

import (
	"bytes"
	"unicode/utf8"
)

// urlencoded reads "a=b&c=d" (WHATWG URL, application/x-www-form-urlencoded).
func (l *Login) urlencoded(b []byte) {
	for len(b) > 0 {
		var pair []byte
		pair, b, _ = bytes.Cut(b, []byte("&"))
		name, value, ok := bytes.Cut(pair, []byte("="))
		if !ok || len(name) > 3*maxName {
			continue
		}
		var buf [3 * maxName]byte
		l.value = l.value[:0]
		l.unescape(bytes.TrimRight(value, "\r\n"))
		l.field(appendUnescaped(buf[:0], name))
	}
}

func (l *Login) unescape(b []byte) {
	if len(b) > 3*MaxValue {
		b = b[:3*MaxValue]
	}
	l.value = appendUnescaped(l.value, b)
	l.value = l.value[:min(len(l.value), MaxValue)]
}

func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '+':
			dst = append(dst, ' ')
		case c == '%' && i+2 < len(b) && hex(b[i+1]) >= 0 && hex(b[i+2]) >= 0:
			dst = append(dst, byte(hex(b[i+1])<<4|hex(b[i+2])))
			i += 2
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// multipart reads multipart/form-data (RFC 7578). The boundary is its first
// line.
func (l *Login) multipart(b []byte) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	boundary := bytes.TrimRight(line, "\r")
	if !ok || len(boundary) < 3 || len(boundary) > 128 {
		return
	}
	for len(rest) > 0 {
		part := rest
		if i := bytes.Index(rest, boundary); i >= 0 {
			part, rest = rest[:i], rest[i+len(boundary):]
		} else {
			rest = nil
		}
		l.part(bytes.TrimLeft(part, "\r\n"))
	}
}

func (l *Login) part(b []byte) {
	head, value, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		if head, value, ok = bytes.Cut(b, []byte("\n\n")); !ok {
			return
		}
	}
	_, name, ok := bytes.Cut(head, []byte("name=\""))
	if !ok {
		return
	}
	name, _, _ = bytes.Cut(name, []byte("\""))
	value = bytes.TrimRight(value, "\r\n")
	l.value = append(l.value[:0], value[:min(len(value), MaxValue)]...)
	l.field(name)
}

// xml reads <Username>admin</Username>, as SOAP and HNAP logins send it.
func (l *Login) xml(b []byte) {
	for {
		_, after, ok := bytes.Cut(b, []byte("<"))
		if !ok {
			return
		}
		name, after, ok := bytes.Cut(after, []byte(">"))
		if !ok {
			return
		}
		b = after
		if i := bytes.IndexAny(name, " \t\r\n"); i >= 0 {
			name = name[:i]
		}
		if i := bytes.IndexByte(name, ':'); i >= 0 {
			name = name[i+1:]
		}
		text, _, ok := bytes.Cut(b, []byte("<"))
		if !ok || len(name) == 0 || name[0] == '/' || len(text) == 0 && !bytes.HasPrefix(b, []byte("</")) {
			continue
		}
		l.value = append(l.value[:0], text[:min(len(text), MaxValue)]...)
		l.field(name)
	}
}

// json reads every "name": value of a JSON text, at any depth.
func (l *Login) json(b []byte) {
	var name [maxName + 1]byte
	for {
		_, after, ok := bytes.Cut(b, []byte(`"`))
		if !ok {
			return
		}
		b = l.jsonString(after)
		rest := bytes.TrimLeft(b, " \t\r\n")
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		n := copy(name[:], l.value)
		b = bytes.TrimLeft(rest[1:], " \t\r\n")
		switch {
		case len(b) == 0:
			return
		case b[0] == '"':
			b = l.jsonString(b[1:])
		default:
			end := bytes.IndexAny(b, ",}] \t\r\n")
			if end < 0 {
				end = len(b)
			}
			if b[0] == '{' || b[0] == '[' {
				continue
			}
			l.value = append(l.value[:0], b[:min(end, MaxValue)]...)
		}
		l.field(name[:n])
	}
}

// jsonString puts the string at the start of b, behind its quote, into l.value
// and returns what follows it.
func (l *Login) jsonString(b []byte) (rest []byte) {
	l.value = l.value[:0]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			return b[i+1:]
		case '\\':
			i++
			if i < len(b) {
				i += l.jsonEscape(b[i:])
			}
		default:
			l.add(c)
		}
	}
	return nil
}

// jsonEscape takes what stands behind a backslash (RFC 8259 section 7) and
// returns how many bytes more than one it was.
func (l *Login) jsonEscape(b []byte) int {
	if i := bytes.IndexByte([]byte("bfnrt"), b[0]); i >= 0 {
		l.add("\b\f\n\r\t"[i])
		return 0
	}
	if b[0] != 'u' || len(b) < 5 {
		l.add(b[0])
		return 0
	}
	r := rune(0)
	for _, c := range b[1:5] {
		r = r<<4 | rune(max(hex(c), 0))
	}
	var buf [utf8.UTFMax]byte
	for _, c := range utf8.AppendRune(buf[:0], r) {
		l.add(c)
	}
	return 4
}
