package pots

import (
	"sync"
	"time"
	"unicode/utf8"
)

// A pot's log keeps so many lines of so many bytes, and says nothing of those
// that went: the events are the record, the log is for a look.
const (
	logLines = 64
	logWidth = 200
)

// potLog is a ring of lines. Lines are printable: they come from the encoder
// of the events.
type potLog struct {
	mu   sync.Mutex
	slot [][]byte
	at   [logLines]time.Duration // since the node's start: the clock may not be right yet
	next int
}

// add keeps a copy of a line that is given in parts.
func (l *potLog) add(at time.Duration, parts ...[]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.slot) < logLines {
		l.slot = append(l.slot, nil)
	}
	s := l.slot[l.next][:0]
	for _, p := range parts {
		s = append(s, p[:min(len(p), logWidth-len(s))]...)
	}
	l.slot[l.next], l.at[l.next] = s, at
	l.next = (l.next + 1) % logLines
}

// lines returns the lines, oldest first, with the time as the clock has it
// now.
func (l *potLog) lines(epoch time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	age := now.Sub(epoch)
	out := make([]string, 0, len(l.slot))
	for i := range l.slot {
		k := (l.next + i) % len(l.slot) // next is 0 until the ring is full
		if len(l.slot) < logLines {
			k = i
		}
		at := now.Add(l.at[k] - age).UTC()
		out = append(out, at.Format("2006-01-02T15:04:05Z ")+printable(l.slot[k]))
	}
	return out
}

// printable drops a character that was cut.
func printable(b []byte) string {
	for len(b) > 0 {
		r, n := utf8.DecodeLastRune(b)
		if r != utf8.RuneError || n > 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return string(b)
}
