package pots

import (
	"net"
	"testing"

	"forager/board/hearttest"
)

// A loop that can't go on is found and named: here by a lock that its next step
// needs, and by one that whoever asks needs.
func TestPotsAreStuck(t *testing.T) {
	n := newNode(t, Config{}).run()
	n.pots("tcp id=one listen=127.0.0.1:0 banner=hello", "tcp id=two listen=127.0.0.1:0 banner=hello", "udp listen=127.0.0.1:0")
	h := hearttest.Start(t, "pots", n.m.Alive)
	h.Fed(2)
	dial(t, n.addr("one")).until("hello")

	n.m.guard.mu.Lock()
	c, err := net.Dial("tcp", n.addr("two"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h.Stuck("pots is stuck: no answer from two; not feeding the test")
	n.m.guard.mu.Unlock()
	h.Fed(2)

	n.m.mu.Lock()
	h.Stuck("pots is stuck: does not answer; not feeding the test")
	n.m.mu.Unlock()
	h.Fed(2)
	dial(t, n.addr("two")).until("hello")
}

func TestIntakeIsStuck(t *testing.T) {
	f := startIntake(t, 1<<20, nil)
	h := hearttest.Start(t, "intake", f.Alive)
	h.Fed(2)
	addr := f.Addr().String()
	f.mu.Lock()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	h.Stuck("intake is stuck: does not answer; not feeding the test")
	f.mu.Unlock()
	h.Fed(2)
	if err := NewIntake(IntakeConfig{}).Alive(t.Context()); err != nil {
		t.Errorf("an intake that is off: %v", err)
	}
}
