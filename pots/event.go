package pots

import (
	"strconv"
	"sync"
	"time"

	"forager/conn/ring"
	"forager/conn/wire"
)

// Limits of an event.
const (
	// MaxField is the longest value in bytes; of a longer one the start is
	// kept, and its whole length stands in <key>_length. Escaped it grows
	// to six times that at worst, so that one such field fits wire.MaxData.
	MaxField = 8 << 10
	// keepBuffer is the largest buffer in bytes that goes back to the pool.
	keepBuffer = 4 << 10
)

// Event is an event under construction. It is sent once, by Send, and must not
// be used after it.
type Event struct {
	inst *instance
	conn *Conn
	pot  []byte // the first half of typ
	typ  []byte
	data []byte
	head int // where the fields behind those of every event begin
	ev   ring.Event
}

var events = sync.Pool{New: func() any { return &Event{data: make([]byte, 0, 512), typ: make([]byte, 0, 64)} }}

// Event begins an event of the pot's type: what is the second half of the
// event's type, in Cowrie's words.
func (c *Conn) Event(what string) *Event {
	e := events.Get().(*Event)
	e.inst, e.conn, e.pot = c.l.inst, c, c.potType()
	e.typ = append(append(append(e.typ[:0], e.pot...), '.'), what...)
	c.told.Store(c.last.Load())
	e.data = c.appendHead(append(e.data[:0], '{'))
	e.head = len(e.data)
	return e
}

// appendHead appends what the data of every event has.
func (c *Conn) appendHead(b []byte) []byte {
	b = append(b, `"src_ip":"`...)
	b = c.src.Addr().AppendTo(b)
	b = append(b, `","src_port":`...)
	b = strconv.AppendUint(b, uint64(c.src.Port()), 10)
	b = append(b, `,"dst_ip":"`...)
	b = c.dst.Addr().AppendTo(b)
	b = append(b, `","dst_port":`...)
	b = strconv.AppendUint(b, uint64(c.dst.Port()), 10)
	b = append(b, `,"session":"`...)
	b = appendSession(b, c.session)
	b = append(b, `","protocol":"`...)
	b = append(b, c.potType()...)
	return append(b, '"')
}

func appendSession(b []byte, n uint64) []byte {
	for shift := 44; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return b
}

// Bytes adds a text that an attacker sent. Bytes that are not UTF-8 make it
// <key>_escaped, as wire.AppendField does. key is plain ASCII.
func (e *Event) Bytes(key string, value []byte) *Event {
	if len(value) > MaxField {
		e.data = wire.AppendNumber(e.data, key+"_length", int64(len(value)))
		value = value[:MaxField]
	}
	e.data = wire.AppendField(e.data, key, value)
	return e
}

// String adds a text of ours, at most MaxField bytes.
func (e *Event) String(key, value string) *Event {
	e.data = wire.AppendField(e.data, key, value[:min(len(value), MaxField)])
	return e
}

// Number adds a whole number.
func (e *Event) Number(key string, n int64) *Event {
	e.data = wire.AppendNumber(e.data, key, n)
	return e
}

// Seconds adds a time as a number of seconds with three decimals.
func (e *Event) Seconds(key string, d time.Duration) *Event {
	var b [24]byte
	e.data = wire.AppendRaw(e.data, key, strconv.AppendFloat(b[:0], d.Seconds(), 'f', 3, 64))
	return e
}

// Send puts the event into the ring. What the ring can't take is counted
// there; what is beyond the address's budget is in the next summary.
func (e *Event) Send() {
	i := e.inst
	now := time.Since(i.m.cfg.Epoch)
	if e.conn.key == 0 || i.m.budget.take(e, now) {
		e.put(now)
	} else {
		i.count.summed.Add(1)
	}
	e.inst, e.conn, e.pot = nil, nil, nil
	e.ev = ring.Event{}
	if cap(e.data) > keepBuffer {
		e.data = nil
	}
	events.Put(e)
}

// what is the second half of the type.
func (e *Event) what() []byte { return e.typ[len(e.pot)+1:] }

func (e *Event) put(now time.Duration) {
	i := e.inst
	i.log.add(now, e.what(), space, e.src(), space, e.data[min(e.head+1, len(e.data)):])
	e.data = append(e.data, '}')
	if len(e.data) > wire.MaxData {
		i.m.cfg.Ring.CountLoss(i.id, 1)
	} else {
		e.ev.Mono, e.ev.PotID, e.ev.Pot, e.ev.Type, e.ev.Data = int64(now), i.id, e.pot, e.typ, e.data
		_, _ = i.m.cfg.Ring.Put(&e.ev) // counts its losses itself
	}
	i.count.events.Add(1)
}

var space = []byte{' '}

// src finds the source address in the data, for the log.
func (e *Event) src() []byte {
	const at = len(`{"src_ip":"`)
	end := at
	for end < e.head && e.data[end] != '"' {
		end++
	}
	return e.data[at:end]
}

// LoginFailed tells of a user and password that were refused.
func (c *Conn) LoginFailed(user, password []byte) { c.login("login.failed", user, password).Send() }

// LoginSuccess tells of a user and password that were accepted.
func (c *Conn) LoginSuccess(user, password []byte) { c.login("login.success", user, password).Send() }

// login begins the event of a login, and counts it.
func (c *Conn) login(what string, user, password []byte) *Event {
	c.l.inst.count.logins.Add(1)
	return c.Event(what).Bytes("username", user).Bytes("password", password)
}
