package conn

import "time"

// The forget rule: an event leaves the ring when Core's kernel has
// acknowledged its bytes and the connection has lived on for a while, since
// a Core that refuses a frame closes without a word, and not at once.
const (
	// settlePoll is how soon bytes not yet acknowledged are looked at again.
	settlePoll = 250 * time.Millisecond
	// maxMarks bounds what is remembered; settle times are spread over them.
	maxMarks = 64
)

// mark says that event seq, and all before it, were written when the
// connection had taken that many bytes.
type mark struct {
	bytes uint64
	seq   uint64
	wrote time.Time // of its first event
	acked time.Time // zero: not yet
}

// settling is the events of one connection that are written and not yet
// forgotten.
type settling struct {
	marks []mark
}

// wrote notes a batch. Batches close in time share a mark; then all of it
// waits for the last, which is late by no more than settle/32.
func (s *settling) wrote(bytes, seq uint64, now time.Time, settle time.Duration) {
	if n := len(s.marks); n > 0 {
		last := &s.marks[n-1]
		if n == maxMarks || (last.acked.IsZero() && now.Sub(last.wrote) < settle/32) {
			last.bytes, last.seq, last.acked = bytes, seq, time.Time{}
			return
		}
	}
	s.marks = append(s.marks, mark{bytes: bytes, seq: seq, wrote: now})
}

// acknowledged notes that Core's kernel has the first bytes of the stream.
func (s *settling) acknowledged(bytes uint64, now time.Time) {
	for i := range s.marks {
		if m := &s.marks[i]; m.acked.IsZero() && m.bytes <= bytes {
			m.acked = now
		}
	}
}

// settled removes the marks that have lived long enough and returns the last
// event of them; 0 when there are none.
func (s *settling) settled(now time.Time, settle time.Duration) (seq uint64) {
	n := 0
	for n < len(s.marks) && !s.marks[n].acked.IsZero() && now.Sub(s.marks[n].acked) >= settle {
		seq = s.marks[n].seq
		n++
	}
	s.marks = append(s.marks[:0], s.marks[n:]...)
	return seq
}

// next is how long until settled or acknowledged may have something to do;
// false when nothing is under way.
func (s *settling) next(now time.Time, settle time.Duration) (time.Duration, bool) {
	if len(s.marks) == 0 {
		return 0, false
	}
	d := settlePoll
	if first := s.marks[0]; !first.acked.IsZero() {
		d = settle - now.Sub(first.acked)
		if s.marks[len(s.marks)-1].acked.IsZero() {
			d = min(d, settlePoll)
		}
	}
	return max(d, time.Millisecond), true
}
