package boot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// resetWithin is the watchdog's timeout as the node asks for it, and what the
// machine may take beyond.
const resetWithin = 60*time.Second + 10*time.Second

// kinds are the boards with the package each is installed from, and what the
// node says after a reset: softdog can't tell that it was the cause.
func kinds(t *testing.T) []kind {
	return []kind{
		{arm64, fromArchive(t, arm64), "last boot: by the watchdog",
			[]string{"node-type Agent", "user nobody"}, "agent list", "ABI "},
		{armhf, fromArchive(t, armhf), "last boot: cause unknown",
			[]string{"user nobody"}, "full list", "ABI "},
		{mipsel, fromIPK(t, mipsel, "mipsel_24kc"), "last boot: cause unknown",
			nil, "full list", "off: as root"},
	}
}

type kind struct {
	board    *board
	root     func(string)
	cause    string
	settings []string
	// What status shows of the sandbox then, to begin with.
	seccomp, landlock string
}

// hardware tells whether the watchdog is QEMU's and not the kernel's.
func (b *board) hardware() bool { return len(b.watchdogArgs) > 0 }

// TestStopped stops the node with SIGSTOP on every board: the watchdog resets
// the machine in time, it comes back, and what the node had seen while Core
// was away arrives from flash.
func TestStopped(t *testing.T) {
	needMachines(t)
	for _, k := range kinds(t) {
		t.Run(k.board.arch, func(t *testing.T) { stopped(t, k) })
	}
}

func stopped(t *testing.T, k kind) {
	c := startCore(t, core.Config{})
	w := c.Watch()
	began := time.Now()
	m := boot(t, recipe{board: k.board, root: k.root, files: settings(append(k.settings,
		"core "+coreAddr, "pot telnet listen=:23 accept=any", "watchdog /dev/watchdog", "spool-size 1M", "heartbeat 10s")...)})
	m.comesUp()
	t.Logf("up %.1f s after power-on", time.Since(began).Seconds())
	until(t, w, "NodeRegistration")
	t.Logf("registered %.1f s after power-on", time.Since(began).Seconds())
	login(t, m, 23, "root", "before")
	until(t, w, "telnet.login.success", "before")

	must(t, c.Kill())
	const away = 20
	for i := range away {
		login(t, m, 23, "root", fmt.Sprintf("away-%d-", i))
	}
	// Events wait in memory for half a minute before they go to flash.
	shown := m.status(func(shown map[string]string) bool {
		unsent := number(shown["events held"], ", ")
		return unsent >= away && number(shown["spool"], "files, ") >= unsent
	})
	k.confined(t, shown)

	mark, resets := m.mark(), m.qmp.count("RESET")
	began = time.Now()
	m.run("kill -STOP $(pidof forager)")
	e := m.happens("RESET", resets, resetWithin)
	t.Logf("reset %.1f s after SIGSTOP", e.when.Sub(began).Seconds())
	if n := m.qmp.count("WATCHDOG"); k.board.hardware() && n != 1 {
		t.Errorf("QEMU saw the watchdog bite %d times", n)
	}
	c = startCore(t, core.Config{})
	w = c.Watch()
	m.says(mark, "boot: up")
	until(t, w, "NodeRegistration")
	t.Logf("back %.1f s after the reset", time.Since(e.when).Seconds())
	until(t, w, "Alarm", k.cause+"; the node was not stopped before, watched by watchdog /dev/watchdog")
	for i := range away {
		until(t, c.Watch(), "telnet.login.success", fmt.Sprintf("away-%d-", i))
	}
}

// confined checks that this kernel took the node's filter of system calls and,
// of a node that is not root, its rules for files.
func (k kind) confined(t *testing.T, shown map[string]string) {
	t.Helper()
	if !strings.HasPrefix(shown["seccomp"], k.seccomp) || !strings.HasPrefix(shown["landlock"], k.landlock) {
		t.Errorf("seccomp: %s, landlock: %s", shown["seccomp"], shown["landlock"])
	}
	for _, key := range []string{"memory class", "model", "kernel", "user", "seccomp", "landlock"} {
		t.Logf("%s: %s", key, shown[key])
	}
}

// TestInit kills the node, which init starts again before the watchdog bites,
// and then ends it in the ordinary way: the machine stays up for longer than
// the watchdog would wait.
func TestInit(t *testing.T) {
	needMachines(t)
	for _, k := range kinds(t) {
		t.Run(k.board.arch, func(t *testing.T) {
			c := startCore(t, core.Config{})
			w := c.Watch()
			m := boot(t, recipe{board: k.board, root: k.root, files: settings("core "+coreAddr, "watchdog /dev/watchdog", "pot telnet listen=:23 accept=any")})
			m.comesUp()
			until(t, w, "NodeRegistration")
			m.watchdogIs("active")
			m.respawns(w)
			login(t, m, 23, "root", "again")
			until(t, w, "telnet.login.success", "again")
			m.stopsCleanly(w)
		})
	}
}

// respawns kills the node and waits for the next.
func (m *machine) respawns(w *core.Watcher) {
	m.t.Helper()
	was := m.run("pidof forager")
	began := time.Now()
	m.run("kill -KILL " + was)
	until(m.t, w, "NodeRegistration")
	until(m.t, w, "Alarm", "last run: killed or crashed")
	m.t.Logf("again at Core %.1f s after SIGKILL", time.Since(began).Seconds())
	if now := m.run("pidof forager"); now == was {
		m.t.Errorf("process %s is still there", now)
	}
	m.watchdogIs("active")
}

// stopsCleanly stops the node as an operator does, and outwaits the watchdog.
func (m *machine) stopsCleanly(w *core.Watcher) {
	m.t.Helper()
	// BusyBox's init ends what is no longer in its table.
	m.run("if [ -e /etc/init.d/S95forager ]; then /etc/init.d/S95forager stop; else sed -i /forager/d /etc/inittab && kill -HUP 1; fi")
	until(m.t, w, "NodeDrop")
	m.watchdogIs("inactive")
	select { // the absence of a reset is what is tested
	case <-time.After(resetWithin):
	case <-m.ended:
		m.t.Fatal("the machine ended")
	}
	if n := m.qmp.count("RESET"); n != 0 {
		m.t.Errorf("the machine was reset %d times", n)
	}
	m.run("! pidof forager")
}

// watchdogIs waits until the kernel says so of the watchdog.
func (m *machine) watchdogIs(want string) {
	m.t.Helper()
	state := ""
	for limit := time.Now().Add(30 * time.Second); time.Now().Before(limit); time.Sleep(200 * time.Millisecond) {
		if state = strings.TrimSpace(m.run("cat /sys/class/watchdog/watchdog0/state")); state == want {
			return
		}
	}
	m.t.Errorf("the watchdog is %s, not %s", state, want)
}
