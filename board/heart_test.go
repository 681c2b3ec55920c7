package board

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bowl is somebody to be fed.
type bowl struct {
	every time.Duration

	mu     sync.Mutex
	err    error
	meals  []time.Time
	closed int
}

func (b *bowl) Name() string         { return "bowl" }
func (b *bowl) Every() time.Duration { return b.every }
func (b *bowl) Close() error         { b.closed++; return nil }
func (b *bowl) Feed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.meals = append(b.meals, time.Now())
	}
	return b.err
}

func (b *bowl) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// loop is a part that waits in a select; what is sent to wedge is done there.
type loop struct {
	*Pulse
	wedge chan func()
}

func newLoop(ctx context.Context) *loop {
	l := &loop{NewPulse(), make(chan func())}
	go func() {
		defer l.End()
		for {
			select {
			case q := <-l.Asked():
				close(q)
			case do := <-l.wedge:
				do()
			case <-ctx.Done():
				return
			}
		}
	}()
	return l
}

// heartTest is a heart with parts of every kind under a clock of its own.
type heartTest struct {
	*Heart
	bowl  *bowl
	loop  *loop
	told  []string
	log   bytes.Buffer
	other atomic.Pointer[error] // what the part "other" says; nil: it lives
}

// pass lets time pass, and everything happen that is due.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func inHeart(t *testing.T, every time.Duration, do func(*heartTest)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		h := &heartTest{bowl: &bowl{every: every}, loop: newLoop(ctx)}
		h.Heart = &Heart{
			Parts: []Part{
				{"other", func(context.Context) error {
					if err := h.other.Load(); err != nil {
						return *err
					}
					return nil
				}},
				{"loop", h.loop.Alive},
			},
			Feeds:   []Feed{h.bowl},
			OnStuck: func(text string) { h.told = append(h.told, text) },
			Log:     NewLog(&h.log, LevelInfo),
		}
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		synctest.Wait()
		do(h)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestHeartFeedsWhileAllLive(t *testing.T) {
	inHeart(t, 30*time.Second, func(h *heartTest) {
		pass(5*time.Minute + time.Second)
		if n := len(h.bowl.meals); n != 11 {
			t.Errorf("%d meals in 5 minutes, one each 30 s", n)
		}
		feeds, stuck := h.Stats()
		if len(feeds) != 1 || feeds[0].Count != 11 || feeds[0].Name != "bowl" || len(stuck) != 0 {
			t.Errorf("stats %+v, stuck %v", feeds, stuck)
		}
		if h.log.Len() != 0 || h.told != nil {
			t.Errorf("said %q, told %q", h.log.String(), h.told)
		}
	})
}

// A part that is stuck is named before the next meal is missed for good, and
// nobody is fed until it moves.
func TestHeartStopsForAStuckPart(t *testing.T) {
	wedges := map[string]struct {
		wedge func(*heartTest) (release func())
		named string
	}{
		"handler does not return": {func(h *heartTest) func() {
			free := make(chan struct{})
			h.loop.wedge <- func() { <-free }
			return func() { close(free) }
		}, "loop is stuck: does not answer; not feeding bowl"},
		"part says so": {func(h *heartTest) func() {
			err := errors.New("pot telnet does not answer")
			h.other.Store(&err)
			return func() { h.other.Store(nil) }
		}, "other is stuck: pot telnet does not answer; not feeding bowl"},
		"busy for longer than it said": {func(h *heartTest) func() {
			free := make(chan struct{})
			h.loop.wedge <- func() { h.loop.Busy(time.Minute); <-free; h.loop.Busy(0) }
			pass(time.Minute)
			return func() { close(free) }
		}, "loop is stuck: does not answer; not feeding bowl"},
	}
	for name, w := range wedges {
		t.Run(name, func(t *testing.T) {
			inHeart(t, 30*time.Second, func(h *heartTest) {
				release := w.wedge(h)
				before := len(h.bowl.meals)
				pass(45 * time.Second) // one question, and the time to tell
				if len(h.told) != 1 || h.told[0] != w.named {
					t.Fatalf("told %q, want %q", h.told, w.named)
				}
				if want := "error: " + w.named + "\n"; h.log.String() != want {
					t.Errorf("log %q, want %q", h.log.String(), want)
				}
				if _, stuck := h.Stats(); len(stuck) != 1 || !strings.HasPrefix(w.named, stuck[0]) {
					t.Errorf("stuck %v", stuck)
				}
				pass(10 * time.Minute)
				if n := len(h.bowl.meals) - before; n > 1 {
					t.Errorf("%d meals while it was stuck", n)
				}
				if len(h.told) != 1 {
					t.Errorf("told more than once: %q", h.told)
				}
				release()
				pass(31 * time.Second)
				if len(h.bowl.meals) == before {
					t.Error("not fed after it went on")
				}
				if _, stuck := h.Stats(); len(stuck) != 0 || !strings.Contains(h.log.String(), " goes on\n") {
					t.Errorf("stuck %v, log %q", stuck, h.log.String())
				}
			})
		})
	}
}

