package pots

import (
	"net/netip"
	"sync"
	"time"
)

// floodWindow is how long refused connections are counted before one event
// tells of them.
const floodWindow = 10 * time.Second

// flood sums up what the guard refused. Its timer runs only while there is
// something to tell.
type flood struct {
	l *listener

	mu       sync.Mutex
	timer    *time.Timer
	closed   bool
	since    time.Duration
	n        [refusedTotal + 1]int64 // by reason
	src, dst netip.AddrPort          // of the last one
}

// add counts one refused connection.
func (f *flood) add(c *Conn, why admission) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n[why]++
	f.src, f.dst = c.src, c.dst
	if f.timer == nil && !f.closed {
		f.since = c.start
		f.timer = time.AfterFunc(f.l.inst.m.floodWindow, f.tell)
	}
}

// tell makes the event, if anything was refused.
func (f *flood) tell() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer == nil {
		return
	}
	f.timer.Stop()
	f.timer = nil
	c := Conn{l: f.l, src: f.src, dst: f.dst, session: f.l.inst.m.nextSession()}
	c.Event("connection.refused").
		Number("count", f.n[refusedAddr]+f.n[refusedPot]+f.n[refusedTotal]).
		Number("count_address", f.n[refusedAddr]).
		Seconds("duration", f.l.now()-f.since).Send()
	f.n = [refusedTotal + 1]int64{}
}

// close tells what is left; the listener is closed already.
func (f *flood) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.tell()
}
