package ring

import "github.com/tinylib/msgp/msgp"

// Event is one thing that happened at a pot. The ring keeps a copy, so the
// slices stay the caller's.
type Event struct {
	Seq  uint64 // its position in the store, for Forget: given by Put, one more than the last event's
	Time int64  // nanoseconds since the Unix epoch as the event's source said; 0: it said nothing, Mono tells
	Mono int64  // nanoseconds since the node's start, on the monotonic clock, when the node took it in

	PotID []byte
	Pot   []byte // the pot's type
	Type  []byte // the event's type, <pot type>.<what>
	Data  []byte // a JSON object; opaque here

	// What names it for good; set by Batch.Next.
	Boot   uint64 // the run of the node that took it in; 0: this one
	Number uint64 // its number in that run
}

// fields of a record, a MessagePack array.
const fields = 6

// overhead is the most that MessagePack adds to an event besides its four
// slices: the array's header and two integers.
const overhead = 1 + 2*9

// maxSize is at least what append adds, and exactly that when both times are
// longer than 32 bits, as all but the first seconds are.
func (e *Event) maxSize() int {
	return overhead + binSize(e.PotID) + binSize(e.Pot) + binSize(e.Type) + binSize(e.Data)
}

// binSize is the size of MessagePack's bin 8, bin 16 and bin 32.
func binSize(b []byte) int {
	switch n := len(b); {
	case n < 1<<8:
		return 2 + n
	case n < 1<<16:
		return 3 + n
	default:
		return 5 + n
	}
}

// append encodes e; dst must have room for maxSize bytes.
func (e *Event) append(dst []byte) []byte {
	dst = msgp.AppendArrayHeader(dst, fields)
	dst = msgp.AppendBytes(dst, e.PotID)
	dst = msgp.AppendInt64(dst, e.Time)
	dst = msgp.AppendInt64(dst, e.Mono)
	dst = msgp.AppendBytes(dst, e.Pot)
	dst = msgp.AppendBytes(dst, e.Type)
	return msgp.AppendBytes(dst, e.Data)
}

// decode reads a record; the slices of e alias it.
func (e *Event) decode(rec []byte) error {
	n, rec, err := msgp.ReadArrayHeaderBytes(rec)
	if err != nil {
		return err
	}
	if n != fields {
		return msgp.ArrayError{Wanted: fields, Got: n}
	}
	if e.PotID, rec, err = msgp.ReadBytesZC(rec); err != nil {
		return err
	}
	if e.Time, rec, err = msgp.ReadInt64Bytes(rec); err != nil {
		return err
	}
	if e.Mono, rec, err = msgp.ReadInt64Bytes(rec); err != nil {
		return err
	}
	if e.Pot, rec, err = msgp.ReadBytesZC(rec); err != nil {
		return err
	}
	if e.Type, rec, err = msgp.ReadBytesZC(rec); err != nil {
		return err
	}
	e.Data, _, err = msgp.ReadBytesZC(rec)
	return err
}

// potOf reads only the pot's id, for the loss counters.
func potOf(rec []byte) []byte {
	_, rec, err := msgp.ReadArrayHeaderBytes(rec)
	if err != nil {
		return nil
	}
	id, _, _ := msgp.ReadBytesZC(rec)
	return id
}
