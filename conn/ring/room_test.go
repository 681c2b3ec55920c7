package ring

import (
	"context"
	"testing"
	"time"
)

// forever stands for a limit that a test must not reach.
const forever = time.Hour

// waiting starts WaitRoom and returns when it really waits; the channel is
// closed when it has returned.
func waiting(t *testing.T, r *Ring, ctx context.Context) <-chan struct{} {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.WaitRoom(ctx, forever)
	}()
	for {
		select {
		case <-done:
			t.Fatal("WaitRoom did not wait")
		case <-time.After(time.Millisecond):
		}
		r.mu.Lock()
		asleep := r.room != nil
		r.mu.Unlock()
		if asleep {
			return done
		}
	}
}

func crowd(t *testing.T, r *Ring) {
	for range MinSize/2/1024 + 1 {
		put(t, r, sized(t, "p", 1024))
	}
}

// TestWaitRoom has a case for each thing that ends the wait; a lost wake-up
// runs into the test's own time limit.
func TestWaitRoom(t *testing.T) {
	for name, wake := range map[string]func(r *Ring, cancel func()){
		"read":    func(r *Ring, _ func()) { r.Peek(NewBatch(0)) },
		"offline": func(r *Ring, _ func()) { r.SetLive(false) },
		"ctx":     func(_ *Ring, cancel func()) { cancel() },
		"closed":  func(r *Ring, _ func()) { r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing(t, MinSize)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			r.SetLive(true)
			crowd(t, r)
			first, second := waiting(t, r, ctx), waiting(t, r, ctx)
			wake(r, cancel)
			<-first
			<-second
		})
	}
}

func TestWaitRoomReturns(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(MinSize)
	ctx := context.Background()
	crowd(t, r)
	r.WaitRoom(ctx, forever) // nobody drains it
	r.SetLive(true)
	r.WaitRoom(ctx, time.Millisecond) // the limit
	peek(t, r, b)
	r.WaitRoom(ctx, forever) // all read, though nothing is settled
	r.Rewind()
	r.WaitRoom(ctx, time.Millisecond)
	if n := testing.AllocsPerRun(100, func() { r.SetLive(false); r.WaitRoom(ctx, forever) }); n != 0 {
		t.Errorf("%v allocations without a wait", n)
	}
}
