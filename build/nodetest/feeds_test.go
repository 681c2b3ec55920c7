package nodetest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// manager is a service manager that takes a node's notifications.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return &manager{t, l}
}

// until returns how often there was food before the wanted notifications, which
// may come in any order.
func (m *manager) until(wanted ...string) (meals int) {
	m.t.Helper()
	meals, err := m.hear(wanted...)
	if err != nil {
		m.t.Fatal(err)
	}
	return meals
}

// hear is until for any goroutine.
func (m *manager) hear(wanted ...string) (meals int, err error) {
	_ = m.conn.SetReadDeadline(time.Now().Add(patience))
	for b := make([]byte, 4096); len(wanted) > 0; {
		n, err := m.conn.Read(b)
		if err != nil {
			return meals, fmt.Errorf("waiting for %q: %w", wanted, err)
		}
		got := string(b[:n])
		if i := slices.IndexFunc(wanted, func(want string) bool { return strings.HasPrefix(got, want) }); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
		} else if got == "WATCHDOG=1" {
			meals++
		}
	}
	return meals, nil
}

// forget leaves out what came until now.
func (m *manager) forget() {
	for b := make([]byte, 4096); ; {
		_ = m.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, err := m.conn.Read(b); err != nil {
			return
		}
	}
}

// silence fails when there is food within d.
func (m *manager) silence(d time.Duration) {
	m.t.Helper()
	m.forget()
	b := make([]byte, 4096)
	_ = m.conn.SetReadDeadline(time.Now().Add(d))
	if n, err := m.conn.Read(b); err == nil {
		m.t.Errorf("heard %q of a node that does not run", b[:n])
	}
}

// Under systemd the node says when it serves, feeds at half of WATCHDOG_USEC
// and not when it is stopped, stays the same process over a Restart, and says
// that it ends.
func TestSystemd(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "1000000")
	c := startCore(t)
	w := c.Watch()
	n := start(t, program, "-core", c.Addr(), "-node-id", "42", "-state-dir", t.TempDir(), "-pot", "tcp listen=127.0.0.1:0")
	m.until("READY=1", "STATUS=registered at Core") // Core and the pots are apart
	until(t, w, `"status":"Running"`)
	m.forget()
	m.until("WATCHDOG=1")
	began := time.Now()
	for range 6 {
		m.until("WATCHDOG=1")
	}
	if d := time.Since(began); d < 2*time.Second || d > patience {
		t.Errorf("six meals took %v, not six times half a second", d)
	}
	if v := n.status("fed systemd"); !strings.HasPrefix(v, "every 500ms, ") {
		t.Errorf("status: fed systemd: %s", v)
	}
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", n.cmd.Process.Pid))
	if err != nil || !strings.Contains(string(environ), "NOTIFY_SOCKET") {
		t.Fatalf("the test's own premise: %q, %v", environ, err)
	}

	n.signal(syscall.SIGSTOP)
	m.silence(2 * time.Second)
	n.signal(syscall.SIGCONT)
	m.until("WATCHDOG=1")

	n.signal(syscall.SIGHUP)
	m.until("RELOADING=1\nMONOTONIC_USEC=")
	m.until("READY=1")

	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	m.until("RELOADING=1\nMONOTONIC_USEC=")
	m.until("READY=1")
	m.until("WATCHDOG=1")

	n.signal(syscall.SIGTERM)
	m.until("STOPPING=1")
	if code := n.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// Whoever stops the node in the moment that it says it is ready gets a clean
