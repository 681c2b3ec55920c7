package ring

import "encoding/binary"

// Batch holds a copy of consecutive records, so that the reader works on them
// without holding up the pots.
type Batch struct {
	first  uint64 // position of the first
	number uint64 // and its number in its run of the node
	boot   uint64 // of an earlier run; 0: of this one
	fix    clockFix
	n      int
	read   int
	buf    []byte
	rest   []byte
}

// NewBatch makes a batch that holds up to size bytes of records, at least one
// of the largest.
func NewBatch(size int) *Batch { return &Batch{buf: make([]byte, 0, max(size, MaxRecord+header))} }

func (b *Batch) reset(first uint64) {
	*b = Batch{first: first, number: first, buf: b.buf[:0]}
}

func (b *Batch) take(rec []byte) bool {
	if len(b.buf)+len(rec) > cap(b.buf) {
		return false
	}
	b.buf = append(b.buf, rec...)
	b.rest = b.buf
	b.n++
	return true
}

// Next decodes the next event into e, whose slices are valid until the batch
// is filled again. It returns false at the end, or where the records cannot
// be read any further; a record that is no event is passed over.
func (b *Batch) Next(e *Event) bool {
	for len(b.rest) >= header {
		n := binary.LittleEndian.Uint32(b.rest)
		if uint64(n) > uint64(len(b.rest)-header) {
			b.rest = nil
			break
		}
		rec := b.rest[header : header+n]
		b.rest = b.rest[header+n:]
		b.read++
		if e.decode(rec) == nil {
			e.Seq = b.first + uint64(b.read) - 1
			e.Number, e.Boot = b.number+uint64(b.read)-1, b.boot
			if b.boot != 0 {
				b.fix.apply(e)
			}
			return true
		}
	}
	return false
}

// skip passes over the events before position pos.
func (b *Batch) skip(pos uint64) {
	for b.first+uint64(b.read) < pos && len(b.rest) >= header {
		b.rest = b.rest[header+binary.LittleEndian.Uint32(b.rest):]
		b.read++
	}
}

// Last is the number of the last event in the batch; the batch must not be
// empty.
func (b *Batch) Last() uint64 { return b.first + uint64(b.n) - 1 }

// Left is how many of them Next has not given yet.
func (b *Batch) Left() int { return b.n - b.read }

// Len is how many events the batch holds.
func (b *Batch) Len() int { return b.n }
