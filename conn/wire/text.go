package wire

import (
	"unicode/utf8"
	"unsafe"
)

const hexDigits = "0123456789abcdef"

// plain tells which bytes stand in a JSON string as they are: printable ASCII
// but the quote and the backslash (RFC 8259 section 7).
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become the
// four characters \xNN; where they must be told from a text that holds these
// characters, use AppendField.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	dst = appendText(dst, view(s), false)
	return append(dst, '"')
}

// AppendField appends a member to the JSON object under construction in dst:
// a comma if one is due, the key, the value as a string. A value that is not
// valid UTF-8 gets the key <key>_escaped, its backslashes doubled and its
// stray bytes written \xNN, so that every byte can be read back. key must be
// plain ASCII.
func AppendField[T ~string | ~[]byte](dst []byte, key string, value T) []byte {
	v := view(value)
	if utf8.ValidString(v) {
		dst = appendKey(dst, key, "")
		return append(appendText(append(dst, '"'), v, false), '"')
	}
	dst = appendKey(dst, key, "_escaped")
	return append(appendText(append(dst, '"'), v, true), '"')
}

// AppendNumber appends a member whose value is an integer.
func AppendNumber(dst []byte, key string, n int64) []byte {
	return appendInt(appendKey(dst, key, ""), n)
}

// AppendBool appends a member whose value is true or false.
func AppendBool(dst []byte, key string, b bool) []byte {
	dst = appendKey(dst, key, "")
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// AppendRaw appends a member whose value is JSON already, which the caller
// vouches for.
func AppendRaw(dst []byte, key string, value []byte) []byte {
	return append(appendKey(dst, key, ""), value...)
}

func appendKey(dst []byte, key, suffix string) []byte {
	if n := len(dst); n > 0 && dst[n-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, '"')
	dst = append(dst, key...)
	dst = append(dst, suffix...)
	return append(dst, '"', ':')
}

// appendText appends s without quotes. reversible doubles every backslash of
// s, so that the \xNN of stray bytes can be told from text.
func appendText(dst []byte, s string, reversible bool) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			if _, size = utf8.DecodeRuneInString(s[i:]); size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c, reversible)
		i += size
		start = i
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte, reversible bool) []byte {
	switch {
	case c == '"':
		return append(dst, '\\', '"')
	case c == '\\' && reversible:
		return append(dst, `\\\\`...)
	case c == '\\':
		return append(dst, '\\', '\\')
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	case c < 0x20:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	default: // a byte that is not UTF-8
		return append(dst, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
	}
}

// view lets one implementation read strings and byte slices without a copy: a
// slice header begins with a string header. Nothing here keeps or writes what
// it reads.
func view[T ~string | ~[]byte](s T) string {
	return *(*string)(unsafe.Pointer(&s))
}
