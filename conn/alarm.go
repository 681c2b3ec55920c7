package conn

import (
	"bytes"

	"forager/conn/ring"
	"forager/conn/wire"
)

// Dialect core: events travel as a JSON array in the description of a
// NodeEvent Alarm, as many as fit into one frame. What the other keys of an
// element already say is left out of it:
//
//	{"event_id":…,"pot_id":…,"pot_type":…,"event_type":…,"timestamp":…,"data":{…}}
//
// pot_id is absent where it is that of the element before; pot_type is absent
// where event_type begins with it; data has lost its white
// space and the members that repeat an outer key; and what makes an event
// larger than a frame is named under "truncated", longest first.

// alarmFrame is what a frame holds besides the escaped events, in bytes.
var alarmFrame = len(wire.AppendAlarm(nil, "[]"))

// fillAlarm gathers one frame of events in l.out and returns how many, and the
// number up to which all are now written. It returns 0 when there are none.
//
// The oldest goes first, and behind it what of the window fills the frame best:
// in order, half an event's room would stay unused, an eighth of a small
// segment.
func (l *link) fillAlarm() (n int, last uint64) {
	room, offset := l.frameLimit()-alarmFrame, l.wallOffset()
	if !l.look(offset) {
		return 0, 0
	}
	list := append(l.list[:0], '[')
	before := []byte(nil) // the pot of the element before
	for i := 0; i >= 0; i = l.choose(before, room) {
		w := &l.window[i]
		w.sent = true
		start := len(list)
		if n > 0 {
			list = append(list, ',')
		}
		cut := room
		if n > 0 {
			cut = wire.MaxFrame // it has a frame of its own to be cut for
		}
		list = l.appendElement(list, &w.Event, before, offset, cut)
		used := escapedLen(list[start:])
		if used > room {
			list = list[:start]
			if w.sent = n == 0; w.sent { // alone, and cut as it may be
				l.s.cfg.Ring.CountLoss(w.PotID, 1)
			}
			break // else its time has got more digits since its size was taken
		}
		room, before = room-used, w.PotID
		n++
	}
	l.list = append(list, ']')
	l.out = wire.AppendAlarm(l.out[:0], l.list)
	return n, l.written()
}

// choose returns the place in the window of the event to add next, or -1 when
// none fits: in order while there is room for many, then the one that, with
// another or alone, leaves least unused.
func (l *link) choose(before []byte, room int) int {
	best, most := -1, 0
	for i := range l.window {
		used := l.window[i].fits(before, room)
		if used == 0 {
			continue
		}
		if room > manyFit {
			return i
		}
		sum := used
		for j := i + 1; j < len(l.window); j++ {
			if more := l.window[j].fits(before, room-used); used+more > sum {
				sum = used + more
			}
		}
		if sum > most {
			best, most = i, sum
		}
	}
	return best
}

// manyFit is the room in escaped bytes in which several events fit.
const manyFit = 1500

// fits returns what w takes behind an element of the pot before, or 0 when it
// is sent or does not fit.
func (w *waiting) fits(before []byte, room int) int {
	if size := w.size - sameID(before, w.PotID); !w.sent && size <= room {
		return size
	}
	return 0
}

// sameID is how many escaped bytes a pot's id saves when the element before has
// it too.
func sameID(before, id []byte) int {
	if !bytes.Equal(before, id) {
		return 0
	}
	return len(`,\"pot_id\":\"\"`) + len(id)
}

// waiting is one event in sight of fillAlarm.
type waiting struct {
	ring.Event
	size int // of its whole element, in escaped bytes
	sent bool
}

// maxWindow is how many events fillAlarm chooses from.
const maxWindow = 64

// look drops the window's sent events from its front and adds new ones behind.
// It returns false when there is nothing to send.
func (l *link) look(offset int64) bool {
	sent := 0
	for sent < len(l.window) && l.window[sent].sent {
		sent++
	}
	l.window = append(l.window[:0], l.window[sent:]...)
	for len(l.window) < maxWindow {
		w := waiting{}
		if !l.batch.Next(&w.Event) {
			// The window's events lie in the batch's memory: it is filled
			// again only when none is left.
			if len(l.window) > 0 || l.s.cfg.Ring.Peek(l.batch) == 0 {
				break
			}
			continue
		}
		l.list = l.appendElement(l.list[:0], &w.Event, nil, offset, wire.MaxFrame)
		w.size = escapedLen(l.list) + 1
		l.window = append(l.window, w)
	}
	return len(l.window) > 0
}

