package sftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// disk is a file system of a few files, and a record of what was asked.
type disk struct {
	files map[string]string
	did   []string
	open  int
	left  int // bytes of memory
}

// memory is what a disk has of it.
const memory = 1 << 20

func newDisk() *disk {
	return &disk{files: map[string]string{"/etc/passwd": "root:x:0:0", "/big": strings.Repeat("x", MaxRead+5)}, left: memory}
}

func (d *disk) note(format string, args ...any) error {
	d.did = append(d.did, fmt.Sprintf(format, args...))
	return nil
}

func (d *disk) RealPath(p string) string { return "/root/" + p }
func (d *disk) Stat(p string, follow bool) (Attr, error) {
	if p == "/secret" {
		return Attr{}, ErrPermission
	}
	body, ok := d.files[p]
	if !ok {
		return Attr{}, ErrNotExist
	}
	return Attr{Mode: 0o100644, Size: int64(len(body)), Time: time.Unix(1e9, 0), Owner: "root", Group: "root"}, nil
}
func (d *disk) List(p string) ([]Entry, error) {
	if p != "/etc" {
		return nil, ErrNotExist
	}
	list := make([]Entry, MaxNames+1)
	for i := range list {
		list[i] = Entry{fmt.Sprint("f", i), Attr{Mode: 0o040755, Time: time.Unix(1e9, 0), Owner: "root", Group: "root"}}
	}
	return list, nil
}
func (d *disk) ReadFile(p string) ([]byte, error) { return []byte(d.files[p]), nil }
func (d *disk) Readlink(p string) (string, error) { return "", ErrFailure }
func (d *disk) Create(p string, mode uint32, trunc bool) (File, error) {
	if p == "/proc/x" {
		return nil, ErrPermission
	}
	d.open++
	return &written{d: d, path: p}, d.note("create %s %o %v", p, mode, trunc)
}
func (d *disk) Chmod(p string, mode uint32) error { return d.note("chmod %s %o", p, mode) }
func (d *disk) Remove(p string) error             { return d.note("remove %s", p) }
func (d *disk) Mkdir(p string, mode uint32) error { return d.note("mkdir %s %o", p, mode) }
func (d *disk) Rmdir(p string) error              { return d.note("rmdir %s", p) }
func (d *disk) Rename(a, b string) error          { return d.note("rename %s %s", a, b) }
func (d *disk) Symlink(a, b string) error         { return d.note("symlink %s %s", a, b) }

func (d *disk) Take(n int) bool {
	if n > d.left {
		return false
	}
	d.left -= n
	return true
}
func (d *disk) Give(n int) { d.left += n }

type written struct {
	d    *disk
	path string
	n    int
}

func (w *written) WriteAt(p []byte, at int64) (int, error) {
	w.n += len(p)
	return len(p), w.d.note("write %s %d at %d", w.path, len(p), at)
}

func (w *written) Close(whole bool) {
	w.d.open--
	_ = w.d.note("close %s %d %v", w.path, w.n, whole)
}

// pk builds a packet: byte for its type, uint32, uint64, string.
func pk(kind byte, fields ...any) []byte {
	b := []byte{kind}
	for _, f := range fields {
		switch f := f.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(f))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, f)
		case string:
			b = appendString(b, f)
		}
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// show makes answers readable: type, id, and for a status its code.
func show(b []byte) string {
	var out []string
	for len(b) >= 9 {
		n := int(binary.BigEndian.Uint32(b))
		p := b[4 : 4+n]
		s := fmt.Sprintf("%d#%d", p[0], binary.BigEndian.Uint32(p[1:]))
		if p[0] == typeStatus {
			s += fmt.Sprintf("=%d", binary.BigEndian.Uint32(p[5:]))
		}
		if p[0] == typeData || p[0] == typeHandle {
			s += fmt.Sprintf("=%.40q", p[9:])
		}
		if p[0] == typeName {
			s += fmt.Sprintf("x%d", binary.BigEndian.Uint32(p[5:]))
		}
		out, b = append(out, s), b[4+n:]
	}
	if len(b) > 0 {
		out = append(out, "garbage")
	}
	return strings.Join(out, " ")
}

