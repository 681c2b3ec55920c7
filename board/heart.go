package board

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Times of the heart.
const (
	// unfedCheck is how often the parts are asked when nobody waits to be fed:
	// a stuck one is to be told, but each question costs some 15 context
	// switches.
	unfedCheck = 5 * time.Minute
	// tellMost is after how long a part is called stuck at most; half of the
	// time between two feeds otherwise.
	tellMost = 10 * time.Second
	// feedLeast is the shortest time between two feeds.
	feedLeast = 500 * time.Millisecond
)

// Part is one that must live for the node to be of use.
type Part struct {
	Name string
	// Alive returns nil once the part has shown that it makes progress, or an
	// error that says what of it does not, soon after ctx has ended. Of a part
	// that is stuck it may never return.
	Alive func(ctx context.Context) error
}

// Feed is somebody who restarts the node or resets the machine unless it hears
// from us in time. Its methods are called by one goroutine.
type Feed interface {
	Name() string
	Every() time.Duration // at most so long between two feeds; half of the patience it has
	Feed() error          // must return within a second
	Close() error         // a clean stop: what is not fed any more must not bite
}

// Heart asks every part before each feed whether it lives, and feeds only when
// all do. Between two feeds nothing is woken.
type Heart struct {
	Parts   []Part
	Feeds   []Feed
	OnStuck func(text string) // told what the log is told; must not block, may be nil
	Ready   <-chan struct{}   // closed when the node serves; systemd waits for that and for the first proofs
	Log     *Log

	Systemd  *Systemd  // nil: no service manager
	Watchdog *Watchdog // nil: no device
	LED      *LED      // nil: none

	before time.Time     // of the last feed before Run
	every  time.Duration // between two feeds
	tell   time.Duration
	parts  []partState   // Run's goroutine only
	answer chan answered // never full

	feeding sync.Mutex // held while the feeds are called
	closed  bool       // under feeding

	mu    sync.Mutex
	feeds []FeedStats
	stuck []string // told already
}

// partState is what Run knows of a part.
type partState struct {
	asked  bool // its Alive has not returned
	proved bool // since the last feed
	told   bool // that it is stuck
}

// FeedStats is what status shows of a feed.
type FeedStats struct {
	Name  string
	Every time.Duration
	Last  time.Time // zero: never
	Count uint64
	Err   string // of the last attempt; empty: it worked
}

type answered struct {
	part int
	err  error
}

// Stats returns the feeds, and the names of the parts that are stuck.
func (h *Heart) Stats() (feeds []FeedStats, stuck []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.feeds), slices.Clone(h.stuck)
}

// prepare finds the times.
func (h *Heart) prepare() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.every = unfedCheck
	for _, f := range h.Feeds {
		h.every = min(h.every, f.Every())
		h.feeds = append(h.feeds, FeedStats{Name: f.Name(), Every: f.Every()})
	}
	h.every = max(h.every, feedLeast)
	h.tell = min(h.every/2, tellMost)
	h.parts = make([]partState, len(h.Parts))
	h.answer = make(chan answered, len(h.Parts))
}

// Run feeds until ctx ends, and once at its start. Run once only.
func (h *Heart) Run(ctx context.Context) error {
	h.prepare()
	t := time.NewTimer(0)
	defer t.Stop()
	ready := h.Ready
	for {
		serving := false
		select {
		case <-ctx.Done():
			return nil
		case <-ready:
			ready, serving = nil, true
		case <-t.C:
		}
		began := time.Now()
		if h.prove(ctx) {
			h.feed(serving)
		}
		t.Reset(max(h.every-time.Since(began), feedLeast))
	}
}

// prove asks every part, and those again that answered with an error, until
// all have proved themselves, however long that takes. Who is late is told. It
// returns false when ctx ended first.
func (h *Heart) prove(ctx context.Context) bool {
	for i := range h.parts {
		h.parts[i].proved = false
	}
	for {
		left := 0
		for i := range h.parts {
			if p := &h.parts[i]; !p.proved {
				left++
				h.ask(ctx, i)
			}
		}
		if left == 0 {
			return true
		}
		if !h.hear(ctx, left) {
			return false
		}
	}
}

// ask puts the question in a goroutine of its own, one a part at most: a stuck
// part may hold the lock that its Alive wants.
func (h *Heart) ask(ctx context.Context, i int) {
	if h.parts[i].asked {
		return
	}
	h.parts[i].asked = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, h.tell)
		defer cancel()
		h.answer <- answered{i, h.Parts[i].Alive(ctx)}
	}()
}

