package conn

import (
	"context"
	"time"

	"forager/conn/ring"
	"forager/conn/wire"
)

const (
	// chunk is how many bytes of PotEvent frames are gathered for one write.
	chunk = 48 << 10
	// batchSize is how many bytes of records are copied out of the ring at
	// once.
	batchSize = 32 << 10
	// batchCore is the same in dialect core: the last frame of a batch is
	// half empty, so there must be many.
	batchCore = 128 << 10
)

// sendEvents writes the next events in the connection's dialect and returns
// how many.
func (l *link) sendEvents(ctx context.Context) (int, error) {
	var n int
	var last uint64
	if !l.s.cfg.Clock.Usable() {
		return 0, nil
	}
	if l.peer.learn.speaks() == Core {
		for n == 0 && l.look(l.wallOffset()) {
			if err := l.pace(ctx); err != nil {
				return 0, err
			}
			n, last = l.fillAlarm()
		}
	} else {
		n, last = l.fillSpec()
	}
	if n == 0 {
		return 0, nil
	}
	if err := l.write(l.out); err != nil {
		return 0, err
	}
	if l.first.IsZero() {
		l.first = l.wrote
	}
	l.settle.wrote(l.raw.written, last, l.wrote, l.settleTime())
	l.s.set(func(st *Stats) { st.Frames += uint64(n); st.Events += uint64(n) })
	return n, nil
}

// more makes l.event the next event, if there is one.
func (l *link) more() bool {
	if l.held {
		return true
	}
	for !l.batch.Next(&l.event) {
		if l.s.cfg.Ring.Peek(l.batch) == 0 {
			return false
		}
	}
	l.held = true
	return true
}

// fillSpec gathers PotEvent frames in l.out.
func (l *link) fillSpec() (n int, last uint64) {
	l.out = l.out[:0]
	offset := l.wallOffset()
	ev := wire.PotEvent{NodeID: l.s.cfg.Node.NodeID}
	for len(l.out) < chunk && l.more() {
		e := &l.event
		ev.PotID, ev.PotType, ev.EventType, ev.Data = e.PotID, e.Pot, e.Type, e.Data
		ev.Boot, ev.Seq, ev.Time = l.boot(e), e.Number, eventTime(e, offset)
		l.out = wire.AppendPotEvent(l.out, &ev)
		l.held = false
		n, last = n+1, e.Seq
	}
	return n, last
}

// boot is the first half of e's event_id: an event of an earlier run keeps it.
func (l *link) boot(e *ring.Event) uint64 {
	if e.Boot != 0 {
		return e.Boot
	}
	return l.s.cfg.Boot
}

// wallOffset turns the node's monotonic time into Unix time, by the clock as
// it is now: an event taken in before the clock was set is right all the same.
func (l *link) wallOffset() int64 {
	now := time.Now()
	return now.UnixNano() - int64(now.Sub(l.s.cfg.Epoch))
}

func eventTime(e *ring.Event, offset int64) int64 {
	if e.Time != 0 {
		return e.Time
	}
	return e.Mono + offset
}

// settleNow forgets what Core has for good.
func (l *link) settleNow(now time.Time) {
	if len(l.settle.marks) == 0 {
		return
	}
	if n, err := unsent(l.raw.Conn); err == nil {
		l.settle.acknowledged(l.raw.written-uint64(n), now)
	}
	if seq := l.settle.settled(now, l.settleTime()); seq > 0 {
		l.s.cfg.Ring.Forget(seq)
	}
}
