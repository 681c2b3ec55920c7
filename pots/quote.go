package pots

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// cutOption reads key=value or key="value" at the start of s.
func cutOption(s string) (key, value, rest string, err error) {
	word, _ := cutWord(s)
	key, _, ok := strings.Cut(word, "=")
	if !ok || !isKey(key) {
		return "", "", "", fmt.Errorf("want key=value, not %s", quote(word))
	}
	s = s[len(key)+1:]
	if !strings.HasPrefix(s, `"`) {
		if s == "" || s[0] == ' ' || s[0] == '\t' || s[0] == '\r' || s[0] == '\n' {
			return key, "", strings.TrimLeft(s, " \t\r\n"), nil
		}
		value, rest = cutWord(s)
		return key, value, rest, nil
	}
	value, rest, err = cutQuoted(s[1:])
	if err != nil {
		return "", "", "", fmt.Errorf("option %s: %w", key, err)
	}
	return key, value, rest, nil
}

func isKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return key != ""
}

// cutQuoted reads a value behind its opening quote.
func cutQuoted(s string) (value, rest string, err error) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			if rest = strings.TrimLeft(s[i+1:], " \t\r\n"); rest != "" && len(rest) == len(s)-i-1 {
				return "", "", errors.New("want a space behind the closing quote")
			}
			return string(b), rest, nil
		case '\\':
			c, n, err := unescape(s[i+1:])
			if err != nil {
				return "", "", err
			}
			b = append(b, c)
			i += n
		default:
			b = append(b, s[i])
		}
	}
	return "", "", errors.New("the closing quote is missing")
}

// unescape reads what stands behind a backslash.
func unescape(s string) (c byte, n int, err error) {
	if len(s) >= 3 && s[0] == 'x' {
		v, err := strconv.ParseUint(s[1:3], 16, 8)
		if err == nil {
			return byte(v), 3, nil
		}
	}
	if s != "" {
		if i := strings.IndexByte(`\"nrte`, s[0]); i >= 0 {
			return "\\\"\n\r\t\x1b"[i], 1, nil
		}
	}
	return 0, 0, errors.New(`want \\ \" \n \r \t \e or \xNN behind a backslash`)
}

// appendOption writes what cutOption reads.
func appendOption(dst []byte, key, value string) []byte {
	dst = append(dst, ' ')
	dst = append(dst, key...)
	dst = append(dst, '=')
	plain := value != ""
	for i := range len(value) {
		plain = plain && value[i] > ' ' && value[i] < 0x7f && value[i] != '"'
	}
	if plain {
		return append(dst, value...)
	}
	dst = append(dst, '"')
	for i := range len(value) {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
