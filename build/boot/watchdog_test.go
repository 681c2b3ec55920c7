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
		{arm64, fromArchive(t, arm64), "last boot: by the watchdog"},
		{armhf, fromArchive(t, armhf), "last boot: cause unknown"},
		{mipsel, fromIPK(t, mipsel, "mipsel_24kc"), "last boot: cause unknown"},
	}
}

type kind struct {
	board *board
	root  func(string)
	cause string
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
	m := boot(t, recipe{board: k.board, root: k.root, files: settings(
		"core "+coreAddr, "pot telnet listen=:23 accept=any", "watchdog /dev/watchdog", "spool-size 1M", "heartbeat 10s")})
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
	m.status(func(shown map[string]string) bool {
		unsent := number(shown["events held"], ", ")
		return unsent >= away && number(shown["spool"], "files, ") >= unsent
	})

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

// TestCleanStop ends the node in the ordinary way: the machine stays up for
// longer than the watchdog would wait.
func TestCleanStop(t *testing.T) {
	needMachines(t)
	for _, k := range kinds(t) {
		t.Run(k.board.arch, func(t *testing.T) {
			c := startCore(t, core.Config{})
			w := c.Watch()
			m := boot(t, recipe{board: k.board, root: k.root, files: settings("core "+coreAddr, "watchdog /dev/watchdog")})
			m.comesUp()
			until(t, w, "NodeRegistration")
			state := "cat /sys/class/watchdog/watchdog0/state"
			if s := strings.TrimSpace(m.run(state)); s != "active" {
				t.Fatalf("with the node the watchdog is %s", s)
			}
			m.run("if [ -e /etc/init.d/S95forager ]; then /etc/init.d/S95forager stop; else sed -i /forager/d /etc/inittab; kill -HUP 1; sleep 1; kill $(pidof forager); fi")
			until(t, w, "NodeDrop")
			if s := strings.TrimSpace(m.run(state)); s != "inactive" {
				t.Errorf("without the node the watchdog is %s", s)
			}
			resets := m.qmp.count("RESET")
			select { // the absence of a reset is what is tested
			case <-time.After(resetWithin):
			case <-m.ended:
				t.Fatal("the machine ended")
			}
			if n := m.qmp.count("RESET"); n != resets {
				t.Error("the machine was reset after a clean stop")
			}
			m.run("true")
		})
	}
}