// What is announced is no death: a write with a deadline, the part's end.
func TestHeartExcuses(t *testing.T) {
	inHeart(t, 10*time.Second, func(h *heartTest) {
		free := make(chan struct{})
		h.loop.wedge <- func() { h.loop.Busy(time.Minute); <-free; h.loop.Busy(0) }
		pass(50 * time.Second)
		close(free)
		pass(10 * time.Second)
		if n := len(h.bowl.meals); n < 6 {
			t.Errorf("%d meals in a minute of announced work", n)
		}
		free = make(chan struct{})
		defer close(free)
		h.loop.End()
		h.loop.wedge <- func() { <-free }
		pass(time.Minute)
		if n := len(h.bowl.meals); n < 12 || h.told != nil {
			t.Errorf("%d meals after the part's end, told %q", n, h.told)
		}
	})
}

func TestHeartTellsOfAFeedThatFails(t *testing.T) {
	inHeart(t, 10*time.Second, func(h *heartTest) {
		h.bowl.fail(errors.New("no such device"))
		pass(time.Minute)
		feeds, _ := h.Stats()
		if feeds[0].Err != "no such device" || feeds[0].Count != 1 {
			t.Errorf("stats %+v", feeds)
		}
		h.bowl.fail(nil)
		pass(15 * time.Second)
		if want := "error: feeding bowl: no such device\ninfo: bowl is fed again\n"; h.log.String() != want {
			t.Errorf("log %q, want %q", h.log.String(), want)
		}
		if len(h.told) != 1 {
			t.Errorf("told %q", h.told)
		}
	})
}

// TestHeartFeedsWhileStarting: as often as it is told to, but once a second.
func TestHeartFeedsWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bowl{every: 15 * time.Second}
		h := &Heart{Feeds: []Feed{b}}
		for range 50 {
			h.Feed()
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(b.meals); n != 5 {
			t.Errorf("%d meals in five seconds", n)
		}
	})
}

func TestHeartCloses(t *testing.T) {
	inHeart(t, 10*time.Second, func(h *heartTest) {
		h.Close()
		h.Close()
		meals := len(h.bowl.meals)
		pass(time.Minute)
		if h.bowl.closed != 1 || len(h.bowl.meals) != meals {
			t.Errorf("closed %d times, %d meals after", h.bowl.closed, len(h.bowl.meals)-meals)
		}
	})
	(&Heart{}).Close() // before it ran
}

// Without feeds the parts are asked seldom, and a stuck one is still named.
func TestHeartWithoutFeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		questions, told := 0, ""
		h := &Heart{
			Parts:   []Part{{"deaf", func(context.Context) error { questions++; <-ctx.Done(); return nil }}},
			OnStuck: func(text string) { told = text },
		}
		go func() { _ = h.Run(ctx) }()
		pass(time.Hour)
		if told != "deaf is stuck: does not answer" || questions != 1 {
			t.Errorf("told %q after %d questions", told, questions)
		}
	})
}

func TestProofs(t *testing.T) {
	var p Proofs
	woken := 0
	proof := p.Ask(func() { woken++ })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Await(ctx, proof); err == nil {
		t.Error("proved before its answer")
	}
	p.Answer(false)
	if err := Await(ctx, proof); err != nil {
		t.Errorf("not proved after its answer: %v", err)
	}
	p.Answer(true)
	if err := Await(ctx, p.Ask(func() { woken++ })); err != nil || woken != 1 {
		t.Errorf("a loop that has ended: %v, woken %d times", err, woken)
	}
	if err := (*Pulse)(nil).Alive(ctx); err != nil || (*Pulse)(nil).Asked() != nil {
		t.Errorf("no pulse: %v", err)
	}
	(*Pulse)(nil).Busy(time.Second)
	(*Pulse)(nil).End()
}
