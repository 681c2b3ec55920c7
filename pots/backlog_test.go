package pots

import (
	"net"
	"testing"
	"time"
)

// TestBacklog has a pot that accepts nothing: the kernel keeps a few
// connections for it and no more.
func TestBacklog(t *testing.T) {
	for _, c := range []struct{ perPot, waiting int }{{1, 4}, {30, 10}} {
		n := newNode(t, Config{Limits: Limits{ConnsPerPot: c.perPot}}).run()
		addr := n.pots("tcp listen=127.0.0.1:0")
		n.m.guard.mu.Lock() // the accept loop stands still with its first connection
		taken := fill(t, addr, c.waiting+1, 4*c.waiting)
		n.m.guard.mu.Unlock()
		// One is with the accept loop, and Linux takes one more than it is told.
		if want := c.waiting + 2; taken < want-1 || taken > want {
			t.Errorf("%d connections at a pot of %d were taken, want %d", taken, c.perPot, want)
		}
		n.stop()
	}
}

// fill connects until the kernel takes no more, or most times. It answers at
// once, or not for a second; below least a busy machine gets a second try.
func fill(t *testing.T, addr string, least, most int) (taken int) {
	t.Helper()
	d := net.Dialer{Timeout: 500 * time.Millisecond}
	for ; taken < most; taken++ {
		conn, err := d.Dial("tcp", addr)
		if err != nil && taken < least {
			conn, err = d.Dial("tcp", addr)
		}
		if err != nil {
			break
		}
		t.Cleanup(func() { conn.Close() })
	}
	return taken
}
