package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// stamp is the time of every entry: 2026-11-27 07:00:00 UTC.
const stamp = 1795762800

// member is an entry of a tar as it lies in the bytes.
type member struct {
	name string
	mode int64
	kind byte
	data string
}

func (m member) String() string { return fmt.Sprintf("%04o %c %s", m.mode, m.kind, m.name) }

// readTar reads a tar byte by byte, without archive/tar: the old GNU form
// (tar.h of GNU tar, OLDGNU_MAGIC), root's, of one time, and nothing else.
func readTar(t *testing.T, b []byte) (members []member) {
	t.Helper()
	if len(b)%512 != 0 {
		t.Fatalf("%d bytes are no whole blocks", len(b))
	}
	zero := make([]byte, 512)
	for len(b) > 0 && !bytes.Equal(b[:512], zero) {
		h := b[:512]
		octal := func(from, to int) int64 {
			n, err := strconv.ParseInt(strings.Trim(string(h[from:to]), " \x00"), 8, 64)
			if err != nil {
				t.Fatalf("bytes %d to %d of a header: %v", from, to, err)
			}
			return n
		}
		m := member{name: cString(h[:100]), mode: octal(100, 108), kind: h[156]}
		var sum int64
		for i, c := range h {
			if i >= 148 && i < 156 {
				c = ' '
			}
			sum += int64(c)
		}
		switch {
		case octal(148, 156) != sum:
			t.Errorf("%s: checksum %o, counted %o", m.name, octal(148, 156), sum)
		case string(h[257:265]) != "ustar  \x00":
			t.Errorf("%s: magic %q is not GNU's", m.name, h[257:265])
		case octal(108, 116) != 0 || octal(116, 124) != 0:
			t.Errorf("%s: owner %d:%d", m.name, octal(108, 116), octal(116, 124))
		case cString(h[265:297]) != "" || cString(h[297:329]) != "":
			t.Errorf("%s: names an owner: %q", m.name, h[265:329])
		case octal(136, 148) != stamp:
			t.Errorf("%s: time %d", m.name, octal(136, 148))
		}
		size := octal(124, 136)
		blocks := (size + 511) / 512 * 512
		m.data = string(b[512 : 512+size])
		if rest := b[512+size : 512+blocks]; !bytes.Equal(rest, zero[:len(rest)]) {
			t.Errorf("%s is not padded with zeros", m.name)
		}
		members = append(members, m)
		b = b[512+blocks:]
	}
	if len(b) != 1024 || !bytes.Equal(b[512:], zero) {
		t.Errorf("%d bytes behind the last entry, not two blocks of zeros", len(b))
	}
	return members
}

func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// unzip unpacks what gzip -n -9 would have packed (RFC 1952, section 2.3).
func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	switch {
	case len(b) < 18 || b[0] != 0x1f || b[1] != 0x8b || b[2] != 8:
		t.Fatalf("%x is no header of gzip", b[:min(len(b), 10)])
	case b[3] != 0:
		t.Errorf("flags %#x: a name, a comment or more", b[3])
	case binary.LittleEndian.Uint32(b[4:]) != 0:
		t.Errorf("time %d", binary.LittleEndian.Uint32(b[4:]))
	case b[8] != 2:
		t.Errorf("extra flags %d, not 2 (slowest)", b[8])
	}
	r := bytes.NewReader(b)
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if r.Len() != 0 {
		t.Errorf("%d bytes behind the end", r.Len())
	}
	return plain
}

