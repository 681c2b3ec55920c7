package ring

import (
	"errors"
	"io/fs"
)

// removeDone removes the files that are of no more use.
func (s *Spool) removeDone() error {
	r := s.r
	r.mu.Lock()
	kept := s.segs[:0]
	for _, g := range s.segs {
		if s.done(g) {
			s.discard(g)
		} else {
			kept = append(kept, g)
		}
	}
	clear(s.segs[len(kept):])
	s.segs = kept
	r.mu.Unlock()
	return s.emptyTrash()
}

// discard puts a file where emptyTrash finds it.
func (s *Spool) discard(g *segment) {
	s.trash = append(s.trash, g)
	if s.current == g {
		s.current = nil
	}
}

// emptyTrash removes files; what can't be removed stays, and counts.
func (s *Spool) emptyTrash() error {
	if len(s.trash) == 0 {
		return nil
	}
	var failed []*segment
	var first error
	for _, g := range s.trash {
		err := s.cfg.disk.remove(segmentPath(s.cfg.Dir, g.num))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, g)
			if first == nil {
				first = err
			}
		}
	}
	s.r.mu.Lock() // Stats reads it
	s.trash = failed
	s.r.mu.Unlock()
	if first != nil {
		return first
	}
	return s.cfg.disk.syncDir(s.cfg.Dir)
}

// errNoRoom is when files that are not ours to remove take all the room.
var errNoRoom = errors.New("the files there leave no room")

// makeRoom drops the oldest segments until n more bytes are allowed.
func (s *Spool) makeRoom(n int64) error {
	for s.bytes()+n > s.cfg.Size {
		if len(s.segs) == 0 {
			return errNoRoom
		}
		s.dropOldest()
		if err := s.emptyTrash(); err != nil {
			return err
		}
	}
	return nil
}

// dropOldest counts the events of the oldest segment that are nowhere else,
// by pot, and gives its file up.
func (s *Spool) dropOldest() {
	r := s.r
	r.mu.Lock()
	g := s.segs[0]
	s.segs = append(s.segs[:0], s.segs[1:]...)
	s.discard(g)
	if g.own {
		s.floor = max(s.floor, g.end)
	}
	from, to := max(g.first, s.reader.forgot+1), min(g.end, r.tail.seq)
	left := g.left
	r.mu.Unlock()
	if from < to && !g.gone {
		counted := s.countLost(g, from, to)
		r.mu.Lock()
		if missing := min(left, to-from); counted < missing {
			r.stats.drop(&r.stats.loss.Pushed, unknownPot, missing-counted)
		}
		r.mu.Unlock()
	}
}

// countLost reads a segment that is about to go.
func (s *Spool) countLost(g *segment, from, to uint64) (n uint64) {
	f, err := s.cfg.disk.open(segmentPath(s.cfg.Dir, g.num))
	if err != nil {
		return 0
	}
	defer f.Close()
	w := walker{f: f, end: g.size}
	b := NewBatch(maxPayload)
	for {
		h, err := w.next()
		if err != nil {
			return n
		}
		first := h.first + g.delta
		if h.boot != g.boot || first+h.count <= from || first >= to || b.load(f, w.at, &h) != nil {
			continue
		}
		b.first = first
		s.r.mu.Lock()
		for e := (Event{}); b.Next(&e); {
			if e.Seq >= from && e.Seq < to {
				s.loseEvent(&e)
				n++
			}
		}
		s.r.mu.Unlock()
	}
}
