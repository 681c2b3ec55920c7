package pots

import (
	"fmt"
	"time"

	"forager/board"
)

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

	cause [reportCauses]board.Pace
}

// due tells whether to say cause now, and how many were left unsaid before.
func (r *intakeReports) due(cause reportCause) (before uint64, due bool) {
	return r.cause[cause].Due(r.now())
}

// warn logs; before is what due returned.
func (r *intakeReports) warn(before uint64, format string, args ...any) string {
	text := board.More(fmt.Sprintf(format, args...), before)
	r.log.Warnf("%s", text)
	return text
}

// tell warns, and tells Core too.
func (r *intakeReports) tell(before uint64, format string, args ...any) {
	r.onError(r.warn(before, format, args...))
}

// flush logs how many were left unsaid at the end.
func (r *intakeReports) flush() {
	for i := range r.cause {
		if n := r.cause[i].Unsaid(); n > 0 {
			r.log.Warnf("intake: %s: %d more left unsaid", reportNames[i], n)
		}
	}
}
