package adbwire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func head(command, length, sum, magic uint32) []byte {
	b := words(nil, command, 1, 2, length, sum, magic)
	return b
}

func TestDecoder(t *testing.T) {
	big := bytes.Repeat([]byte{1}, MaxTaken)
	for _, c := range []struct {
		name string
		in   []byte
		want string
		err  error
	}{
		{"nothing", nil, "", nil},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), "", ErrMagic},
		{"wrong magic", head(CNXN, 0, 0, CNXN), "", ErrMagic},
		{"too long", head(CNXN, MaxTaken+1, 0, ^uint32(CNXN)), "", ErrLength},
		{"longest length of all", head(CNXN, 1<<32-1, 0, ^uint32(CNXN)), "", ErrLength},
		{"cut in the head", head(CNXN, 0, 0, ^uint32(CNXN))[:23], "", nil},
		{"cut in the data", Append(nil, CNXN, 1, 2, []byte("abc"))[:26], "", nil},
		{"wrong sum", append(head(WRTE, 1, 99, ^uint32(WRTE)), 'x'), `45545257 1 2 "x" true;`, nil},
		{"empty", Append(nil, OKAY, 1, 2, nil), `59414b4f 1 2 "" false;`, nil},
		{"two", slices.Concat(Append(nil, OPEN, 1, 0, []byte("shell:id\x00")), Append(nil, CLSE, 0, 7, nil)),
			`4e45504f 1 0 "shell:id\x00" false;45534c43 0 7 "" false;`, nil},
		{"the longest", Append(nil, WRTE, 1, 2, big), fmt.Sprintf("45545257 1 2 %q false;", big), nil},
	} {
		for _, cut := range []int{max(len(c.in), 1), 1, 7} {
			got, err := decode(c.in, cut)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s by %d: %.200s %v", c.name, cut, got, err)
			}
		}
	}
	stop := errors.New("stop")
	var d Decoder
	if err := d.Feed(Append(nil, OKAY, 1, 2, nil), func(*Message) error { return stop }); err != stop {
		t.Error(err)
	}
}

func decode(in []byte, cut int) (string, error) {
	var d Decoder
	var out strings.Builder
	for part := range slices.Chunk(in, cut) {
		err := d.Feed(part, func(m *Message) error {
			fmt.Fprintf(&out, "%x %d %d %q %v;", m.Command, m.Arg0, m.Arg1, m.Data, m.BadSum)
			return nil
		})
		if err != nil {
			return out.String(), err
		}
	}
	return out.String(), nil
}

// TestSum: the example of every adb client, CNXN with "host::\x00".
func TestSum(t *testing.T) {
	got := Append(nil, CNXN, Version, MaxData, []byte("host::\x00"))
	want := "CNXN\x00\x00\x00\x01\x00\x10\x00\x00\x07\x00\x00\x00\x32\x02\x00\x00\xbc\xb1\xa7\xb1host::\x00"
	if string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func shellString(in []byte, cut int) string {
	var d ShellDecoder
	var out strings.Builder
	typed := []byte{}
	for part := range slices.Chunk(in, cut) {
		d.Feed(part, func(p []byte) { typed = append(typed, p...) }, func(kind byte, data []byte) {
			fmt.Fprintf(&out, "%d %q after %d;", kind, data, len(typed))
		})
	}
	return fmt.Sprintf("%q %s", typed, out.String())
}

func TestShellDecoder(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		in   []byte
		want string
	}{
		{nil, `"" `},
		{[]byte{0, 1, 0}, `"" `},
		{AppendShell(nil, ShellStdin, []byte("id\n")), `"id\n" `},
		{AppendShell(AppendShell(nil, ShellStdin, nil), ShellCloseStdin, nil), `"" 4 "" after 0;`},
		{AppendShell(AppendShell(nil, ShellStdin, []byte("a")), ShellWindow, []byte("24x80,0x0")), `"a" 5 "24x80,0x0" after 1;`},
		{AppendShell(nil, 77, []byte(long)), fmt.Sprintf(`"" 77 %q after 0;`, long[:maxControl])},
		{[]byte{0, 0xff, 0xff, 0xff, 0xff, 'a'}, `"a" `},
	} {
		for _, cut := range []int{max(len(c.in), 1), 1, 3} {
			if got := shellString(c.in, cut); got != c.want {
				t.Errorf("%q by %d: %s", c.in, cut, got)
			}
		}
	}
}

// disk is a file system of one file.
type disk struct {
	did   []string
	open  int
	reads int
}

func (d *disk) Stat(p string) Info {
	if p != "/f" {
		return Info{}
	}
	return Info{Mode: 0o100644, Size: 3, Time: 9}
}
func (d *disk) List(p string) []Info { return []Info{{Name: "f", Mode: 1, Size: 2, Time: 3}} }
func (d *disk) Read(p string) ([]byte, error) {
	d.reads++
	if p != "/f" {
		return nil, errors.New("no")
	}
	return []byte("abc"), nil
}
func (d *disk) Send(p string, mode uint32) Pushed {
	d.open++
	d.did = append(d.did, fmt.Sprintf("send %s %o", p, mode))
	return &pushed{d: d}
}

