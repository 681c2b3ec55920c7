package ring

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Pots, a session that comes and goes, and the spool, all at once: every event
// is delivered, or counted.
func TestSpoolWithManyAtOnce(t *testing.T) {
	const writers, each = 4, 4000
	n, err := realNode(t, filepath.Join(t.TempDir(), "spool"), 7, 8*MinSpool)
	if err != nil {
		t.Fatal(err)
	}
	n.s.cfg.OnChange = nil
	n.s.cfg.Flush = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.s.Run(ctx) }()
	var pots sync.WaitGroup
	for i := range writers {
		e := sized(t, "p", 300)
		pots.Go(func() {
			for range each {
				if i > 0 { // one does not wait for room
					n.r.WaitRoom(ctx, 10*time.Millisecond)
				}
				if _, err := n.r.Put(e); err != nil {
					t.Error(err)
				}
				n.r.Stats()
			}
		})
	}
	ended := make(chan struct{})
	go func() { pots.Wait(); close(ended) }()
	seen := map[uint64]bool{}
	for more := true; more; {
		select {
		case <-ended:
			more = false // one more connection
		default:
		}
		n.r.Rewind()
		n.r.SetLive(true)
		last := uint64(0)
		for e := (Event{}); (len(seen)%7 != 0 || !more) && n.r.Peek(n.b) > 0; {
			for n.b.Next(&e) {
				if e.Seq <= last || e.Boot != 0 || e.Number != e.Seq {
					t.Fatalf("%+v after %d", e, last)
				}
				last = e.Seq
				seen[last] = true
			}
		}
		n.r.Forget(last - last%3)
		n.r.SetLive(false)
	}
	for n.r.Stats().Unread > 0 { // a write was under way
		<-n.r.Ready()
		for e := (Event{}); n.r.Peek(n.b) > 0; {
			for n.b.Next(&e) {
				seen[e.Seq] = true
			}
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	st := n.r.Stats()
	if st.Dropped+st.Unsettled+uint64(len(seen)) < writers*each {
		t.Errorf("%d seen, %+v", len(seen), st)
	}
}
