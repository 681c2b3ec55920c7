package process

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOutputLines(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string // one write each
		want []string
	}{
		{"nothing", nil, nil},
		{"escape sequences", []string{"a\x1b[2J\x07b\n"}, []string{`a\x1b[2J\x07b`}},
		{"NUL and DEL", []string{"\x00\x7f\n"}, []string{`\x00\x7f`}},
		{"not UTF-8", []string{"\xff\xc3(\n"}, []string{`\xff\xc3(`}},
		{"C1 control and a turn of direction", []string{"\u009b\u202eabc\n"}, []string{`\u009b\u202eabc`}},
		{"carriage returns and tabs", []string{"a\r\nb\tc\rd\n"}, []string{"a", "b cd"}},
		{"a character in two writes", []string{"gr\xc3", "\xbc\xc3\x9fe\n"}, []string{"grüße"}},
		{"a character in three", []string{"\xe2", "\x82", "\xac\n"}, []string{"€"}},
		{"half a character at the end", []string{"a\xe2\x82"}, []string{`a\xe2\x82`}},
		{"empty lines", []string{"\n\na\n"}, []string{"", "", "a"}},
		{"no end", []string{"a\nb"}, []string{"a", "b"}},
		{"a long line", []string{strings.Repeat("x", maxLine+5) + "\nb\n"}, []string{strings.Repeat("x", maxLine), "b"}},
		{"a long line of escapes", []string{strings.Repeat("\x01", maxLine) + "\n"}, []string{strings.Repeat(`\x01`, maxLine/4)}},
	} {
		o := NewOutput(0)
		for _, s := range c.in {
			if n, err := o.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("%s: Write %d, %v", c.name, n, err)
			}
		}
		o.end()
		if got := o.Lines(100); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestOutputBound: the ring never grows over its size, keeps the newest lines
// whole, and what is kept and what was dropped is all that was printed.
func TestOutputBound(t *testing.T) {
	const size = 10_000
	o := NewOutput(size)
	printed := 0
	for i := range 5000 {
		line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", i%97))
		printed += len(line)
		_, _ = o.Write([]byte(line))
		if len(o.ring) > size {
			t.Fatalf("%d bytes, want at most %d", len(o.ring), size)
		}
	}
	lines := o.Lines(1 << 20)
	kept := 0
	for i, line := range lines {
		kept += len(line) + 1
		if want := fmt.Sprintf("%d ", 5000-len(lines)+i); !strings.HasPrefix(line, want) {
			t.Fatalf("line %d is %q, want %q", i, line, want)
		}
	}
	if kept > size || kept < size-200 || uint64(printed) != o.Dropped()+uint64(kept) {
		t.Errorf("printed %d, kept %d, dropped %d", printed, kept, o.Dropped())
	}
	if got := o.Lines(3); len(got) != 3 || got[2] != lines[len(lines)-1] {
		t.Errorf("%q", got)
	}
	o.skip(12345)
	_, _ = o.Write([]byte("after\n"))
	if got := o.Lines(2); got[0] != "[12345 bytes of output dropped]" || got[1] != "after" {
		t.Errorf("%q", got)
	}
}

// TestOutputAllocations: a pot that prints for ever makes no garbage.
func TestOutputAllocations(t *testing.T) {
	o := NewOutput(64 << 10)
	chunk := bytes.Repeat([]byte("a line of a log, with ümlauts\tand a tab\n"), 100)
	for range 100 {
		_, _ = o.Write(chunk)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = o.Write(chunk) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte("plain\nlines\n"), []byte("and\xc3"), uint16(0))
	f.Add([]byte("\xe2\x82"), []byte("\xac\n\x1b[0m\r\n"), uint16(9000))
	f.Fuzz(func(t *testing.T, a, b []byte, size uint16) {
		o := NewOutput(int(size))
		for range 3 {
			_, _ = o.Write(a)
			_, _ = o.Write(b)
		}
		o.end()
		sum := 0
		for _, line := range o.Lines(1 << 20) {
			sum += len(line) + 1
			if len(line) > maxLine || !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%q", line)
			}
		}
		if sum > o.max || len(o.ring) > o.max {
			t.Errorf("%d bytes of lines in %d, may be %d", sum, len(o.ring), o.max)
		}
	})
}
