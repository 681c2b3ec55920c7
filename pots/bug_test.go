package pots

import (
	"io"
	"net"
	"strings"
	"testing"

	"forager/pots/adbwire"

	"golang.org/x/crypto/ssh"
)

// spoiled is a node with one pot that has a bug.
func spoiled(t *testing.T, line string, spoil func(Handler)) (n *node, addr string) {
	t.Helper()
	n = newNode(t, Config{})
	s, err := ParseSpec(line)
	mustNot(t, err)
	mustNot(t, n.m.Configure([]Spec{s}))
	spoil(n.m.all()[0].handler)
	n.run()
	return n, n.addr(n.m.all()[0].spec.ID)
}

// TestBugEndsItsConnection: wherever behind a handler a bug is, the node tells
// it, and nothing but the connection ends.
func TestBugEndsItsConnection(t *testing.T) {
	for _, x := range []struct {
		line   string
		spoil  func(Handler)
		attack func(n *node, addr string)
	}{
		{"telnet listen=127.0.0.1:0 accept=any", func(h Handler) { h.(*telnet).device = nil }, func(n *node, addr string) {
			dial(t, addr).send("root\r\nx\r\n")
		}},
		{adbLine, func(h Handler) { h.(*adbPot).device = nil }, func(n *node, addr string) {
			p := &adbPeer{client: dial(t, addr)}
			p.put(adbwire.CNXN, adbwire.Version, 4096, "host::\x00")
			p.want(adbwire.CNXN, "device::test;\x00")
			p.open("shell:id")
			p.rest()
		}},
		{adbLine, func(h Handler) { h.(*adbPot).device = nil }, func(n *node, addr string) {
			p := &adbPeer{client: dial(t, addr)}
			p.put(adbwire.CNXN, adbwire.Version, 4096, "host::\x00")
			p.want(adbwire.CNXN, "device::test;\x00")
			p.open("sync:") // the connection's own goroutine serves it
			p.rest()
		}},
		{sshLine, func(h Handler) { h.(*sshPot).device = nil }, func(n *node, addr string) { // in the handshake
			if _, err := sshTry(t, addr, &ssh.ClientConfig{}); err == nil {
				t.Error("a handshake with a bug ended well")
			}
		}},
		{sshLine + "accept=any", func(h Handler) {
			p := h.(*sshPot)
			p.once.Do(func() { p.keys.load(p.setConfig) })
			p.device = nil
		}, func(n *node, addr string) {
			c, err := sshTry(t, addr, &ssh.ClientConfig{})
			mustNot(t, err)
			s, err := c.NewSession()
			mustNot(t, err)
			if err := s.Run("id"); err == nil {
				t.Error("a command with a bug ended well")
			}
			_ = c.Wait()
		}},
	} {
		n, addr := spoiled(t, x.line, x.spoil)
		for range 2 {
			x.attack(n, addr)
			if text := <-n.errs; !strings.Contains(text, "BUG: ") {
				t.Errorf("%s: %s", x.line, text)
			}
			for typ, data := "", (map[string]any)(nil); !strings.HasSuffix(typ, ".session.closed"); {
				if _, typ, data = n.event(); strings.HasSuffix(typ, ".session.closed") && data["reason"] != "done" {
					t.Errorf("%s: %v", x.line, data)
				}
			}
		}
		n.stop()
	}
}

// A bug that an attacker has found does not fill the log.
func TestBugIsToldLessAndLess(t *testing.T) {
	n := newNode(t, Config{})
	inst, err := n.m.newInstance(Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}, false)
	mustNot(t, err)
	for range 1000 {
		inst.tellBug("x")
	}
	if len(n.errs) != 10 {
		t.Errorf("told %d times", len(n.errs))
	}
}

// TestBugCostsItsDatagram: the next one is taken.
func TestBugCostsItsDatagram(t *testing.T) {
	n, addr := spoiled(t, "udp listen=127.0.0.1:0", func(h Handler) { h.(*udp).max = -1 })
	c, err := net.Dial("udp", addr)
	mustNot(t, err)
	defer c.Close()
	for range 2 {
		_, _ = io.WriteString(c, "x")
		if text := <-n.errs; !strings.Contains(text, "BUG: ") {
			t.Error(text)
		}
	}
}

// TestBugEndsItsFeed: the intake serves the next connection.
func TestBugEndsItsFeed(t *testing.T) {
	errs := make(chan string, 10)
	f := startIntake(t, 1<<20, func(c *IntakeConfig) {
		c.OnlyPot = func() (string, bool) { panic("a bug") }
		c.OnError = func(text string) { errs <- text }
	})
	f.send("{}\n")
	if text := <-errs; text != "intake: BUG: a bug" {
		t.Error(text)
	}
	f.send(`{"pot_id":"a"}`)
	if got := f.taken(); len(got) != 1 || got[0].ID != "a" || f.Stats().Open != 0 {
		t.Errorf("%+v, %+v", got, f.Stats())
	}
}
