package board

import (
	"fmt"
	"sync"
	"time"
)

// paceTime is how often one cause of trouble is said: what others can cause as
// often as they like must not fill a router's log.
const paceTime = time.Minute

// Pace has one cause of trouble said at once, then at most once a minute with
// the number of times left unsaid. The zero value is ready.
type Pace struct {
	mu     sync.Mutex
	last   time.Time // zero: never
	unsaid uint64
}

// Due counts one more and tells whether to say it now, and how many were left
// unsaid before. Nothing need be formatted before that is known.
func (p *Pace) Due(now time.Time) (before uint64, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.last.IsZero() && now.Sub(p.last) < paceTime {
		p.unsaid++
		return 0, false
	}
	before = p.unsaid
	p.last, p.unsaid = now, 0
	return before, true
}

// Unsaid is how many have been left unsaid since the last that was due.
func (p *Pace) Unsaid() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unsaid
}

// More adds to text how many were left unsaid before it.
func More(text string, before uint64) string {
	if before == 0 {
		return text
	}
	return fmt.Sprintf("%s (and %d more of these before)", text, before)
}