// hear takes the answers of as many parts as are left, for a little longer
// than they have. It returns false when ctx ended.
func (h *Heart) hear(ctx context.Context, left int) bool {
	late := time.NewTimer(h.tell + h.tell/4)
	defer late.Stop()
	for left > 0 {
		select {
		case a := <-h.answer:
			p := &h.parts[a.part]
			p.asked = false
			if a.err != nil {
				h.tellStuck(a.part, a.err)
				continue
			}
			p.proved = true
			left--
			h.tellWell(a.part)
		case <-late.C:
			for i := range h.parts {
				if h.parts[i].asked {
					h.tellStuck(i, errSilent)
				}
			}
			return true
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// tellStuck names a part before the feed stops: it stops when the next one
// would have been due.
func (h *Heart) tellStuck(i int, err error) {
	if h.parts[i].told {
		return
	}
	h.parts[i].told = true
	text := fmt.Sprintf("%s is stuck: %v", h.Parts[i].Name, err)
	h.mu.Lock()
	h.stuck = append(h.stuck, h.Parts[i].Name)
	if len(h.feeds) > 0 {
		text += "; not feeding " + h.names()
	}
	h.mu.Unlock()
	h.Log.Errorf("%s", text)
	if h.OnStuck != nil {
		h.OnStuck(text)
	}
}

func (h *Heart) names() string {
	var names []string
	for i := range h.feeds {
		names = append(names, h.feeds[i].Name)
	}
	return strings.Join(names, ", ")
}

func (h *Heart) tellWell(i int) {
	if !h.parts[i].told {
		return
	}
	h.parts[i].told = false
	name := h.Parts[i].Name
	h.mu.Lock()
	h.stuck = slices.DeleteFunc(h.stuck, func(s string) bool { return s == name })
	h.mu.Unlock()
	h.Log.Warnf("%s goes on", name)
}

// feed tells systemd too that the node serves, if it does so from now on.
func (h *Heart) feed(serving bool) {
	h.feeding.Lock()
	defer h.feeding.Unlock()
	if h.closed {
		return
	}
	if serving {
		if err := h.Systemd.Ready(); err != nil {
			h.Log.Errorf("%v", err)
		}
	}
	for i, f := range h.Feeds {
		h.fed(i, f.Feed())
	}
}

// fed notes how a feed went, and tells when that changes.
func (h *Heart) fed(i int, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	h.mu.Lock()
	f := &h.feeds[i]
	before, name := f.Err, f.Name
	f.Err = text
	if err == nil {
		f.Last, f.Count = time.Now(), f.Count+1
	}
	h.mu.Unlock()
	switch {
	case err == nil && before != "":
		h.Log.Infof("%s is fed again", name)
	case err != nil && before == "":
		h.Log.Errorf("feeding %s: %v", name, err)
		if h.OnStuck != nil {
			h.OnStuck(fmt.Sprintf("feeding %s: %v", name, err))
		}
	}
}

// Feed feeds at once, before Run, for as long as the node takes to start:
// once a second at most.
func (h *Heart) Feed() {
	if now := time.Now(); now.Sub(h.before) >= time.Second {
		h.before = now
		for _, f := range h.Feeds {
			_ = f.Feed() // Run will tell
		}
	}
}

// Leave feeds once more, for the time that Replace takes, and adds to open what
// the next program has to feed.
func (h *Heart) Leave(open map[string]*os.File) map[string]*os.File {
	h.feeding.Lock()
	defer h.feeding.Unlock()
	h.LED.Close() // the next program takes it as it was
	if open == nil {
		open = make(map[string]*os.File)
	}
	for _, f := range h.Feeds {
		if l, ok := f.(interface{ Leave(map[string]*os.File) }); ok {
			l.Leave(open)
		} else {
			_ = f.Feed()
		}
	}
	return open
}

// Close ends the feeding in such a way that nothing bites, and says what will
// all the same. It may be called twice, and while Run runs.
func (h *Heart) Close() {
	h.feeding.Lock()
	defer h.feeding.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	h.LED.Close()
	for _, f := range h.Feeds {
		if err := f.Close(); err != nil {
			h.Log.Errorf("%s: %v", f.Name(), err)
		}
	}
}
