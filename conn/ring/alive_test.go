package ring

import (
	"context"
	"testing"
	"time"

	"forager/board/hearttest"
)

// A flash that does not come back from a write is waited for as long as a worn
// card may take, and then the spool is stuck.
func TestSpoolIsStuck(t *testing.T) {
	d := newMemDisk()
	n := newNode(t, d, 1, 1<<20, 1<<20)
	entered, free := make(chan struct{}), make(chan struct{})
	d.onWrite = func() {
		select {
		case entered <- struct{}{}:
			<-free
		default: // the second and later writes
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- n.s.Run(ctx) }()
	h := hearttest.Start(t, "spool", n.s.Alive)
	h.Fed(2)
	n.put(100, 2000) // more than is left for later
	<-entered
	h.Fed(2) // in time
	n.s.pulse.Busy(time.Nanosecond)
	h.Stuck("spool is stuck: does not answer; not feeding the test")
	close(free)
	h.Fed(2)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := n.s.Alive(context.Background()); err != nil {
		t.Errorf("after its end: %v", err)
	}
	if err := (*Spool)(nil).Alive(context.Background()); err != nil {
		t.Errorf("no spool: %v", err)
	}
}

func TestRingIsStuck(t *testing.T) {
	r := newRing(t, MinSize)
	h := hearttest.Start(t, "ring", r.Alive)
	h.Fed(2)
	r.mu.Lock()
	h.Stuck("ring is stuck: does not answer; not feeding the test")
	r.mu.Unlock()
	h.Fed(2)
}