var hello = pk(typeInit, 3)

const h0, h1 = "\x00\x00\x00\x00", "\x00\x00\x00\x01"

func TestServer(t *testing.T) {
	many := make([][]byte, 0, MaxHandles+1)
	for i := range MaxHandles + 1 {
		many = append(many, pk(typeOpendir, i, "/etc"))
	}
	for _, c := range []struct {
		name string
		in   [][]byte
		want string
		did  string
		err  error
	}{
		{"nothing", nil, "", "", nil},
		{"empty packet", [][]byte{{0, 0, 0, 0}}, "", "", ErrPacket},
		{"too long", [][]byte{binary.BigEndian.AppendUint32(nil, MaxPacket+1)}, "", "", ErrPacket},
		{"no INIT", [][]byte{pk(typeStat, 1, "/etc/passwd")}, "", "", ErrInit},
		{"no id", [][]byte{hello, {0, 0, 0, 2, typeStat, 0}}, "2#3", "", ErrPacket},
		{"second INIT", [][]byte{hello, hello}, "2#3 101#3=8", "", nil},
		{"unknown type", [][]byte{hello, pk(99, 7, "x")}, "2#3 101#7=8", "", nil},
		{"path cut", [][]byte{hello, pk(typeStat, 7, 100)}, "2#3 101#7=5", "", nil},
		{"path too long", [][]byte{hello, pk(typeRemove, 7, strings.Repeat("a", MaxPath+1))}, "2#3 101#7=5", "", nil},
		{"not there", [][]byte{hello, pk(typeStat, 1, "/x"), pk(typeOpen, 2, "/x", openRead, 0)}, "2#3 101#1=2 101#2=2", "", nil},
		{"not allowed", [][]byte{hello, pk(typeLstat, 1, "/secret"), pk(typeOpen, 2, "/proc/x", openWrite, 0)}, "2#3 101#1=3 101#2=3", "", nil},
		{"bad handles", [][]byte{hello, pk(typeClose, 1, "x"), pk(typeClose, 2, "\xff\xff\xff\xff"), pk(typeRead, 3, h0, uint64(0), 10),
			pk(typeWrite, 4, h0, uint64(0), "x"), pk(typeReaddir, 5, h1), pk(typeFstat, 6, h0), pk(typeFsetstat, 7, h0, 0)},
			"2#3 101#1=4 101#2=4 101#3=4 101#4=4 101#5=4 101#6=4 101#7=4", "", nil},
		{"read of a directory", [][]byte{hello, pk(typeOpendir, 1, "/etc"), pk(typeRead, 2, h0, uint64(0), 9)}, `2#3 102#1="\x00\x00\x00\x00" 101#2=4`, "", nil},
		{"write to what is read", [][]byte{hello, pk(typeOpen, 1, "/etc/passwd", openRead, 0), pk(typeWrite, 2, h0, uint64(0), "x")}, `2#3 102#1="\x00\x00\x00\x00" 101#2=4`, "", nil},
		{"no link", [][]byte{hello, pk(typeReadlink, 1, "/etc")}, "2#3 101#1=4", "", nil},
		{"unknown extension", [][]byte{hello, pk(typeExtended, 1, "x@y", "")}, "2#3 101#1=8", "", nil},
		{"left open", [][]byte{hello, pk(typeOpen, 1, "/tmp/a", openWrite|openTrunc, attrPerm, 0o755), pk(typeWrite, 2, h0, uint64(0), "abc")},
			`2#3 102#1="\x00\x00\x00\x00" 101#2=0`, "create /tmp/a 755 true,write /tmp/a 3 at 0,close /tmp/a 3 false", nil},
		{"an upload", [][]byte{hello, pk(typeOpen, 1, "/tmp/a", openWrite, attrSize|attrUIDGID|attrTimes, uint64(9), uint64(0), uint64(0)), pk(typeWrite, 2, h0, uint64(5), "abc"),
			pk(typeFsetstat, 3, h0, attrPerm, 0o100755), pk(typeClose, 4, h0), pk(typeClose, 5, h0)},
			`2#3 102#1="\x00\x00\x00\x00" 101#2=0 101#3=0 101#4=0 101#5=4`, "create /tmp/a 666 false,write /tmp/a 3 at 5,chmod /tmp/a 755,close /tmp/a 3 true", nil},
		{"a download", [][]byte{hello, pk(typeOpen, 1, "/etc/passwd", openRead, 0), pk(typeFstat, 2, h0), pk(typeRead, 3, h0, uint64(0), 4), pk(typeRead, 4, h0, uint64(4), 1<<20),
			pk(typeRead, 5, h0, uint64(10), 1), pk(typeRead, 6, h0, uint64(1<<63), 1)},
			`2#3 102#1="\x00\x00\x00\x00" 105#2 103#3="root" 103#4=":x:0:0" 101#5=1 101#6=1`, "", nil},
		{"a listing", [][]byte{hello, pk(typeOpendir, 1, "/etc"), pk(typeReaddir, 2, h0), pk(typeReaddir, 3, h0), pk(typeReaddir, 4, h0), pk(typeOpendir, 5, "/x")},
			fmt.Sprintf(`2#3 102#1="\x00\x00\x00\x00" 104#2x%d 104#3x1 101#4=1 101#5=2`, MaxNames), "", nil},
		{"changes", [][]byte{hello, pk(typeRealpath, 1, "."), pk(typeMkdir, 2, "/a", attrPerm, 0o700), pk(typeRename, 3, "/a", "/b"), pk(typeRmdir, 4, "/b"),
			pk(typeSymlink, 5, "to", "/link"), pk(typeRemove, 6, "/link"), pk(typeSetstat, 7, "/x", attrPerm, 0o777), pk(typeSetstat, 8, "/x", attrTimes, uint64(0)),
			pk(typeExtended, 9, "posix-rename@openssh.com", "a", "b")},
			"2#3 104#1x1 101#2=0 101#3=0 101#4=0 101#5=0 101#6=0 101#7=0 101#8=0 101#9=0",
			"mkdir /a 700,rename /a /b,rmdir /b,symlink to /link,remove /link,chmod /x 777,rename a b", nil},
		{"too many handles", append([][]byte{hello}, many...), "", "", nil},
	} {
		in := slices.Concat(c.in...)
		for _, cut := range []int{max(len(in), 1), 1, 5} {
			d := newDisk()
			s := New(d)
			var out bytes.Buffer
			var err error
			for part := range slices.Chunk(in, cut) {
				if err = s.Feed(part, &out); err != nil {
					break
				}
			}
			if s.Close(); d.left != memory {
				t.Errorf("%s by %d: %d bytes are not given back", c.name, cut, memory-d.left)
			}
			got := show(out.Bytes())
			if c.name == "too many handles" {
				if !strings.HasSuffix(got, fmt.Sprintf("101#%d=4", MaxHandles)) || strings.Contains(got[:len(got)-9], "101#") {
					t.Errorf("%s: %s", c.name, got)
				}
				continue
			}
			if got != c.want || strings.Join(d.did, ",") != c.did || !errors.Is(err, c.err) {
				t.Errorf("%s by %d:\n got %s\nwant %s\n did %v\nwant %s\n%v", c.name, cut, got, c.want, d.did, c.did, err)
			}
		}
	}
}

