// Package hearttest shows for tests of the node's parts what a heart makes of
// one: that it feeds while the part lives, and that it names the part and stops
// when it is stuck.
package hearttest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"forager/board"
)

// every is the time between two meals; a stuck part is named after half of it.
const every = time.Second

// patience is how long anything may take.
const patience = 20 * time.Second

// Heart is a heart with one part and one feed.
type Heart struct {
	t    *testing.T
	mu   sync.Mutex
	told []string
	meal chan struct{} // one token each; what nobody takes is dropped
}

// Start runs a heart until the test ends.
func Start(t *testing.T, name string, alive func(context.Context) error) *Heart {
	t.Helper()
	h := &Heart{t: t, meal: make(chan struct{}, 1)}
	heart := &board.Heart{
		Parts: []board.Part{{Name: name, Alive: alive}}, Feeds: []board.Feed{h},
		OnStuck: func(text string) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.told = append(h.told, text)
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = heart.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return h
}

// Name is what the heart calls this feed.
func (h *Heart) Name() string { return "the test" }

// Every is a second.
func (h *Heart) Every() time.Duration { return every }

// Close does nothing.
func (h *Heart) Close() error { return nil }

// Feed notes a meal.
func (h *Heart) Feed() error {
	select {
	case h.meal <- struct{}{}:
	default:
	}
	return nil
}

// Fed waits for so many meals. What was told until then is forgotten: a busy
// machine may make a part late that lives.
func (h *Heart) Fed(n int) {
	h.t.Helper()
	h.drain()
	for range n {
		select {
		case <-h.meal:
		case <-time.After(patience):
			h.t.Fatalf("not fed; told %q", h.all())
		}
	}
	h.forget()
}

// Stuck waits until a text with want in it was told, once, and makes sure that
// there is no meal from then on.
func (h *Heart) Stuck(want string) {
	h.t.Helper()
	end := time.Now().Add(patience)
	for !strings.Contains(strings.Join(h.all(), "\n"), want) {
		if time.Now().After(end) {
			h.t.Fatalf("told %q, want %q", h.all(), want)
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.drain()
	select {
	case <-h.meal:
		h.t.Errorf("fed although %q", want)
	case <-time.After(4 * every):
	}
	if n := len(h.all()); n != 1 {
		h.t.Errorf("told %d times: %q", n, h.all())
	}
	h.forget()
}

func (h *Heart) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = nil
}

func (h *Heart) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.told...)
}

func (h *Heart) drain() {
	select {
	case <-h.meal:
	default:
	}
}
