package tty

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// lines is a shell that notes what it is given.
type lines struct {
	t   *Terminal
	got []string
}

func (l *lines) Prompt() string { return "$ " }

func (l *lines) Run(line []byte, out io.Writer) (int, bool) {
	l.got = append(l.got, string(line))
	switch string(line) {
	case "exit":
		return 7, true
	case "cat":
		b, _ := io.ReadAll(l.t)
		fmt.Fprintf(out, "<%q>", b)
	case "read":
		b := make([]byte, 3)
		n, err := l.t.Read(b)
		fmt.Fprintf(out, "<%q %v>", b[:n], err)
	}
	return len(l.got), false
}

// loans is a memory of some bytes.
type loans struct{ left, least int }

func (l *loans) Take(n int) bool {
	if n > l.left {
		return false
	}
	l.left -= n
	l.least = min(l.least, l.left)
	return true
}

func (l *loans) Give(n int) { l.left += n }

// pieces gives its text in parts of n bytes.
type pieces struct {
	s string
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.s == "" {
		return 0, io.EOF
	}
	n := copy(b, p.s[:min(p.n, len(p.s))])
	p.s = p.s[n:]
	return n, nil
}

func TestTerminal(t *testing.T) {
	long := strings.Repeat("x", MaxLine+5)
	for _, c := range []struct {
		name   string
		echo   bool
		in     string
		got    string
		see    string
		status int
	}{
		{"nothing", true, "", "", "$ ", 0},
		{"nothing, no terminal", false, "", "", "", 0},
		{"cut off", true, "id", "id", "$ id", 1},
		{"end of file", true, "\x04", "", "$ exit\r\n", 0},
		{"no end of file in a line", true, "a\x04b\r", "ab", "$ ab\r\n$ ", 1},
		{"interrupt", true, "abc\x03id\r\x04", "id", "$ abc^C\r\n$ id\r\n$ exit\r\n", 1},
		{"editing", true, "\x7fxid\x7f\x7f\x7f\x7fls\x08s\r", "ls", "$ xid\b \b\b \b\b \bls\b \bs\r\n$ ", 1},
		{"letters of several bytes", true, "a\xc3\xb6\x7fb\r", "ab", "$ a\xc3\xb6\b \bb\r\n$ ", 1},
		{"kill and word", true, "a b\x15cd ef  \x17x\r", "cd x", "$ a b\b \b\b \b\b \bcd ef  \b \b\b \b\b \b\b \bx\r\n$ ", 1},
		{"line ends", true, "a\r\nb\nc\r\x04", "a|b|c", "$ a\r\n$ b\r\n$ c\r\n$ exit\r\n", 3},
		{"history", true, "one\rtwo\r\x1b[A\x1b[A\x1b[B\r\x1bOA\r", "one|two|two|two",
			"$ one\r\n$ two\r\n$ two\b \b\b \b\b \bone\b \b\b \b\b \btwo\r\n$ two\r\n$ ", 4},
		{"keys that do nothing", true, "\x1b[1;5Da\x1b[3~\tb\x1bx\x00\r", "ab", "$ ab\r\n$ ", 1},
		{"clear", true, "ab\x0c\r", "ab", "$ ab\x1b[H\x1b[J$ ab\r\n$ ", 1},
		{"exit", true, "exit\rmore\r", "exit", "$ exit\r\n", 7},
		{"a script", false, "a\nb\r\n\x03\x7f\nexit\nc", "a|b|\x03\x7f|exit", "", 7},
		{"a command that reads lines", true, "cat\rab\x7fc\rx\x04\r\x04id\r", "cat|id", "$ cat\r\nab\b \bc\r\nx\r\n<\"ac\\nx\\n\">$ id\r\n$ ", 2},
		{"a command that reads a part", true, "read\rabcdef\rid\r", "read|id", "$ read\r\nabcdef\r\n<\"abc\" <nil>>$ id\r\n$ ", 2},
		{"a command that is interrupted", true, "cat\rab\x03id\r", "cat|id", "$ cat\r\nab^C\r\n<\"\">$ id\r\n$ ", 2},
		{"a command that reads a script", false, "cat\na\r\nb", "cat", `<"a\r\nb">`, 1},
		{"a line too long", false, long + "\nexit\n", long[:MaxLine] + "|exit", "", 7},
	} {
		for _, n := range []int{1 << 20, 1, 5} {
			var out bytes.Buffer
			l, mem := &lines{}, &loans{left: MaxLine}
			l.t = New(&pieces{c.in, n}, &out, c.echo, mem)
			status := l.t.Serve(l, 100)
			if l.t.Close(); mem.left != MaxLine {
				t.Errorf("%s by %d: %d bytes are not given back", c.name, n, MaxLine-mem.left)
			}
			if got := strings.Join(l.got, "|"); got != c.got || out.String() != c.see || status != c.status {
				t.Errorf("%s by %d: ran %.100q, saw %.200q, status %d", c.name, n, got, out.String(), status)
			}
		}
	}
}

