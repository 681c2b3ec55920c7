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
// pot_type is absent where event_type begins with it; data has lost its white
// space and the members that repeat an outer key; and what makes an event
// larger than a frame is named under "truncated", longest first.

// alarmFrame is what a frame holds besides the escaped events, in bytes.
var alarmFrame = len(wire.AppendAlarm(nil, "[]"))

// fillAlarm puts one frame of events into l.out. It needs more() to be true
// and returns 0 only when the event can't be sent in any form and is gone.
func (l *link) fillAlarm() (n int, last uint64) {
	room := l.frameLimit() - alarmFrame
	offset := l.wallOffset()
	list := append(l.list[:0], '[')
	for used := 0; l.more(); {
		start := len(list)
		if n > 0 {
			list = append(list, ',')
		}
		list = l.appendElement(list, offset, room, n == 0)
		if used += escapedLen(list[start:]); used > room {
			list = list[:start]
			break
		}
		l.held = false
		n, last = n+1, l.event.Seq
	}
	if n == 0 { // one event alone does not fit, cut as it may be
		l.held = false
		l.s.cfg.Ring.CountLoss(l.event.PotID, 1)
		return 0, 0
	}
	l.list = append(list, ']')
	l.out = wire.AppendAlarm(l.out[:0], l.list)
	return n, last
}

// escapedLen is how many bytes JSON text takes inside a JSON string: quotes
// and backslashes double, and it holds no raw control characters.
func escapedLen(text []byte) int {
	return len(text) + bytes.Count(text, []byte{'"'}) + bytes.Count(text, []byte{'\\'})
}

// appendElement appends l.event, cut until it fits into room escaped bytes
// when cut is true.
func (l *link) appendElement(dst []byte, offset int64, room int, cut bool) []byte {
	start := len(dst)
	e := &l.event
	data := parseMembers(l.members[:0], e.Data)
	l.members = data
	for i := range data {
		data[i].left = repeats(e, &data[i])
	}
	dst = l.appendCompact(dst, data, offset)
	for over := escapedLen(dst[start:]) - room; cut && over > 0; over = escapedLen(dst[start:]) - room {
		if !leaveLongest(data, over) {
			break
		}
		dst = l.appendCompact(dst[:start], data, offset)
	}
	return dst
}

func (l *link) appendCompact(dst []byte, data []member, offset int64) []byte {
	e := &l.event
	dst = append(dst, `{"event_id":"`...)
	dst = wire.AppendEventID(dst, l.boot(e), e.Number)
	dst = append(dst, '"')
	dst = wire.AppendField(dst, "pot_id", e.PotID)
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
