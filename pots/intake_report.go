package pots

import (
	"fmt"
	"sync"
	"time"

	"forager/board"
)

// intakeQuiet is how often one cause of trouble is said: a honeypot that
// writes rubbish must not fill a router's log.
const intakeQuiet = time.Minute

// sampleMax is how many bytes of a bad line the log shows.
const sampleMax = 64

// reportCause is a cause of trouble with a pace of its own.
type reportCause int

const (
	reportBroken reportCause = iota
	reportTooLong
	reportOversize
	reportRefused
	reportAccept
	reportBug
	reportCauses
)

var reportNames = [reportCauses]string{"broken lines", "lines too long", "events too large", "connections refused", "accept failed", "bugs"}

// intakeReports says each cause at once, then at most once a minute with the
// number of those left unsaid.
type intakeReports struct {
	now     func() time.Time
	log     *board.Log
	onError func(string)

	mu    sync.Mutex
	cause [reportCauses]struct {
		last   time.Time
		said   bool
		unsaid uint64
	}
}

// due counts one more of cause and tells whether to say it now, and how many
// were left unsaid before. Nothing is formatted before that is known.
func (r *intakeReports) due(cause reportCause) (before uint64, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &r.cause[cause]
	now := r.now()
	if c.said && now.Sub(c.last) < intakeQuiet {
		c.unsaid++
		return 0, false
	}
	before = c.unsaid
	c.said, c.last, c.unsaid = true, now, 0
	return before, true
}

// warn logs; before is what due returned.
func (r *intakeReports) warn(before uint64, format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if before > 0 {
		text = fmt.Sprintf("%s (and %d more of these before)", text, before)
	}
	r.log.Warnf("%s", text)
	return text
}

// tell warns, and tells Core too.
func (r *intakeReports) tell(before uint64, format string, args ...any) {
	r.onError(r.warn(before, format, args...))
}

// flush logs how many were left unsaid at the end.
func (r *intakeReports) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, c := range r.cause {
		if c.unsaid > 0 {
			r.log.Warnf("intake: %s: %d more left unsaid", reportNames[i], c.unsaid)
		}
	}
}