func TestMostLines(t *testing.T) {
	l := &lines{}
	l.t = New(&pieces{strings.Repeat("a\r", 10), 100}, io.Discard, true, &loans{})
	if l.t.Serve(l, 3); len(l.got) != 3 {
		t.Errorf("%q", l.got)
	}
}

// TestLongLines: they get what memory there is, one at a time, and all of it
// is given back.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", MaxLine+5)
	for _, c := range []struct {
		name      string
		all, uses int // bytes of memory
		in        string
		got       []int // lengths of the lines
	}{
		{"nothing is lent", 0, 0, long + "\r" + long + "\rid\r", []int{free, free, 2}},
		{"short ones", MaxLine, 0, strings.Repeat(long[:free]+"\r", 5), []int{free, free, free, free, free}},
		{"twice as much", free, free, long + "\rid\r" + long, []int{2 * free, 2, 2 * free}},
		{"as much as may be", MaxLine, MaxLine - free, long + "\r" + long + "\r", []int{MaxLine, MaxLine}},
		{"interrupted", MaxLine, MaxLine - free, long + "\x03" + long + "\x03id\r", []int{2}},
		{"erased", MaxLine, free, long[:free+1] + "\x15" + long[:2*free] + "\r", []int{2 * free}},
		{"for a command", MaxLine, MaxLine - free, "cat\r" + long + "\r" + long + "\r\x04id\r", []int{3, 2}},
		{"for a command that leaves some", 2 * MaxLine, 2 * (MaxLine - free), "read\r" + long + "\r" + long + "\rcat\r\x04", []int{4, MaxLine, 3}},
	} {
		l, mem := &lines{}, &loans{c.all, c.all}
		l.t = New(&pieces{c.in, 100}, io.Discard, true, mem)
		l.t.Serve(l, 100)
		var got []int
		for _, line := range l.got {
			got = append(got, len(line))
		}
		if !slices.Equal(got, c.got) || mem.least != c.all-c.uses {
			t.Errorf("%s: lines of %d bytes, %d lent", c.name, got, c.all-mem.least)
		}
		if l.t.Close(); mem.left != c.all {
			t.Errorf("%s: %d bytes are not given back", c.name, c.all-mem.left)
		}
	}
}

// TestLongOutput: what one key or one command shows is not kept as a whole.
func TestLongOutput(t *testing.T) {
	var p packets
	line := strings.Repeat("x", 3*free)
	l := &lines{}
	l.t = New(&pieces{line + strings.Repeat("\x0c", 400) + "\x15" + "id\r", 1 << 20}, &p, true, &loans{left: MaxLine})
	l.t.Serve(l, 1)
	if p.most > len(line) || cap(l.t.out1) > 2*flushAt {
		t.Errorf("%+v, %d bytes kept", p, cap(l.t.out1))
	}
	fmt.Fprint(l.t, strings.Repeat("x", 1<<20))
	if p.most != 1<<20 || cap(l.t.out1) > 2*flushAt {
		t.Errorf("%+v, %d bytes kept", p, cap(l.t.out1))
	}
}

// packets counts writes.
type packets struct{ n, most int }

func (p *packets) Write(b []byte) (int, error) {
	p.n++
	p.most = max(p.most, len(b))
	return len(b), nil
}

// TestFewWrites: what a command prints in pieces goes out together.
func TestFewWrites(t *testing.T) {
	var p packets
	tt := New(&pieces{"", 1}, &p, true, &loans{})
	for range 10000 {
		fmt.Fprint(tt, "x ")
	}
	tt.Flush()
	if p.n > 5 || p.most > flushAt+2 {
		t.Errorf("%+v", p)
	}
}

// FuzzTerminal: no cut changes what is run and what is seen.
func FuzzTerminal(f *testing.F) {
	f.Add("uname -a\r\x1b[A\r\x03\x04", 1, true)
	f.Add("cat\rabc\r\x04read\rx\r", 3, true)
	f.Add("a\r\nb", 2, false)
	f.Fuzz(func(t *testing.T, in string, n int, echo bool) {
		run := func(n int) string {
			var out bytes.Buffer
			l := &lines{}
			l.t = New(&pieces{in, n}, &out, echo, &loans{left: MaxLine})
			status := l.t.Serve(l, 1000)
			return fmt.Sprintf("%q %q %d", l.got, out.String(), status)
		}
		n = 1 + int(uint(n)%20)
		if !echo { // a command without a terminal reads what there is
			in = strings.NewReplacer("cat", "c", "read", "r").Replace(in)
		}
		if a, b := run(1<<20), run(n); a != b {
			t.Fatalf("whole:\n%s\nby %d:\n%s", a, n, b)
		}
	})
}
