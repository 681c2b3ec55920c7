// Package jsonline reads the lines that honeypots write: one JSON object a
// line, of which an event's pot id, pot type, event type, time and data are
// taken. One pass validates (RFC 8259, strictly) and finds; nothing is
// allocated and the input is never changed or kept.
//
// It does no I/O and never fails to give valid JSON in valid UTF-8: bytes in
// strings that are not UTF-8, lone surrogates and numbers that other readers
// can't hold are attackers' bytes, which are taken and rewritten (rewrite.go),
// never refused or replaced.
package jsonline

import (
	"errors"
	"unicode/utf8"

	"forager/conn/wire"
)

// Limits.
const (
	// MaxLine is the longest line in bytes, its newline included.
	MaxLine = 64 << 10
	// MaxDepth is how deep objects and arrays may stand in each other, the
	// line's object being the first. Core reads 128, its envelope included.
	MaxDepth = 64
)

// What is wrong with a line.
var (
	ErrSyntax   = errors.New("not one JSON object")
	ErrDepth    = errors.New("nested too deep")
	ErrTooLarge = errors.New("data too large for a frame")
)

// The members that are looked for, in the order of preference where several
// mean the same.
const (
	slotPotID = iota
	slotPotID2
	slotPotID3
	slotPotType
	slotPotType2
	slotEventType
	slotEventType2
	slotTime
	slotData
	slots
	none = slots
)

// Line is one line and what was found in it. The zero value is ready, and
// using it again allocates nothing. The slices point into the line that Parse
// was given or into the Line, and are valid until the next Parse.
type Line struct {
	PotID     []byte // at most wire.MaxName bytes; nil: the line says none
	PotType   []byte // at most wire.MaxName bytes; nil: none, and no event type either
	EventType []byte // at most wire.MaxEventType bytes; nil: none
	Time      int64  // nanoseconds since the Unix epoch; 0: the line says none that can be read
	Data      []byte // one JSON object in valid UTF-8, at most wire.MaxData bytes
	Offset    int    // after an error: where in the line it was found

	found   [slots]span
	marks   marks // of the string last read
	rewrite bool  // there is something that can't stay as it came

	id, kind [wire.MaxName]byte
	event    [wire.MaxEventType]byte
	out      []byte // rewritten data
}

// span is the place of a value in the line; strings without their quotes.
type span struct {
	from, to int32
	form     form
}

// form is what a found value is.
type form uint8

const (
	absent  form = iota
	text         // a string that stands for itself
	encoded      // a string with escapes or stray bytes
	number
	object
)

// marks is what a string holds beside plain text.
type marks uint8

const (
	escaped marks = 1 << iota // a backslash
	stray                     // bytes that are not UTF-8, or a lone surrogate
)

// Parse reads one line without its newline; space around the object is
// allowed. The first usable value of a key wins: one of the wrong type, an
// empty string or a second one of the same key counts as absent. Numbers are
// taken as ids and types by their text. After ErrTooLarge everything but Data
// is set, and after another error PotID is if it was found before, so that the
// loss can be counted for its pot.
func (l *Line) Parse(line []byte) error {
	l.found = [slots]span{}
	l.rewrite = false
	from, to, err := l.scan(line)
	l.PotID = l.name(line, l.id[:0], slotPotID, slotPotID2, slotPotID3)
	if err != nil {
		return err
	}
	l.EventType = l.name(line, l.event[:0], slotEventType, slotEventType2)
	if l.PotType = l.name(line, l.kind[:0], slotPotType, slotPotType2); l.PotType == nil {
		l.PotType = firstWord(l.EventType)
	}
	l.Time = l.time(line)
	if d := l.found[slotData]; d.form == object {
		from, to = int(d.from), int(d.to)
	}
	l.Data = line[from:to]
	if l.rewrite {
		l.Data = l.rewritten(l.Data)
	}
	if len(l.Data) > wire.MaxData {
		l.Data, l.Offset = nil, 0
		return ErrTooLarge
	}
	return nil
}

// name returns the first of the slots that was found, its escapes decoded
// into buf and cut to buf's capacity between two characters.
func (l *Line) name(line, buf []byte, in ...int) []byte {
	for _, slot := range in {
		s := l.found[slot]
		switch raw := line[s.from:s.to]; s.form {
		case text, number:
			return cut(raw, cap(buf))
		case encoded:
			return decode(buf, raw)
		}
	}
	return nil
}

// firstWord is what stands before the first separator: cowrie of
// cowrie.session.connect.
func firstWord(s []byte) []byte {
	for i, c := range s {
		switch c {
		case '.', ' ', ':', '/':
			if i == 0 {
				return nil
			}
			return cut(s[:i], wire.MaxName)
		}
	}
	return cut(s, wire.MaxName)
}

func (l *Line) time(line []byte) int64 {
	s := l.found[slotTime]
	raw := line[s.from:s.to]
	switch s.form {
	case text:
		return ParseTime(raw)
	case number:
		return ParseUnix(raw)
	case encoded:
		var buf [64]byte
		return ParseTime(decode(buf[:0], raw))
	}
	return 0
}

// slot tells which of the members looked for key is. Lengths tell most keys
// apart at once.
func slot(key []byte) int {
	switch len(key) {
	case 4:
		if string(key) == "data" {
			return slotData
		}
	case 6:
		if string(key) == "pot_id" {
			return slotPotID
		}
		if string(key) == "sensor" {
			return slotPotID3
		}
	case 7:
		if string(key) == "eventid" {
			return slotEventType2
		}
	case 8:
		if string(key) == "pot_type" {
			return slotPotType
		}
	case 9:
		if string(key) == "timestamp" {
			return slotTime
		}
	case 10:
		if string(key) == "event_type" {
			return slotEventType
		}
	case 20:
		if string(key) == "honeybee_honeypot_id" {
			return slotPotID2
		}
	case 22:
		if string(key) == "honeybee_honeypot_type" {
			return slotPotType2
		}
	}
	return none
}

// slotEscaped is slot for a key that is spelt with escapes.
func slotEscaped(raw []byte) int {
	var buf [22 + utf8.UTFMax]byte // room for one character behind the longest key: a cut key matches none
	return slot(decode(buf[:0], raw))
}
