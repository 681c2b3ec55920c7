package persona

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// least is a file with nothing but what is required.
const least = `== set
model m
hostname h
mac 00:11:22:33:44:ff
ip 192.0.2.1
gateway 192.0.2.254
kernel 1
kernel.version 2
machine mips
elf mips
telnet.login l
ssh.version s
http.server h
`

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":          {"", "is missing"},
		"text first":       {"hello\n", "before the first section"},
		"unknown":          {least + "== what\n", "unknown section"},
		"no name":          {least + "== \n", "unknown section"},
		"twice":            {least + "model n\n", "twice"},
		"missing":          {strings.Replace(least, "kernel 1", "", 1), "kernel is missing"},
		"bad address":      {strings.Replace(least, "192.0.2.254", "x", 1), "want an address"},
		"bad machine":      {strings.Replace(least, "elf mips", "elf vax", 1), "want mips"},
		"bad key":          {least + "a:b c\n", "want a key"},
		"bad escape":       {least + `a \q` + "\n", `want \r`},
		"escape at end":    {least + `a \` + "\n", "at the end"},
		"placeholder":      {least + "a %{nothing}\n", "unknown placeholder"},
		"open":             {least + "a %{nothing\n", "without its }"},
		"circle":           {least + "a %{b}\nb %{a}\n", "lead to each other"},
		"num":              {least + "a %{num:t:9:1}\n", "LOW:HIGH"},
		"kind":             {least + "a %{wat:t:9:1}\n", "unknown placeholder"},
		"relative":         {least + "== file etc/passwd\n", "absolute"},
		"root":             {least + "== file /\n", "absolute"},
		"mode":             {least + "== file /a 0999\n", "want a mode"},
		"file twice":       {least + "== file /a\n== file /a\n", "twice"},
		"below a file":     {least + "== file /a\n== file /a/b\n", "no directory"},
		"program":          {least + "== bins 0755 /bin\nbusybox\n", "NAME=SIZE"},
		"device":           {least + "== devs /dev\nx 1 3 0666 null\n", "want c or b"},
		"process":          {least + "== ps\n1 root S init\n", "want PID"},
		"unsorted":         {least + "== ps\n9 root 0 S a\n2 root 0 S b\n", "sorted"},
		"too long":         {least + strings.Repeat("x", maxFile), "bytes"},
		"body of a file":   {least + "== file /a\n%{nothing}\n", "unknown placeholder"},
		"multiplying":      {least + "a " + strings.Repeat("%{b}", 500) + "\nb " + strings.Repeat("%{c}", 500) + "\nc x\n", "too much"},
		"memory in memory": {least + "mem.total %{mem.free}\n== file /a\n%{mem.none}\n", "unknown placeholder"},
	} {
		_, err := Parse("t", c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestParseBodies(t *testing.T) {
	tm, err := Parse("t", least+"\n== text a\none\n\n\n== text b\n\\== two\n== text c\n== file /x/y 0640\nthree\n")
	if err != nil {
		t.Fatal(err)
	}
	p := tm.For(1)
	for key, want := range map[string]string{"a": "one\n\n", "b": "== two\n", "c": ""} {
		if got := p.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	n := p.Root().Kid("x").Kid("y")
	if n == nil || n.Mode != ModeFile|0o640 || string(p.Read(n, noon, 3)) != "thr" {
		t.Errorf("file: %+v", n)
	}
	if got := p.Expand("%{mac+1} %{MAC-} %{mac-} %{MAC}", noon); got != "00:11:22:33:44:00 0011223344FF 0011223344ff 00:11:22:33:44:FF" {
		t.Errorf("mac: %q", got)
	}
}

func TestBuiltin(t *testing.T) {
	for _, name := range Names() {
		tm, err := Load(name, "")
		if err != nil {
			t.Fatal(err)
		}
		one, again, two := tm.make(1), tm.make(1), tm.make(2)
		if *one != *again {
			t.Errorf("%s: the same id gave two devices", name)
		}
		if one.MAC == two.MAC || one.Serial == two.Serial || one.Uptime(noon) == two.Uptime(noon) ||
			one.Hostname == two.Hostname && name != "camera" || one.Memory(noon) == two.Memory(noon) {
			t.Errorf("%s: two ids, one device: %+v %+v", name, one, two)
		}
		for _, must := range []string{one.Vendor, one.Model, one.TLS.CommonName, one.HTTP.Login, one.HTTP.Server} {
			if must == "" {
				t.Errorf("%s: something is missing: %+v", name, one)
			}
		}
		checkFiles(t, one, one.Root(), "")
	}
}

// fuzzed stands for the path when a placeholder may give anything.
const fuzzed = "fuzz"

// checkFiles reads every file as a session would.
func checkFiles(t *testing.T, p *Persona, n *Node, at string) {
	t.Helper()
	for _, k := range n.Kids {
		below := at
		if at != fuzzed {
			below += "/" + k.Name
		}
		body := p.Read(k, noon, 1<<20)
		if k.Binary == 0 && (at != fuzzed && bytes.Contains(body, []byte("%{")) || int64(len(body)) != p.Size(k, noon)) {
			t.Errorf("%s%s: %d bytes of %d", p.Name, below, len(body), p.Size(k, noon))
		}
		checkFiles(t, p, k, below)
	}
}

func TestUptimeGoesOn(t *testing.T) {
	tm, _ := Load("", "")
	p := tm.For(42)
	a, b := p.Uptime(noon), p.Uptime(noon.Add(time.Minute))
	if b-a != time.Minute && b > time.Hour {
		t.Errorf("a minute later it is up %v more", b-a)
	}
	if p.Uptime(time.Unix(-5, 0)) < 0 || p.Uptime(time.Time{}) <= 0 {
		t.Error("a clock before 1970 makes a negative uptime")
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.persona")
	if err := os.WriteFile(path, []byte(least), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", path} {
		tm, err := Load(name, dir)
		if err != nil || tm.Name != "mine" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load("nothing", dir); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
	if _, err := Load(dir+"/", ""); err == nil {
		t.Error("a directory is no persona")
	}
	if err := os.WriteFile(path, []byte("== wat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, ""); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("broken: %v", err)
	}
}

func TestProgram(t *testing.T) {
	tm, _ := Load("router", "")
	p := tm.For(7)
	n := p.Root().Kid("bin").Kid("busybox")
	b := p.Read(n, noon, 64)
	if len(b) != 64 || !bytes.HasPrefix(b, []byte("\x7fELF\x01\x02\x01")) || b[18] != 0 || b[19] != 8 {
		t.Errorf("% x", b)
	}
	if got := p.Read(n, noon, 1<<30); int64(len(got)) != n.Binary {
		t.Errorf("%d bytes of %d", len(got), n.Binary)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(least)
	for _, name := range Names() {
		raw, _ := data.ReadFile("data/" + name + suffix)
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, text string) {
		tm, err := Parse("fuzz", text)
		if err != nil {
			return
		}
		p := tm.For(1)
		p.Processes(noon)
		p.User("root")
		checkFiles(t, p, p.Root(), fuzzed)
	})
}
