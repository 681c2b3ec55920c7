package jsonline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"forager/conn/wire"
)

// FuzzParse holds Parse against encoding/json: the same lines are valid, but
// for what Parse documents; what it gives is valid JSON in valid UTF-8, the
// same value, and can be read back to the bytes that came.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > MaxLine {
			return
		}
		before := bytes.Clone(in)
		var l Line
		err := l.Parse(in)
		if !bytes.Equal(in, before) {
			t.Fatal("the input was changed")
		}
		checkVerdict(t, in, err)
		if err != nil {
			return
		}
		checkNames(t, &l)
		if !json.Valid(l.Data) || !utf8.Valid(l.Data) || len(l.Data) > wire.MaxData || bytes.TrimSpace(l.Data)[0] != '{' {
			t.Fatalf("bad data: %q", l.Data)
		}
		if err := json.Unmarshal(l.Data, new(any)); err != nil {
			t.Fatalf("%v: %q", err, l.Data) // numbers must fit a float
		}
		want, got := readTree(in), readTree(l.Data)
		if d, ok := want.data(); ok {
			want = d
		}
		if want.hasSuffix() {
			return // can't be told from a rewritten one
		}
		if got = got.restored(false); !got.equal(want) {
			t.Fatalf("not what came:\n%q\n%q\n%v\n%v", in, l.Data, want, got)
		}
	})
}

func checkVerdict(t *testing.T, in []byte, err error) {
	var o map[string]json.RawMessage
	valid := json.Valid(in) && json.Unmarshal(in, &o) == nil && o != nil
	deep := depth(in) > MaxDepth
	switch {
	case errors.Is(err, ErrTooLarge): // less than MaxData can get larger by rewriting
		if !valid || len(in) < wire.MaxData/6 {
			t.Fatalf("too large: %q", in)
		}
	case errors.Is(err, ErrDepth):
		if !deep {
			t.Fatalf("too deep: %q", in)
		}
	case valid != (err == nil) && !deep:
		t.Fatalf("%v, but encoding/json says %v: %q", err, valid, in)
	case err == nil && deep:
		t.Fatalf("took %q", in)
	}
}

// depth is how deep brackets outside of strings stand in each other.
func depth(in []byte) (deepest int) {
	n, inString := 0, false
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			n++
			deepest = max(deepest, n)
		case c == '}' || c == ']':
			n--
		}
	}
	return deepest
}

func checkNames(t *testing.T, l *Line) {
	for _, c := range []struct {
		s     []byte
		limit int
	}{{l.PotID, wire.MaxName}, {l.PotType, wire.MaxName}, {l.EventType, wire.MaxEventType}} {
		if len(c.s) > c.limit || c.s != nil && len(c.s) == 0 {
			t.Fatalf("name %q", c.s)
		}
	}
}

// tree is a JSON value with its strings as bytes: a lone surrogate as the
// three bytes it would have in UTF-8. It is read by the simplest means, to be
// held against the fast ones.
type tree struct {
	kind    byte // { [ " 0 or the first letter of a word
	text    string
	keys    []string
	members []tree
}

func readTree(doc []byte) tree {
	r := &treeReader{strings.TrimLeft(string(doc), " \t\r\n")}
	return r.value()
}

type treeReader struct{ s string }

func (r *treeReader) next() byte {
	c := r.s[0]
	r.s = strings.TrimLeft(r.s[1:], " \t\r\n")
	return c
}

func (r *treeReader) value() (t tree) {
	t.kind = r.s[0]
	switch t.kind {
	case '"':
		t.text = r.string()
	case '{', '[':
		r.next()
		for r.s[0] != '}' && r.s[0] != ']' {
			if t.kind == '{' {
				t.keys = append(t.keys, r.string())
				r.next()
			}
			t.members = append(t.members, r.value())
			if r.s[0] == ',' {
				r.next()
			}
		}
		r.next()
	default:
		n := len(r.s)
		if i := strings.IndexAny(r.s, ",]} \t\r\n"); i >= 0 {
			n = i
		}
		t.kind, t.text = '0', r.s[:n]
		r.s = strings.TrimLeft(r.s[n:], " \t\r\n")
	}
	return t
}

func (r *treeReader) string() string {
	var out []byte
	s := r.s[1:]
	for s[0] != '"' {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if s[1] != 'u' {
			i := strings.IndexByte(`"\/bfnrt`, s[1])
			out, s = append(out, "\"\\/\b\f\n\r\t"[i]), s[2:]
			continue
		}
		u, _ := strconv.ParseUint(s[2:6], 16, 16)
		s = s[6:]
		if u>>10 == 0xd800>>10 && strings.HasPrefix(s, `\u`) {
			if low, _ := strconv.ParseUint(s[2:6], 16, 16); low>>10 == 0xdc00>>10 {
				u = 0x10000 + (u-0xd800)<<10 + (low - 0xdc00)
				s = s[6:]
			}
		}
		if u>>11 == 0xd800>>11 {
			out = append(out, 0xe0|byte(u>>12), 0x80|byte(u>>6&63), 0x80|byte(u&63))
		} else {
			out = utf8.AppendRune(out, rune(u))
		}
	}
	r.s = strings.TrimLeft(s[1:], " \t\r\n")
	return string(out)
}

// data is the first member of that name that is an object.
func (t tree) data() (tree, bool) {
	for i, k := range t.keys {
		if k == "data" && t.members[i].kind == '{' {
			return t.members[i], true
		}
	}
	return tree{}, false
}

func (t tree) hasSuffix() bool {
	for i, m := range t.members {
		if t.kind == '{' && strings.HasSuffix(t.keys[i], "_escaped") || m.hasSuffix() {
			return true
		}
	}
	return false
}

// restored undoes the rewriting. escaped is whether the member's key said so.
func (t tree) restored(escaped bool) tree {
	if t.kind == '"' && escaped {
		t.text = unescape(t.text)
	}
	for i := range t.members {
		if t.kind == '{' {
			key, esc := strings.CutSuffix(t.keys[i], "_escaped")
			if escaped = esc; esc {
				key = unescape(key)
			}
			t.keys[i] = key
		}
		t.members[i] = t.members[i].restored(escaped)
	}
	return t
}

// equal is whether t is what want was. A number of 10^308 or more is its text.
func (t tree) equal(want tree) bool {
	if t.kind == '"' && want.kind == '0' {
		f, _ := strconv.ParseFloat(want.text, 64)
		return t.text == want.text && math.Abs(f) >= 0.9999999999e308
	}
	return t.kind == want.kind && t.text == want.text && slices.Equal(t.keys, want.keys) &&
		slices.EqualFunc(t.members, want.members, tree.equal)
}

func unescape(s string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			out = append(out, s[i])
		case s[i+1] == '\\':
			out = append(out, '\\')
			i++
		default:
			var b byte
			if _, err := fmt.Sscanf(s[i:i+4], `\x%02x`, &b); err != nil {
				panic(err)
			}
			out = append(out, b)
			i += 3
		}
	}
	return string(out)
}

// FuzzParseTime holds ParseTime against package time where both read the same.
func FuzzParseTime(f *testing.F) {
	f.Add("2018-05-06T17:44:05.866769Z")
	f.Fuzz(func(t *testing.T, s string) {
		got := ParseTime([]byte(s))
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil || at.Year() < 1678 || at.Year() > 2261 || s[13] != ':' {
			return // package time takes an hour of one digit, ISO 8601 does not
		}
		if want := at.UnixNano(); got != want {
			t.Fatalf("%q: %d, want %d", s, got, want)
		}
	})
}