// pack runs the program in the repository's top directory.
func pack(t *testing.T, args ...string) []byte {
	t.Helper()
	t.Chdir("../..")
	out := filepath.Join(t.TempDir(), "out")
	if err := run(append(args, out)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func program(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, bytes.Repeat([]byte("\x7fELF not quite"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func packIpk(t *testing.T) []byte {
	return pack(t, "-form", "ipk", "-time", strconv.Itoa(stamp), "-set", "VERSION=1.2.3+4.gabc", "-set", "ARCH=mipsel_24kc",
		"-set", "BINARY="+program(t), "build/openwrt/manifest")
}

// The package is what opkg wants, to the byte.
func TestIpk(t *testing.T) {
	outer := readTar(t, unzip(t, packIpk(t)))
	if got, want := fmt.Sprint(outer), "[0644 0 ./debian-binary 0644 0 ./data.tar.gz 0644 0 ./control.tar.gz]"; got != want {
		t.Fatalf("members %s, want %s", got, want)
	}
	if outer[0].data != "2.0\n" {
		t.Errorf("debian-binary is %q", outer[0].data)
	}
	plain := unzip(t, []byte(outer[1].data))
	data := list(readTar(t, plain))
	want := `0755 5 ./
0755 5 ./etc/
0755 5 ./etc/config/
0600 0 ./etc/config/forager
0711 5 ./etc/forager/
0755 5 ./etc/init.d/
0755 0 ./etc/init.d/forager
0755 5 ./etc/uci-defaults/
0755 0 ./etc/uci-defaults/90-forager
0755 5 ./lib/
0755 5 ./lib/upgrade/
0755 5 ./lib/upgrade/keep.d/
0644 0 ./lib/upgrade/keep.d/forager
0755 5 ./usr/
0755 5 ./usr/sbin/
0755 0 ./usr/sbin/forager
`
	if data != want {
		t.Errorf("data:\n%swant:\n%s", data, want)
	}
	control := readTar(t, unzip(t, []byte(outer[2].data)))
	if got, want := list(control), "0755 5 ./\n0644 0 ./conffiles\n0644 0 ./control\n0755 0 ./postinst\n0755 0 ./prerm\n"; got != want {
		t.Errorf("control:\n%swant:\n%s", got, want)
	}
	if got := control[1].data; got != "/etc/config/forager\n" {
		t.Errorf("conffiles are %q", got)
	}
	checkControl(t, control[2].data, len(plain))
}

func list(members []member) string {
	var s strings.Builder
	for _, m := range members {
		fmt.Fprintln(&s, m)
	}
	return s.String()
}

// checkControl reads the fields as opkg does: "Name: value", lines that begin
// with a space go on.
func checkControl(t *testing.T, text string, size int) {
	t.Helper()
	fields := make(map[string]string)
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, " ") && last != "" {
			fields[last] += "\n" + line
			continue
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || value == "" {
			t.Errorf("control has the line %q", line)
		}
		fields[name], last = value, name
	}
	for name, want := range map[string]string{
		"Package": "forager", "Version": "1.2.3+4.gabc", "Architecture": "mipsel_24kc", "License": "MIT", "Section": "net", "Require-User": "forager:forager",
		"Installed-Size": strconv.Itoa(size),
	} {
		if fields[name] != want {
			t.Errorf("%s is %q, want %q", name, fields[name], want)
		}
	}
	if !strings.Contains(fields["Description"], "\n ") {
		t.Errorf("the description is %q", fields["Description"])
	}
}

func TestTar(t *testing.T) {
	b := pack(t, "-time", strconv.Itoa(stamp), "-root", "forager-1-linux-x", "-set", "BINARY="+program(t), "build/initd/manifest")
	want := `0755 5 forager-1-linux-x/
0644 0 forager-1-linux-x/COPYRIGHT
0644 0 forager-1-linux-x/LICENSE
0644 0 forager-1-linux-x/README.md
0755 0 forager-1-linux-x/forager
0644 0 forager-1-linux-x/forager.conf
0755 0 forager-1-linux-x/forager.init
0755 0 forager-1-linux-x/install.sh
`
	if got := list(readTar(t, unzip(t, b))); got != want {
		t.Errorf("entries:\n%swant:\n%s", got, want)
	}
}

func TestSameBytes(t *testing.T) {
	var first []byte
	t.Run("first", func(t *testing.T) { first = packIpk(t) })
	t.Run("second", func(t *testing.T) {
		if !bytes.Equal(packIpk(t), first) {
			t.Error("the same input gave other bytes")
		}
	})
}

func TestBadManifests(t *testing.T) {
	name := filepath.Join(t.TempDir(), "manifest")
	for _, test := range []struct{ text, want string }{
		{"0755 /a", "not MODE PATH SOURCE"},
		{"rwx /a -", `mode "rwx"`},
		{"10644 /a -", `mode "10644"`},
		{"0755 / -", "not a clean one"},
		{"0755 /../a -", "not a clean one"},
		{"0755 /a/ -", "not a clean one"},
		{"0644 /a /no/such/file", "no such file"},
		{"0644 /a ${UNSET}", "${UNSET} is not set"},
		{"0755 /a -\n0755 /a -", "a is there twice"},
	} {
		if err := os.WriteFile(name, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := run([]string{name, filepath.Join(t.TempDir(), "out")})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want %s", test.text, err, test.want)
		}
	}
	if err := os.WriteFile(name, []byte("0755 /a -"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"-form", "ipk", name, filepath.Join(t.TempDir(), "out")}); err == nil || !strings.Contains(err.Error(), "no CONTROL/control") {
		t.Errorf("an .ipk without control: %v", err)
	}
}

// GNU tar, which OpenWrt's own script calls, writes the same bytes from the
// same files, but for the numbers of devices that are none (it leaves them out,
// Go writes zeros, as text), and for zeros at the end, up to 10240 bytes.
func TestAsGNUTar(t *testing.T) {
	outer := readTar(t, unzip(t, packIpk(t)))
	for _, m := range outer[1:] {
		plain := unzip(t, []byte(m.data))
		dir := t.TempDir()
		gnuTar(t, plain, "-C", dir, "-xpf", "-")
		again := gnuTar(t, nil, "-C", dir, "--format=gnu", "--numeric-owner", "--owner=0", "--group=0", "--sort=name",
			"--mtime=@"+strconv.Itoa(stamp), "-cf", "-", ".")
		if !bytes.Equal(plainer(plain), plainer(again)) {
			t.Errorf("%s: GNU tar writes other bytes", m.name)
		}
	}
}

func gnuTar(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("tar", args...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func plainer(tar []byte) []byte {
	for at := 0; at < len(tar) && tar[at] != 0; {
		h := tar[at : at+512]
		size, _ := strconv.ParseInt(cString(h[124:136]), 8, 64)
		clear(h[148:156]) // the checksum
		clear(h[329:345]) // the device
		at += 512 + int(size+511)/512*512
	}
	return bytes.TrimRight(tar, "\x00")
}
