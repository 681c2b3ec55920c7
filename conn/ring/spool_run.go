package ring

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"time"
)

// never is an alarm that no Put reaches.
const never = 1<<64 - 1

// Run writes what is due until ctx ends, then all that is not on flash yet, as
// far as it fits. The error tells what could not be saved at the end; the
// errors before that go to OnChange. Run once only.
func (s *Spool) Run(ctx context.Context) error {
	if s == nil {
		<-ctx.Done()
		return nil
	}
	defer s.pulse.End()
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			s.pulse.Busy(saveTime)
			return s.saveAll()
		case q := <-s.pulse.Asked():
			close(q)
			continue
		case <-s.wake:
		case <-t.C:
		}
		s.pulse.Busy(writeTime)
		wait := s.work(ctx)
		s.pulse.Busy(0)
		if wait > 0 {
			t.Reset(wait)
		} else {
			t.Stop()
		}
	}
}

func (s *Spool) nudge() {
	if s == nil {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// work does all that is due. It returns when to look again; 0: when woken.
func (s *Spool) work(ctx context.Context) time.Duration {
	if s.left != nil {
		s.letGo()
		return s.unstall(0)
	}
	if s.off != nil && time.Now().Before(s.retryAt) {
		return s.pause()
	}
	err := s.tidy()
	for err == nil && ctx.Err() == nil {
		due, wait := s.plan(time.Now())
		if due == notYet {
			if wait == 0 {
				s.buf, s.heads = nil, nil
			}
			return s.unstall(wait)
		}
		err = s.flush(due)
		s.pulse.Busy(writeTime)
	}
	if err != nil {
		s.change(s.failed(err))
		_ = s.emptyTrash() // what was begun takes room on a full disk
		return s.pause()
	}
	return 0
}

// tidy removes what is of no more use, and what a larger spool left.
func (s *Spool) tidy() error {
	if err := s.removeDone(); err != nil {
		return err
	}
	return s.makeRoom(0)
}

// pause is how long the spool stays off.
func (s *Spool) pause() time.Duration {
	s.r.mu.Lock()
	s.r.alarm = never
	s.buf, s.heads = nil, nil
	s.r.mu.Unlock()
	return s.unstall(max(time.Until(s.retryAt), time.Millisecond))
}

// unstall lets the reader try once more to open a segment.
func (s *Spool) unstall(wait time.Duration) time.Duration {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.reader.stall {
		return wait
	}
	if s.stalled.IsZero() {
		s.stalled = time.Now()
	}
	if left := openTime - time.Since(s.stalled); left > 0 {
		return soonest(wait, left)
	}
	s.stalled, s.reader.stall = time.Time{}, false
	r.signal()
	return wait
}

// soonest is the shorter wait, where 0 is none.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

// change tells that the spool went off, or on with nil, once for each.
func (s *Spool) change(err error) {
	if s.cfg.OnChange != nil {
		s.cfg.OnChange(err)
	}
}

// flush makes one write.
func (s *Spool) flush(why due) error {
	if err := s.prepare(); err != nil {
		return err
	}
	enough := s.gather(why == bySize)
	if !enough {
		return nil
	}
	for i := range s.heads {
		p := &s.heads[i]
		p.head.sum = crc32.Checksum(s.buf[p.at+batchHeader:][:p.head.length], castagnoli)
		p.head.put(s.buf[p.at:])
	}
	if err := s.makeRoom(int64(len(s.buf))); err != nil {
		s.settleWrite(nil, 0, err)
		return err
	}
	g := s.current
	if g == nil || g.size+int64(len(s.buf)) > s.segSize {
		g = &segment{num: s.nextNum, own: true, boot: s.cfg.Boot}
		s.nextNum++
	}
	grown, err := appendBatch(s.cfg.disk, s.cfg.Dir, g.num, g.size, s.buf)
	s.settleWrite(g, grown, err)
	if err != nil {
		return err
	}
	if s.off != nil { // only Run's goroutine changes it
		s.setOff(nil)
		s.change(nil)
	}
	return nil
}

func (s *Spool) setOff(err error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.off = err
}

// prepare makes the directory again if the spool was off: it may be another
// file system by now.
func (s *Spool) prepare() error {
	if s.buf == nil {
		s.buf = make([]byte, 0, maxWrite)
	}
	if s.off == nil {
		return nil
	}
	if err := s.cfg.disk.makeDir(s.cfg.Dir); err != nil {
		return err
	}
	return s.takeStock()
}

// takeStock counts files that earlier runs left and that could not be read at
// the start; the next start tries again.
func (s *Spool) takeStock() error {
	found, err := listSegments(s.cfg.disk, s.cfg.Dir)
	if err != nil {
		return err
	}
	known := make(map[uint64]bool)
	for _, list := range [][]*segment{s.segs, s.trash} {
		for _, g := range list {
			known[g.num] = true
		}
	}
	var foreign int64
	there := make(map[uint64]bool)
	for _, g := range found {
		there[g.num] = true
		s.nextNum = max(s.nextNum, g.num+1)
		if !known[g.num] {
			foreign += g.disk
		}
	}
	s.lost(there)
	s.r.mu.Lock()
	s.foreign = foreign
	s.r.mu.Unlock()
	return nil
}

// lost gives up the segments whose files are not there. When none is left of
// this run, the ring's events are copied anew.
func (s *Spool) lost(there map[uint64]bool) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	gone, own := false, false
	for _, g := range s.segs {
		if !there[g.num] {
			s.giveUp(g)
			gone = gone || g.own
		}
		own = own || g.own && !g.gone
	}
	if gone && !own {
		s.copied, s.ahead = r.tail, r.tail
	}
}

// placedHead is a batch's header and its place in the write.
type placedHead struct {
	at   int
	head batchHead
}

// gather copies the next events that are not on flash yet: all, or what fills
// a write. With full it takes nothing if that is less than flushBytes, since
// the unused ends of the ring made it look like more.
func (s *Spool) gather(full bool) bool {
	now := s.now()
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.catchUp()
	s.buf, s.heads = s.buf[:0], s.heads[:0]
	p, sum := s.copied, 0
	var b *placedHead
	for p.seq != r.head.seq && sum < flushBytes {
		n := header + len(r.record(&p))
		if b == nil || b.head.length+n > maxPayload {
			s.heads = append(s.heads, placedHead{len(s.buf), batchHead{boot: s.cfg.Boot, first: p.seq, anchor: now}})
			b = &s.heads[len(s.heads)-1]
			s.buf = append(s.buf, make([]byte, batchHeader)...)
		}
		s.buf = append(s.buf, r.mem[p.at:p.at+n]...)
		b.head.length += n
		b.head.count++
		sum += n
		p.next(n)
	}
	if full && sum < flushBytes {
		s.slack = r.head.off - s.copied.off - uint64(sum)
		return false
	}
	s.slack = 0
	s.ahead = p
	return sum > 0
}

// settleWrite notes what became of a write: its events are on flash, or those
// of them that the ring has let go of since are lost.
func (s *Spool) settleWrite(g *segment, grown int64, err error) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.outage.reset()
	if err == nil {
		s.stats.Writes++
		s.stats.Written += uint64(grown)
		s.wrote(g)
	} else {
		s.notWritten(g, grown, err)
	}
	if r.waiting && s.reader.behind {
		r.waiting = false
		r.signal()
	}
}

