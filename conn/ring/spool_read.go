package ring

import (
	"errors"
	"io/fs"
	"slices"
)

// spoolReader is the session's place in the store while it reads events that
// only flash holds. The ring's cursor then stands at its tail.
type spoolReader struct {
	behind bool   // there may be events before the ring's tail to read
	pos    uint64 // behind: the next to read
	forgot uint64 // Core has all up to this one
	hint   place  // where the batch begins that follows the one read last
	stall  bool   // a segment could not be opened: Run tells when to try again
}

// place is where a batch begins, or one before it.
type place struct {
	g   *segment
	off int64
}

// read is how many events that only flash holds were read and not forgotten.
func (p *spoolReader) read(r *Ring) uint64 {
	if p.behind {
		return p.pos - p.forgot - 1
	}
	return r.tail.seq - min(r.tail.seq, p.forgot+1)
}

// flashOnly is how many events are on flash, not forgotten, and not in the
// ring. The ring's lock is held.
func (s *Spool) flashOnly() (n uint64) {
	for _, g := range s.segs {
		n += g.left
	}
	from := max(s.r.tail.seq, s.floor)
	return n - min(n, s.copied.seq-min(s.copied.seq, from))
}

// keeps tells whether the ring may push out event seq without losing it. The
// ring's lock is held.
func (s *Spool) keeps(seq uint64) bool { return s != nil && seq >= s.floor && seq < s.ahead.seq }

// spilled notes that the ring has pushed out an event that flash holds.
func (s *Spool) spilled(seq uint64, unread bool) {
	if unread && !s.reader.behind {
		s.reader.behind, s.reader.pos = true, seq
	}
}

// rewind goes back to the oldest event not forgotten. The ring's lock is held.
func (s *Spool) rewind() {
	if s == nil {
		return
	}
	s.reader.behind, s.reader.pos, s.reader.hint = true, s.reader.forgot+1, place{}
	s.r.signal()
}

// forget notes that Core has all events up to pos, as far as they were read,
// and counts those that only flash holds. The ring's lock is held.
func (s *Spool) forget(pos uint64) (n uint64) {
	if s == nil {
		return 0
	}
	next := s.r.cursor.seq
	if s.reader.behind {
		next = s.reader.pos
	}
	if pos = min(pos, next-1); pos <= s.reader.forgot {
		return 0
	}
	s.reader.forgot = pos
	for _, g := range s.segs {
		if g.first > pos {
			break
		}
		n += g.forget(min(pos, s.r.tail.seq-1))
		g.forget(pos)
	}
	if len(s.segs) > 0 && s.done(s.segs[0]) {
		s.nudge()
	}
	return n
}

// done tells whether the file of g is of no more use.
func (s *Spool) done(g *segment) bool { return g.gone || g.end <= s.reader.forgot+1 }

// startOver follows the ring to the start of its memory. The ring's lock is
// held.
func (s *Spool) startOver(p position) {
	if s == nil {
		return
	}
	s.copied, s.ahead = p, p
	s.r.alarm = 0
	if s.r.live {
		s.r.alarm = s.pressure()
	}
}

// next finds where the reader goes on: ok is false when that is in the ring,
// and g is nil when it must wait. The ring's lock is held.
func (s *Spool) next() (p place, ok bool) {
	if s == nil || !s.reader.behind {
		return place{}, false
	}
	tail := s.r.tail.seq
	if s.reader.stall {
		return place{}, true
	}
	for _, g := range s.segs {
		if g.end <= s.reader.pos || g.gone {
			continue
		}
		if g.first >= tail {
			break
		}
		if s.reader.hint.g == g {
			return s.reader.hint, true
		}
		return place{g: g}, true
	}
	if s.copied.seq < min(tail, s.ahead.seq) && s.reader.pos < s.ahead.seq {
		return place{}, true // being written
	}
	s.reader.behind = false
	return place{}, false
}

// read fills b with the next batch of a segment that the reader has not had,
// or with nothing: then next looks again.
func (s *Spool) read(b *Batch, p place) {
	b.reset(0)
	f, err := s.cfg.disk.open(segmentPath(s.cfg.Dir, p.g.num))
	if err != nil {
		s.cantOpen(p.g, err)
		return
	}
	defer f.Close()
	s.r.mu.Lock()
	p.g.fails = 0
	w := walker{f: f, off: p.off, end: p.g.size}
	pos, end := s.reader.pos, p.g.end
	s.r.mu.Unlock()
	for {
		h, err := w.next()
		if err != nil {
			s.missing(p.g, end)
			return
		}
		boot, first := h.boot, h.first+p.g.delta
		last := first + h.count
		whole, bad := p.g.bad[w.at]
		if boot != p.g.boot || last <= pos || last > end || bad && !whole {
			continue
		}
		if bad || b.load(f, w.at, &h) != nil {
			s.goneBad(p.g, w.at, first, last)
			pos = last
			continue
		}
		s.deliver(b, p.g, &h, w.off)
		return
	}
}

// deliver makes b the reader's next events, unless their segment has been
// dropped, and counted, while it was read.
func (s *Spool) deliver(b *Batch, g *segment, h *batchHead, next int64) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(s.segs, g) {
		b.reset(0)
		return
	}
	b.first, b.number = h.first+g.delta, h.first
	if !g.own {
		b.boot, b.fix = h.boot, g.fix.of(h.anchor)
	}
	b.skip(s.reader.pos)
	s.reader.pos = b.first + h.count
	s.reader.hint = place{g, next}
	for r.cursor.seq < s.reader.pos && r.cursor.seq != r.head.seq {
		r.cursor.next(header + len(r.record(&r.cursor)))
	}
	r.wakeWaiters()
}

// missing counts the events before position end that were in g when it was
// written or found, and are no longer to be read.
func (s *Spool) missing(g *segment, end uint64) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.reader.pos < end {
		if s.lose(g, s.reader.pos, end) {
			s.stats.Broken++
		}
		s.reader.pos = end
	}
}

// goneBad passes over a batch and counts it, once, when it was whole as it was
// written or found.
func (s *Spool) goneBad(g *segment, at int64, first, last uint64) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if g.markBad(at, true) {
		s.stats.Broken++
		s.lose(g, first, last)
	}
	s.reader.pos = max(s.reader.pos, last)
}

// lose counts the events of g from position first to before last, whose pots
// can't be told any more, as far as only flash had them. It returns false when
// there were none. The ring's lock is held.
func (s *Spool) lose(g *segment, first, last uint64) bool {
	first = max(first, s.reader.forgot+1)
	last = min(last, g.end)
	if first >= last || g.left == 0 {
		return false
	}
	if tail := min(last, s.r.tail.seq); first < tail {
		s.r.stats.drop(&s.r.stats.loss.Damaged, unknownPot, min(tail-first, g.left))
	}
	if g.own { // the ring must not rely on it
		s.floor = max(s.floor, last)
	}
	g.left -= min(g.left, last-first)
	return true
}

// giveUp counts what was in a segment that can't be read. The ring's lock is
// held.
func (s *Spool) giveUp(g *segment) {
	if !g.gone {
		s.stats.Broken++
		s.lose(g, g.first, g.end)
		g.gone = true
	}
}

// cantOpen gives a segment up whose file is gone, or which could not be opened
// for long.
func (s *Spool) cantOpen(g *segment, err error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	g.fails++
	if errors.Is(err, fs.ErrNotExist) || g.fails >= maxOpens {
		if slices.Contains(s.segs, g) {
			s.giveUp(g)
		}
	} else {
		s.reader.stall = true
	}
	s.nudge()
}