// TestMemory: what handles hold is lent, for as long as they are open.
func TestMemory(t *testing.T) {
	d := newDisk()
	s := New(d)
	ask := func(left int, want string, packets ...[]byte) {
		t.Helper()
		d.left = left
		var out bytes.Buffer
		mustNot(t, s.Feed(slices.Concat(packets...), &out))
		if got := show(out.Bytes()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	read := func(id int) []byte { return pk(typeRead, id, h0, uint64(0), 1) }
	big := len(d.files["/big"])
	ask(3, "2#3 101#1=4 101#2=4", hello, pk(typeOpen, 1, "/big", openRead, 0), pk(typeOpendir, 2, "/etc"))
	ask(3, "101#1=4", pk(typeOpen, 1, "/tmp/a", openWrite|openTrunc, 0))
	if d.open != 0 {
		t.Error("a file was left open")
	}
	ask(4, `102#1="\x00\x00\x00\x00" 101#2=4`, pk(typeOpen, 1, "/big", openRead, 0), read(2))
	ask(big-1, "101#1=4", read(1))
	ask(2*big, `103#1="x" 103#2="x"`, read(1), read(2))
	if d.left > big {
		t.Errorf("%d bytes lent for a file of %d", 2*big-d.left, big)
	}
	ask(d.left, "101#1=0", pk(typeClose, 1, h0))
	if d.left != 2*big+4 {
		t.Errorf("%d bytes left of %d", d.left, 2*big+4)
	}
	ask(MaxNames*entrySize, "101#1=4", pk(typeOpendir, 1, "/etc"))
	ask(memory, `102#1="\x00\x00\x00\x00"`, pk(typeOpendir, 1, "/etc"))
	if lent := memory - d.left; lent < MaxNames*entrySize {
		t.Errorf("%d bytes lent for a directory", lent)
	}
	if s.Close(); d.left != memory {
		t.Errorf("%d bytes are not given back", memory-d.left)
	}
}

func mustNot(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLong(t *testing.T) {
	for _, c := range []struct {
		want string
		e    Entry
	}{
		{"drwxr-x--x    1 root     root            0 Sep  9  2001 d", Entry{"d", Attr{Mode: 0o040751, Time: time.Unix(1e9, 0).UTC(), Owner: "root", Group: "root"}}},
		{"lrwxrwxrwx    1 1000     users         123 Mar  3 10:00 l", Entry{"l", Attr{Mode: 0o120777, Size: 123, Time: time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC), Owner: "1000", Group: "users"}}},
	} {
		if got := c.e.long(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// FuzzServer: no cut changes an answer, and every file that is opened is
// closed.
func FuzzServer(f *testing.F) {
	f.Add(slices.Concat(hello, pk(typeOpen, 1, "/tmp/a", openWrite|openTrunc, attrPerm, 0o755), pk(typeWrite, 2, h0, uint64(0), "abc"), pk(typeClose, 3, h0)), 3)
	f.Add(slices.Concat(hello, pk(typeOpendir, 1, "/etc"), pk(typeReaddir, 2, h0), pk(typeRealpath, 3, ".")), 1)
	f.Add(slices.Concat(hello, pk(typeOpen, 1, "/etc/passwd", openRead, -1<<31, 1<<30), pk(typeRead, 3, h0, uint64(1<<63), -1<<31)), 9)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		run := func(cut int) (string, string) {
			d := newDisk()
			s := New(d)
			var out bytes.Buffer
			for part := range slices.Chunk(in, cut) {
				if s.Feed(part, &out) != nil {
					break
				}
			}
			s.Close()
			if d.open != 0 || d.left != memory {
				t.Fatalf("%d files left open, %d bytes not given back", d.open, memory-d.left)
			}
			return out.String(), strings.Join(d.did, "\n")
		}
		out, did := run(max(len(in), 1))
		out2, did2 := run(1 + int(uint(cut)%50))
		if out != out2 || did != did2 {
			t.Fatalf("%q %q\n%q %q", out, did, out2, did2)
		}
	})
}