type pushed struct {
	d *disk
	b []byte
}

func (p *pushed) Write(b []byte) { p.b = append(p.b, b...) }
func (p *pushed) Close(whole bool) {
	p.d.open--
	p.d.did = append(p.d.did, fmt.Sprintf("%q %v", p.b, whole))
}

func req(id, body string) string { return string(words([]byte(id), uint32(len(body)))) + body }

func TestSync(t *testing.T) {
	done := string(words([]byte("DONE"), 1234))
	okay := string(words([]byte("OKAY"), 0))
	for _, c := range []struct {
		name, in, out, did string
		err                error
	}{
		{"nothing", "", "", "", nil},
		{"unknown", req("XXXX", ""), "", "", ErrSync},
		{"the second version", req("STA2", "/f"), "", "", ErrSync},
		{"a path too long", req("STAT", strings.Repeat("x", MaxPath+1)), "", "", ErrLength},
		{"data without a file", req("DATA", "x"), "", "", ErrSync},
		{"a request in the middle of a file", req("SEND", "/a,33188") + req("STAT", "/f"), "", "send /a 100644|\"\" false", ErrSync},
		{"a chunk too long", req("SEND", "/a") + string(words([]byte("DATA"), MaxChunk+1)), "", "send /a 644|\"\" false", ErrLength},
		{"cut", req("SEND", "/a,x") + req("DATA", "abc")[:10], "", "send /a,x 644|\"ab\" false", nil},
		{"quit", req("QUIT", "") + req("STAT", "/f"), "", "", ErrQuit},
		{"stat", req("STAT", "/f") + req("STAT", "/g"), string(words([]byte("STAT"), 0o100644, 3, 9)) + string(words([]byte("STAT"), 0, 0, 0)), "", nil},
		{"list", req("LIST", "/"), string(words([]byte("DENT"), 1, 2, 3, 1)) + "f" + string(words([]byte("DONE"), 0, 0, 0, 0)), "", nil},
		{"pull", req("RECV", "/f") + req("RECV", "/g"), req("DATA", "abc") + string(words([]byte("DONE"), 0)) + req("FAIL", "no"), "", nil},
		{"push", req("SEND", "/data/a,b,33261") + req("DATA", "abc") + req("DATA", "") + req("DATA", "def") + done + req("SEND", "/e") + done,
			okay + okay, "send /data/a,b 100755|\"abcdef\" true|send /e 644|\"\" true", nil},
	} {
		for _, cut := range []int{max(len(c.in), 1), 1, 5} {
			d := &disk{}
			out, err := sync(d, []byte(c.in), cut)
			if did := strings.Join(d.did, "|"); out != c.out || did != c.did || !errors.Is(err, c.err) {
				t.Errorf("%s by %d: %q %s %v", c.name, cut, out, did, err)
			}
		}
	}
}

func sync(d *disk, in []byte, cut int) (string, error) {
	s := NewSync(d)
	defer s.Close()
	var out bytes.Buffer
	var err error
	for part := range slices.Chunk(in, cut) {
		if err = s.Feed(part, &out); err != nil {
			break
		}
	}
	return out.String(), err
}

// shortWriter takes n bytes.
type shortWriter struct{ n int }

func (w *shortWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		return 0, io.ErrShortWrite
	}
	w.n -= len(p)
	return len(p), nil
}

// TestSyncStops: what nobody takes is not read.
func TestSyncStops(t *testing.T) {
	for room, reads := range map[int]int{0: 1, 8: 1, 11: 1, 19: 2, 20: 2, 40: 3} {
		d := &disk{}
		err := NewSync(d).Feed([]byte(strings.Repeat(req("RECV", "/f"), 1000)), &shortWriter{room})
		if err != io.ErrShortWrite || d.reads != reads {
			t.Errorf("room for %d bytes: %d reads, %v", room, d.reads, err)
		}
	}
}

// FuzzADB: no cut changes messages, shell packets or sync requests.
func FuzzADB(f *testing.F) {
	f.Add(slices.Concat(Append(nil, CNXN, Version, MaxData, []byte("host::\x00")), Append(nil, OPEN, 1, 0, []byte("shell:id\x00"))), 3)
	f.Add([]byte(req("SEND", "/a,33188")+req("DATA", "abc")+string(words([]byte("DONE"), 1))+req("STAT", "/f")+req("LIST", "/")), 2)
	f.Add(AppendShell(AppendShell(nil, ShellStdin, []byte("id\n")), ShellWindow, []byte("24x80")), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		whole, cut := max(len(in), 1), 1+int(uint(cut)%50)
		a, err1 := decode(in, whole)
		b, err2 := decode(in, cut)
		if a != b || err1 != err2 {
			t.Fatalf("%s %v\n%s %v", a, err1, b, err2)
		}
		if a, b := shellString(in, whole), shellString(in, cut); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
		d1, d2 := &disk{}, &disk{}
		a, err1 = sync(d1, in, whole)
		b, err2 = sync(d2, in, cut)
		if a != b || err1 != err2 || !slices.Equal(d1.did, d2.did) || d1.open != 0 {
			t.Fatalf("%q %v %q\n%q %v %q", a, err1, d1.did, b, err2, d2.did)
		}
	})
}
