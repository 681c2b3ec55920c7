package pots

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"

	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots/jsonline"
)

// intakeShare is how many bytes all connections together may take between two
// looks at the ring, so that they notice in time that it is crowded: a
// quarter of what the smallest ring may hold by then.
const intakeShare = ring.MinSize / 8

// unknown stands for an id or a type that nothing tells.
var unknown = []byte("unknown")

// intakeEvents makes one connection's lines events.
type intakeEvents struct {
	in   *Intake
	ctx  context.Context
	peer net.Conn

	event ring.Event
	last  [wire.MaxName]byte // the pot of the last event
	lastN int
	count *atomic.Uint64 // where its events are counted; nil: nowhere
	share int            // bytes until the next look at the ring

	bytes, lines, events uint64 // since begin
}

// begin prepares for the lines of one read of n bytes.
func (e *intakeEvents) begin(n int) {
	e.event.Mono = e.in.since()
	e.bytes, e.lines, e.events = uint64(n), 0, 0
}

// end adds what begin started to the intake's counters.
func (e *intakeEvents) end() {
	c := &e.in.count
	c.bytes.Add(e.bytes)
	c.lines.Add(e.lines)
	c.events.Add(e.events)
}

// line makes one line an event. An empty line is nothing.
func (e *intakeEvents) line(l *jsonline.Line, raw []byte) {
	e.pace(len(raw))
	err := l.Parse(raw)
	if err != nil && len(bytes.TrimSpace(raw)) == 0 {
		return
	}
	e.lines++
	if err != nil && !errors.Is(err, jsonline.ErrTooLarge) {
		e.broken(l, raw, err)
		return
	}
	v := &e.event
	v.PotID, v.Pot, v.Type = e.potID(l.PotID), l.PotType, l.EventType
	e.remember(v.PotID)
	if err != nil {
		e.oversize(raw)
		return
	}
	if v.Pot == nil {
		v.Pot = unknown
	}
	if v.Type == nil {
		v.Type = unknown
	}
	v.Time, v.Data = l.Time, l.Data
	if _, err := e.in.cfg.Ring.Put(v); err == nil {
		e.events++
		if e.count != nil {
			e.count.Add(1)
		}
	}
}

// remember notes whose the line is.
func (e *intakeEvents) remember(pot []byte) {
	if e.lastN > 0 && string(e.last[:e.lastN]) == string(pot) {
		return
	}
	e.lastN = copy(e.last[:], pot)
	e.count = e.in.cfg.Count(e.last[:e.lastN])
}

// pace makes the sender wait while the ring is crowded.
func (e *intakeEvents) pace(n int) {
	if e.share -= n; e.share > 0 {
		return
	}
	e.in.cfg.Ring.WaitRoom(e.ctx, e.in.cfg.Wait)
	e.share = intakeShare / int(max(1, e.in.count.open.Load()))
}

// potID is id, or who else it can be.
func (e *intakeEvents) potID(id []byte) []byte {
	if id != nil {
		return id
	}
	if e.in.cfg.OnlyPot != nil {
		if s, ok := e.in.cfg.OnlyPot(); ok && s != "" && len(s) <= wire.MaxName {
			if string(e.last[:e.lastN]) != s {
				e.lastN = copy(e.last[:], s)
				e.count = e.in.cfg.Count(e.last[:e.lastN])
			}
			return e.last[:e.lastN]
		}
	}
	return unknown
}

// lose counts an event that a line did not become, for the pot that the line
// names or that it must be from: one connection may carry many pots' lines.
func (e *intakeEvents) lose(id []byte) { e.in.cfg.Ring.CountLoss(e.potID(id), 1) }

func (e *intakeEvents) broken(l *jsonline.Line, raw []byte, why error) {
	e.in.count.broken.Add(1)
	e.lose(l.PotID)
	if before, due := e.in.quiet.due(reportBroken); due {
		e.in.quiet.warn(before, "intake: line from %v: %v (byte %d): %q", e.peer.RemoteAddr(), why, l.Offset, sample(raw))
	}
}

func (e *intakeEvents) oversize(raw []byte) {
	e.in.count.oversize.Add(1)
	e.lose(e.event.PotID)
	if before, due := e.in.quiet.due(reportOversize); due {
		e.in.quiet.warn(before, "intake: event of pot %q: data is over %d bytes: %q", sample(e.event.PotID), wire.MaxData, sample(raw))
	}
}

// tooLong is told of a line's beginning.
func (e *intakeEvents) tooLong(l *jsonline.Line, raw []byte) {
	e.lines++
	e.in.count.tooLong.Add(1)
	_ = l.Parse(raw) // it has no end
	e.lose(l.PotID)
	if before, due := e.in.quiet.due(reportTooLong); due {
		e.in.quiet.warn(before, "intake: line from %v is over %d bytes: %q", e.peer.RemoteAddr(), jsonline.MaxLine, sample(raw))
	}
}

func sample(raw []byte) []byte { return raw[:min(len(raw), sampleMax)] }
