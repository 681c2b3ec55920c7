package payload

import (
	"bytes"
	"encoding/base64"
)

// appendPlain undoes, in one pass, the ways in which payloads are wrapped:
// %XX and + of URLs, XML's entities, JSON's \/, the shell's ${IFS}, the lookups
// of log4j. It is for reading only, so undoing too much does no harm. At most
// maxPlain bytes are appended.
func appendPlain(dst, text []byte) []byte {
	for i := 0; i < len(text) && len(dst) < maxPlain; {
		c, used := text[i], 1
		switch c {
		case '+':
			c = ' '
		case '%':
			c, used = percent(text[i:])
		case '&':
			c, used = entity(text[i:])
		case '\\':
			if i+1 < len(text) && text[i+1] == '/' {
				c, used = '/', 2
			}
		case '$':
			var word []byte
			if word, used = dollar(text[i:]); used > 0 {
				dst = append(dst, word...)
				i += used
				continue
			}
			used = 1
		}
		dst = append(dst, c)
		i += used
	}
	return dst
}

// percent decodes %XX, and %25XX, which is the same wrapped twice.
func percent(b []byte) (c byte, used int) {
	if len(b) < 3 || hex(b[1]) < 0 || hex(b[2]) < 0 {
		return '%', 1
	}
	c, used = byte(hex(b[1])<<4|hex(b[2])), 3
	if c == '%' && len(b) >= 5 && hex(b[3]) >= 0 && hex(b[4]) >= 0 {
		c, used = byte(hex(b[3])<<4|hex(b[4])), 5
	}
	return c, used
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

var entities = [...]struct {
	name string
	c    byte
}{
	{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&#39;", '\''}, {"&#x27;", '\''},
	{"&#96;", '`'}, {"&#x60;", '`'}, {"&#10;", '\n'}, {"&#xA;", '\n'}, {"&#x2f;", '/'}, {"&#47;", '/'},
}

func entity(b []byte) (c byte, used int) {
	for i := range entities {
		e := &entities[i]
		if bytes.HasPrefix(b, []byte(e.name)) {
			return e.c, len(e.name)
		}
	}
	return '&', 1
}

// dollar undoes what begins with a dollar: $IFS, ${IFS}, and log4j's
// ${lower:x}, ${upper:x} and ${…:-x}. used is 0 when it is none of these.
func dollar(b []byte) (word []byte, used int) {
	switch {
	case bytes.HasPrefix(b, []byte("${IFS}")):
		return []byte(" "), 6
	case bytes.HasPrefix(b, []byte("$IFS$9")):
		return []byte(" "), 6
	case bytes.HasPrefix(b, []byte("$IFS")):
		return []byte(" "), 4
	case !bytes.HasPrefix(b, []byte("${")):
		return nil, 0
	}
	end := bytes.IndexAny(b[2:min(len(b), 66)], "{}")
	if end < 0 || b[2+end] != '}' {
		return nil, 0
	}
	in := b[2 : 2+end]
	if i := bytes.Index(in, []byte(":-")); i >= 0 {
		return in[i+2:], end + 3
	}
	if kind, x, ok := bytes.Cut(in, []byte(":")); ok && (string(kind) == "lower" || string(kind) == "upper") {
		return x, end + 3
	}
	return nil, 0
}

// base64 looks into what is piped through base64 -d, or given to a Base64
// lookup: the long runs of its letters, if the word is there. text is as it
// came, since a + is a letter of base64.
func (f *Finder) base64(text []byte) {
	if !bytes.Contains(text, []byte("ase64")) {
		return
	}
	for tries := 0; tries < maxRuns; tries++ {
		start, end := run(text)
		if end == 0 {
			return
		}
		dec := make([]byte, base64.RawStdEncoding.DecodedLen(end-start))
		n, _ := base64.RawStdEncoding.Decode(dec, text[start:end]) // what is good before an error
		f.urls(dec[:n])
		f.commands(dec[:n])
		text = text[end:]
	}
}

const (
	maxRuns = 4  // runs of base64 in one text
	minRun  = 20 // letters that are worth a look
)

// run finds the next long run of base64's letters; end is 0 without one.
func run(text []byte) (start, end int) {
	for i, c := range text {
		if letter(c) || '0' <= c && c <= '9' || c == '/' || c == '+' {
			continue
		}
		if i-start >= minRun {
			return start, i
		}
		start = i + 1
	}
	if len(text)-start >= minRun {
		return start, len(text)
	}
	return 0, 0
}