// written is the number up to which every event of the window is sent.
func (l *link) written() (seq uint64) {
	for i := range l.window {
		if !l.window[i].sent {
			break
		}
		seq = l.window[i].Seq
	}
	return seq
}

// escapedLen is how many bytes JSON text takes inside a JSON string: quotes
// and backslashes double, and it holds no raw control characters.
func escapedLen(text []byte) int {
	return len(text) + bytes.Count(text, []byte{'"'}) + bytes.Count(text, []byte{'\\'})
}

// appendElement appends e, cut until it takes at most room escaped bytes or
// nothing of its data is left. before is the pot of the element before.
func (l *link) appendElement(dst []byte, e *ring.Event, before []byte, offset int64, room int) []byte {
	start := len(dst)
	data := parseMembers(l.members[:0], e.Data)
	l.members = data
	for i := range data {
		data[i].left = repeats(e, &data[i])
	}
	dst = l.appendCompact(dst, e, before, data, offset)
	for over := escapedLen(dst[start:]) - room; over > 0; over = escapedLen(dst[start:]) - room {
		if !leaveLongest(data, over) {
			break
		}
		dst = l.appendCompact(dst[:start], e, before, data, offset)
	}
	return dst
}

func (l *link) appendCompact(dst []byte, e *ring.Event, before []byte, data []member, offset int64) []byte {
	dst = append(dst, `{"event_id":"`...)
	dst = wire.AppendEventID(dst, l.boot(e), e.Number)
	dst = append(dst, '"')
	if before == nil || !bytes.Equal(before, e.PotID) {
		dst = wire.AppendField(dst, "pot_id", e.PotID)
	}
	if !startsWithWord(e.Type, e.Pot) {
		dst = wire.AppendField(dst, "pot_type", e.Pot)
	}
	dst = wire.AppendField(dst, "event_type", e.Type)
	dst = append(dst, `,"timestamp":"`...)
	dst = wire.AppendTime(dst, eventTime(e, offset))
	dst = append(dst, `","data":{`...)
	for i := range data {
		if m := &data[i]; !m.left && !m.cut {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = append(append(dst, m.key...), ':')
			dst = appendTight(dst, m.value)
		}
	}
	return append(appendCutNames(append(dst, '}'), data), '}')
}

func startsWithWord(s, word []byte) bool {
	return len(s) > len(word) && bytes.HasPrefix(s, word) && s[len(word)] == '.'
}

// repeated are the keys of data that an outer key of the element says again,
// where the node took it from them (protocol section 4).
var repeated = []struct {
	key   string
	outer func(*ring.Event) []byte // nil: the time
}{
	{`"timestamp"`, nil},
	{`"eventid"`, func(e *ring.Event) []byte { return e.Type }},
	{`"event_type"`, func(e *ring.Event) []byte { return e.Type }},
	{`"pot_type"`, func(e *ring.Event) []byte { return e.Pot }},
	{`"honeybee_honeypot_type"`, func(e *ring.Event) []byte { return e.Pot }},
	{`"pot_id"`, func(e *ring.Event) []byte { return e.PotID }},
	{`"honeybee_honeypot_id"`, func(e *ring.Event) []byte { return e.PotID }},
	{`"sensor"`, func(e *ring.Event) []byte { return e.PotID }},
}

func repeats(e *ring.Event, m *member) bool {
	for i := range repeated {
		r := &repeated[i]
		if string(m.key) != r.key {
			continue
		}
		if r.outer == nil {
			return e.Time != 0
		}
		want, v := r.outer(e), m.value
		return len(v) == len(want)+2 && v[0] == '"' && bytes.Equal(v[1:len(v)-1], want)
	}
	return false
}
