package conn

import (
	"math/rand/v2"
	"time"
)

const (
	// backoffLived is how long a connection must have lived after its
	// registration for the next wait to be the first one again: less, and a
	// Core that accepts and closes would be dialled every second for ever.
	backoffLived = 10 * time.Second

	rejectFirst = time.Minute
	rejectMax   = 10 * time.Minute
)

// backoff is the wait between connections: 1 s doubling to 60 s with full
// jitter, so that a thousand nodes do not come back in step. After a stable
// connection it begins with timing.spread.
type backoff struct {
	timing
	step time.Duration
	draw func(time.Duration) time.Duration
}

func newBackoff(t timing) *backoff {
	return &backoff{timing: t, step: t.backoffFirst, draw: fullJitter}
}

// next returns the wait after a connection that lived that long; 0 when there
// was none.
func (b *backoff) next(lived time.Duration) time.Duration {
	switch {
	case lived >= b.stable:
		b.step = b.spread
	case lived >= backoffLived:
		b.step = b.backoffFirst
	}
	d := b.draw(b.step)
	b.step = min(2*b.step, b.backoffMax)
	return d
}

// fullJitter draws from the whole of 0 to d.
func fullJitter(d time.Duration) time.Duration { return rand.N(d + 1) }

// halfJitter draws from the upper half of 0 to d.
func halfJitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