// stop. Many start at once, so that their goroutines have to wait for each other.
func TestStoppedWhenReady(t *testing.T) {
	var all sync.WaitGroup
	for range 40 {
		m := newManager(t)
		n := start(t, program, "-core", "127.0.0.1:1", "-node-id", "42", "-state-dir", t.TempDir(), "-pot", "tcp listen=127.0.0.1:0")
		all.Go(func() {
			if _, err := m.hear("READY=1"); err != nil {
				t.Error(err)
				return
			}
			_ = n.cmd.Process.Signal(syscall.SIGTERM)
			if _, err := m.hear("STOPPING=1"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// The heartbeat file is written while the node runs, survives a Restart and is
// dated ahead by a clean stop, also when another user runs the node.
func TestHeartbeatFile(t *testing.T) {
	for _, user := range []string{"", "nobody"} {
		t.Run("user "+user, func(t *testing.T) {
			dir := t.TempDir()
			for _, d := range []string{dir, filepath.Dir(dir)} { // for the other user
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			beat := filepath.Join(dir, "beat")
			args := []string{"-heartbeat-file", beat, "-node-id", "42", "-state-dir", filepath.Join(dir, "state")}
			if user != "" {
				if os.Getuid() != 0 {
					t.Skip("needs root")
				}
				args = append(args, "-user", user)
			}
			c := startCore(t)
			w := c.Watch()
			n := start(t, program, append(args, "-core", c.Addr())...)
			beats := func() {
				until(t, w, `"Started"`)
				n.await("the file", func() bool { b, _ := os.ReadFile(beat); return len(b) == 21 })
			}
			beats()
			if err := os.WriteFile(beat, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := c.Command(42, `"Restart"`); err != nil {
				t.Fatal(err)
			}
			beats()
			n.signal(syscall.SIGTERM)
			if code := n.ended(); code != 0 {
				t.Errorf("exit %d", code)
			}
			info, err := os.Stat(beat)
			if err != nil || info.ModTime().Before(time.Now()) {
				t.Errorf("after a clean stop: %v", err)
			}
		})
	}
}

// A device that can't be had is said, and the node runs without.
func TestNoWatchdog(t *testing.T) {
	c := startCore(t)
	n := start(t, program, "-core", c.Addr(), "-state-dir", t.TempDir(), "-watchdog", "/dev/null")
	n.says("(-watchdog)")
	told(t, c, "is no watchdog device (-watchdog)")
	if v := n.status("fed"); v != "nobody" {
		t.Errorf("fed: %s", v)
	}
}

// How a run ended is told once by the next, unless it was stopped.
func TestLastRun(t *testing.T) {
	c := startCore(t)
	w := c.Watch()
	args := []string{"-core", c.Addr(), "-node-id", "42", "-state-dir", t.TempDir()}
	n := start(t, program, args...)
	until(t, w, `"Started"`)
	n.signal(syscall.SIGKILL)
	n.ended()
	n = start(t, program, args...)
	until(t, w, `"Alarm":{"description":"last run: killed or crashed"`)
	if v := n.status("before"); v != `"last run: killed or crashed"` {
		t.Errorf("status: before: %s", v)
	}
	n.signal(syscall.SIGTERM)
	n.ended()
	n = start(t, program, args...)
	until(t, w, `"Started"`)
	if said := n.said(); strings.Contains(said, "last run") {
		t.Errorf("after a clean stop: %s", said)
	}
}

// A part of the real program that does not answer is named in the log, in the
// status and to Core, and systemd is not fed until it does: here the control
// socket, whose places are taken by askers who say nothing for its five seconds.
func TestStuckPart(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "1000000")
	c := startCore(t)
	w := c.Watch()
	n := start(t, program, "-core", c.Addr(), "-state-dir", t.TempDir(), "-heartbeat", "1s")
	until(t, w, `"Started"`)
	m.until("READY=1")
	m.until("WATCHDOG=1")
	for range 5 {
		conn, err := net.Dial("unix", n.control)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	const text = "control is stuck: does not answer; not feeding systemd"
	m.until("STATUS=" + text)
	n.says("error: " + text)
	until(t, w, `"status":"Failed"`)
	until(t, w, `"Error":{"message":"`+text)
	m.silence(time.Second)
	n.says("warn: control goes on")
	m.until("WATCHDOG=1")
	until(t, w, `"status":"Running"`)
}

// Core is told of the machine once for each registration, unless that is
// switched off.
func TestFacts(t *testing.T) {
	const facts = `"Alarm":{"description":"facts: model `
	c := startCore(t)
	w := c.Watch()
	n := start(t, program, "-core", c.Addr(), "-node-id", "42", "-state-dir", t.TempDir())
	m := until(t, w, facts)
	for _, part := range []string{`, kernel \"`, `, load `, `, free flash `, ` KiB, memory class `, `, last boot by `} {
		if !strings.Contains(m.Raw, part) {
			t.Errorf("%s without %s", m.Raw, part)
		}
	}
	if v := n.status("kernel"); !strings.Contains(m.Raw, `kernel \`+strings.TrimSuffix(v, `"`)) {
		t.Errorf("status tells of kernel %s, Core got %s", v, m.Raw)
	}
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	until(t, w, `"NodeRegistration"`)
	until(t, w, facts)
	n.signal(syscall.SIGTERM)
	n.ended()

	c = startCore(t)
	w = c.Watch()
	n = start(t, program, "-core", c.Addr(), "-node-id", "42", "-state-dir", t.TempDir(), "-facts=false")
	until(t, w, `"Started"`)
	n.signal(syscall.SIGTERM)
	for {
		m := until(t, w, `"Node`)
		if strings.Contains(m.Raw, facts) {
			t.Errorf("told with -facts=false: %s", m.Raw)
		}
		if strings.Contains(m.Raw, `"NodeDrop"`) {
			break
		}
	}
}
