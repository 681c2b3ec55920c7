package scp

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// record notes what came.
type record struct {
	did  []string
	data []byte
	open int
}

func (r *record) Begin(p string, mode uint32, size int64) {
	r.open++
	r.did = append(r.did, fmt.Sprintf("C %s %o %d", p, mode, size))
}
func (r *record) Data(p []byte) { r.data = append(r.data, p...) }
func (r *record) End(whole bool) {
	r.open--
	r.did = append(r.did, fmt.Sprintf("end %s %v", r.data, whole))
	r.data = nil
}
func (r *record) Mkdir(p string, mode uint32) { r.did = append(r.did, fmt.Sprintf("D %s %o", p, mode)) }

func isDir(p string) bool { return p == "/tmp" }

func TestSink(t *testing.T) {
	for _, c := range []struct {
		name, base, in string
		did, out       string
		err            error
	}{
		{"nothing", "/tmp", "", "", "", nil},
		{"an empty line", "/tmp", "\n", "", "\x01scp: protocol error: unexpected <newline>\n", ErrProtocol},
		{"rubbish", "/tmp", "hello\n", "", "\x01scp: protocol error: expected control record\n", ErrProtocol},
		{"a line without end", "/tmp", "C" + strings.Repeat("0", MaxLine+1), "", "\x01scp: protocol error: control line too long\n", ErrProtocol},
		{"no mode", "/tmp", "Cx 1 a\n", "", "\x01scp: protocol error: bad mode\n", ErrProtocol},
		{"mode too large", "/tmp", "C7777777 1 a\n", "", "\x01scp: protocol error: bad mode\n", ErrProtocol},
		{"no size", "/tmp", "C0644 x a\n", "", "\x01scp: protocol error: size not delimited\n", ErrProtocol},
		{"size below 0", "/tmp", "C0644 -1 a\n", "", "\x01scp: protocol error: size not delimited\n", ErrProtocol},
		{"size beyond all", "/tmp", "C0644 9223372036854775808 a\n", "", "\x01scp: protocol error: size not delimited\n", ErrProtocol},
		{"no name", "/tmp", "C0644 1 \n", "", "\x01scp: protocol error: unexpected filename: \n", ErrProtocol},
		{"a path for a name", "/tmp", "C0644 1 ../a\n", "", "\x01scp: protocol error: unexpected filename: ../a\n", ErrProtocol},
		{"up", "/tmp", "D0755 0 ..\n", "", "\x01scp: protocol error: unexpected filename: ..\n", ErrProtocol},
		{"an end too many", "/tmp", "E\n", "", "\x01scp: protocol error: unexpected E\n", ErrProtocol},
		{"too deep", "/tmp", strings.Repeat("D0755 0 d\n", MaxDepth+1), "*", strings.Repeat("\x00", MaxDepth) + "\x01scp: protocol error: too deep\n", ErrProtocol},
		{"cut in the data", "/tmp", "C0644 9 a\nabc", "C /tmp/a 644 9|end abc false", "\x00", nil},
		{"cut before the status", "/tmp", "C0644 3 a\nabc", "C /tmp/a 644 3|end abc true", "\x00", nil},
		{"the client's file ended early", "/tmp", "C0644 3 a\nabc\x01", "C /tmp/a 644 3|end abc false", "\x00\x00", nil},
		{"a warning", "/tmp", "\x01scp: x: No such file\nC0644 0 a\n\x00", "C /tmp/a 644 0|end  true", "\x00\x00", nil},
		{"under its own name", "/tmp/b", "C0755 3 a\nabc\x00", "C /tmp/b 755 3|end abc true", "\x00\x00", nil},
		{"names with blanks", "/tmp", "C0644 1 a b\nx\x00", "C /tmp/a b 644 1|end x true", "\x00\x00", nil},
		{"a tree", "/tmp", "T1 0 1 0\nD0755 0 d\nC0644 1 a\nx\x00E\nC0644 1 b\ny\x00",
			"D /tmp/d 755|C /tmp/d/a 644 1|end x true|C /tmp/b 644 1|end y true", "\x00\x00\x00\x00\x00\x00\x00", nil},
	} {
		for _, cut := range []int{max(len(c.in), 1), 1, 3} {
			r := &record{}
			s := NewSink(r, c.base, isDir)
			out, err := feed(s, c.in, cut)
			did := strings.Join(r.did, "|")
			if c.did == "*" {
				did = "*"
			}
			if did != c.did || out != c.out || !errors.Is(err, c.err) {
				t.Errorf("%s by %d: %q %q %v", c.name, cut, did, out, err)
			}
		}
	}
}