// wrote publishes a write. The ring's lock is held.
func (s *Spool) wrote(g *segment) {
	last := &s.heads[len(s.heads)-1].head
	if g.size == 0 {
		g.first = s.heads[0].head.first
		s.segs = append(s.segs, g)
	}
	s.current = g
	g.size += int64(len(s.buf))
	g.disk = g.size
	g.end = last.first + last.count
	for i := range s.heads {
		g.left += s.heads[i].head.count
	}
	s.copied = s.ahead
}

// notWritten counts what is lost. The ring's lock is held.
func (s *Spool) notWritten(g *segment, grown int64, err error) {
	s.ahead = s.copied
	if g != nil {
		g.disk += grown
		if g.size == 0 && !errors.Is(err, fs.ErrExist) { // a new file that failed
			s.trash = append(s.trash, g)
		}
	}
	b := NewBatch(maxPayload)
	for i := range s.heads {
		p := &s.heads[i]
		b.reset(p.head.first)
		b.buf = append(b.buf, s.buf[p.at+batchHeader:][:p.head.length]...)
		b.rest = b.buf
		for e := (Event{}); b.Next(&e); {
			if e.Seq < s.r.tail.seq && e.Seq > s.reader.forgot {
				s.loseEvent(&e)
			}
		}
	}
}

// loseEvent counts one event that nobody holds any more. The ring's lock is
// held.
func (s *Spool) loseEvent(e *Event) {
	next := s.r.cursor.seq
	if s.reader.behind {
		next = s.reader.pos
	}
	if e.Seq >= next {
		s.r.stats.drop(&s.r.stats.loss.Pushed, e.PotID, 1)
	} else {
		s.r.stats.unsettled++
	}
}

// saveAll writes all that the ring holds, also when the spool was off. What is
// more than the spool may hold is not written first only to be dropped.
func (s *Spool) saveAll() error {
	if s.left != nil {
		return nil
	}
	_ = s.removeDone() // a failure shows when writing
	skipped := s.skipOldest()
	for s.r.Unsaved() > 0 {
		if err := s.flush(byTime); err != nil {
			return fmt.Errorf("%w; %d events end with this run", s.failed(err), skipped+s.r.Unsaved())
		}
	}
	if skipped > 0 {
		return fmt.Errorf("spool: too small for %d events, which end with this run (-spool-size)", skipped)
	}
	return nil
}

// skipOldest passes over events that would not fit at the end and returns how
// many.
func (s *Spool) skipOldest() (n uint64) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s.catchUp()
	room := uint64(s.cfg.Size - maxWrite)
	for r.head.off-s.copied.off > room {
		rec := r.record(&s.copied)
		s.copied.next(header + len(rec))
		n++
	}
	s.ahead = s.copied
	return n
}
