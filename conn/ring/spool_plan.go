package ring

import "time"

// outage is how long events have been waiting while no session drained the
// ring. A link that comes and goes does not start it anew.
type outage struct {
	before  time.Duration
	since   time.Time
	running bool
}

func (o *outage) reset() { *o = outage{} }

func (o *outage) stop(now time.Time) {
	o.before = o.lasted(now)
	o.running = false
}

func (o *outage) lasted(now time.Time) time.Duration {
	if !o.running {
		return o.before
	}
	return o.before + now.Sub(o.since)
}

// run goes on and returns how long it has lasted.
func (o *outage) run(now time.Time) time.Duration {
	if !o.running {
		o.running, o.since = true, now
	}
	return o.lasted(now)
}

// What plan says of the next write.
type due int

const (
	notYet   due = iota
	bySize       // there is enough for one
	byTime       // its time has come, however little there is
	pressing     // events would be lost without
)

// plan says whether to write, or how long to wait at most; 0: until woken.
func (s *Spool) plan(now time.Time) (due, time.Duration) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.catchUp()
	there := r.head.off - s.copied.off
	switch {
	case r.live:
		s.outage.stop(now)
		if there > s.pressure() {
			return pressing, 0
		}
		r.alarm = s.copied.off + s.pressure() + 1
		if there == 0 {
			s.outage.reset()
		}
		return notYet, 0
	case there == 0:
		s.outage.reset()
		r.alarm = r.head.off + 1
		return notYet, 0
	case there >= flushBytes+s.slack:
		return bySize, 0
	}
	left := s.cfg.Flush - s.outage.run(now)
	if left <= 0 {
		return byTime, 0
	}
	r.alarm = s.copied.off + flushBytes + s.slack
	return notYet, left
}

// pressure is how many bytes not copied the ring may hold while a session
// drains it: more than WaitRoom lets pile up.
func (s *Spool) pressure() uint64 { return uint64(len(s.r.mem)) / 4 * 3 }

// catchUp skips what the ring has let go of, be it only an unused end of its
// memory. The ring's lock is held.
func (s *Spool) catchUp() {
	if s.copied.off < s.r.tail.off {
		s.copied, s.ahead = s.r.tail, s.r.tail
	}
}