func feed(s *Sink, in string, cut int) (string, error) {
	defer s.Close()
	var out []byte
	var err error
	for part := range slices.Chunk([]byte(in), cut) {
		if out, err = s.Feed(part, out); err != nil {
			return string(out), err
		}
	}
	return string(out), nil
}

func TestSource(t *testing.T) {
	for _, c := range []struct {
		in, out string
		err     error
	}{
		{"", "", nil},
		{"\x01", "", io.EOF},
		{"\x00", "C0644 4 passwd\n", nil},
		{"\x00\x01", "C0644 4 passwd\n", io.EOF},
		{"\x00\x00", "C0644 4 passwd\nroot\x00", nil},
		{"\x00\x00\x00", "C0644 4 passwd\nroot\x00", io.EOF},
	} {
		var out strings.Builder
		if err := NewSource("passwd", 0o100644, []byte("root")).Feed([]byte(c.in), &out); err != c.err || out.String() != c.out {
			t.Errorf("%q: %q %v", c.in, out.String(), err)
		}
	}
	r, w := io.Pipe()
	r.Close()
	if err := NewSource("x", 0, nil).Feed([]byte{0}, w); err != io.ErrClosedPipe {
		t.Errorf("nobody is there: %v", err)
	}
}

func TestParseCommand(t *testing.T) {
	for _, c := range []struct {
		line string
		want Command
		ok   bool
	}{
		{"", Command{}, false},
		{"scp", Command{}, false},
		{"scp -t", Command{}, false},
		{"scp a b", Command{}, false},
		{"scpx -t /tmp", Command{}, false},
		{"scp -t /tmp; id", Command{}, false},
		{"scp -t $HOME", Command{}, false},
		{"scp -f /tmp/*", Command{}, false},
		{"scp -t /a /b", Command{}, false},
		{"scp -t /tmp/a", Command{true, "/tmp/a"}, true},
		{"  /usr/bin/scp  -v -r -p -d -t  -- '/tmp/a b'", Command{true, "/tmp/a b"}, true},
		{`scp -rft /tmp/a\ b`, Command{true, "/tmp/a b"}, true},
		{`scp -qf "/etc/passwd"`, Command{false, "/etc/passwd"}, true},
		{"scp -t .", Command{true, "."}, true},
	} {
		if got, ok := ParseCommand(c.line); got != c.want || ok != c.ok {
			t.Errorf("%q: %+v %v", c.line, got, ok)
		}
	}
}

// FuzzSink: no cut changes anything, and every file has an end.
func FuzzSink(f *testing.F) {
	f.Add("C0644 3 a\nabc\x00", 1)
	f.Add("T1 0 1 0\nD0755 0 d\nC0644 1 a\nx\x00E\n", 2)
	f.Add("\x01warning\n\x02fatal\n", 3)
	f.Fuzz(func(t *testing.T, in string, cut int) {
		run := func(cut int) string {
			r := &record{}
			out, err := feed(NewSink(r, "/tmp", isDir), in, cut)
			if r.open != 0 {
				t.Fatalf("%d files without an end", r.open)
			}
			return fmt.Sprintf("%q %q %v", r.did, out, err)
		}
		if a, b := run(max(len(in), 1)), run(1+int(uint(cut)%50)); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
		_, _ = ParseCommand(in)
	})
}
