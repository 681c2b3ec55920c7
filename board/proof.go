package board

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errSilent: a part was asked whether it lives and has not answered.
var errSilent = errors.New("does not answer")

// Proofs is who wants to know whether a loop lives that waits in a system call,
// as for a connection. The loop answers when it is woken, which costs nothing
// between two questions. The zero value is ready.
type Proofs struct {
	mu      sync.Mutex
	waiting []chan struct{}
	ended   bool // the loop has
}

// Ask returns what the loop closes once wake has woken it.
func (p *Proofs) Ask(wake func()) <-chan struct{} {
	proof := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended { // it was stopped in between, and nothing is dead
		close(proof)
		return proof
	}
	p.waiting = append(p.waiting, proof)
	wake()
	return proof
}

// Answer is called by the loop, which has made itself sleep again.
func (p *Proofs) Answer(ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = ended
	for _, proof := range p.waiting {
		close(proof)
	}
	p.waiting = nil
}

// Pulse is how a loop that waits in a select shows that it lives: Asked is one
// of its cases. What it does outside may take a known time (a write with a
// deadline): it says so with Busy, and counts as alive until then. A nil Pulse
// is that of a part nobody asks.
type Pulse struct {
	asked chan chan struct{} // holds one question

	busy  Limit
	ended atomic.Bool
}

// NewPulse makes the Pulse of a loop that is about to run.
func NewPulse() *Pulse { return &Pulse{asked: make(chan chan struct{}, 1)} }

// Asked is received from to hear a question; closing what comes is the answer.
func (p *Pulse) Asked() <-chan chan struct{} {
	if p == nil {
		return nil
	}
	return p.asked
}

// Beat answers a question that waits, if one does: for a loop that works on.
func (p *Pulse) Beat() {
	select {
	case q := <-p.Asked():
		close(q)
	default:
	}
}

// Busy says that the loop may not be back at its select for so long, which is
// progress too. The next Busy replaces it; Busy(0) says that it is back.
func (p *Pulse) Busy(most time.Duration) {
	if p == nil {
		return
	}
	if most > 0 {
		p.busy.Begin(most)
	} else {
		p.busy.End()
	}
	p.Beat()
}

// End says that the loop has returned, which is no death.
func (p *Pulse) End() {
	if p == nil {
		return
	}
	p.ended.Store(true)
	p.Beat()
}

// excused tells whether an answer need not come now.
func (p *Pulse) excused() bool { return p.ended.Load() || p.busy.Runs() }

// Alive asks and waits for the answer, until ctx ends at most.
func (p *Pulse) Alive(ctx context.Context) error {
	if p == nil || p.excused() {
		return nil
	}
	answer := make(chan struct{})
	err := errSilent
	select {
	case p.asked <- answer:
		err = Await(ctx, answer)
	case <-ctx.Done(): // the last question is still there
	}
	if p.excused() {
		return nil
	}
	return err
}

// Await waits for a proof, until ctx ends at most.
func Await(ctx context.Context, proof <-chan struct{}) error {
	select {
	case <-proof:
		return nil
	case <-ctx.Done():
	}
	select { // it may have come as well
	case <-proof:
		return nil
	default:
		return errSilent
	}
}

// Limit watches work that must end within a time. The zero value is ready.
type Limit struct {
	mu    sync.Mutex
	until time.Time // zero: nothing is going on
}

// Begin says that work has begun, which takes so long at most.
func (l *Limit) Begin(most time.Duration) { l.set(time.Now().Add(most)) }

// End says that it is done.
func (l *Limit) End() { l.set(time.Time{}) }

func (l *Limit) set(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
}

// Runs tells whether work goes on that has time left.
func (l *Limit) Runs() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

// Over tells whether the work that goes on should have ended.
func (l *Limit) Over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.until.IsZero() && time.Now().After(l.until)
}
