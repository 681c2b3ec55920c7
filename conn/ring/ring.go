// Package ring is the event store between the pots and the session with Core:
// a fixed number of bytes, set at the start and never more. Many pots put
// events in; one reader copies them out in batches behind a cursor, and an
// event leaves only when the reader says that Core has it (Forget) or when
// newer ones need its place. Then the oldest go first, and what was lost is
// counted for each pot.
//
//	tail             cursor              head
//	 │ read, not forgotten │ never read      │
//	 ▼                     ▼                 ▼
//	 [rec][rec][rec][rec]  [rec][rec][rec]   free …
//
// The package knows neither JSON nor sockets: an event's data is opaque bytes.
// A record in memory is its length in four bytes, and a MessagePack array.
package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// Limits. A record must fit many times into the smallest ring.
const (
	// MinSize is the smallest ring in bytes.
	MinSize = 256 << 10
	// MaxSize is the largest ring in bytes; offsets fit 32-bit machines.
	MaxSize = 1 << 30
	// MaxRecord is the largest record in bytes.
	MaxRecord = 64 << 10
	// maxPots is how many pots have a loss counter of their own; the rest
	// share one, named "other".
	maxPots = 64
)

const (
	header = 4
	// wrap in place of a length: the rest of the memory is unused.
	wrap = 1<<32 - 1
)

// ErrTooLarge is what Put returns for an event over MaxRecord.
var ErrTooLarge = errors.New("event too large for the ring")

// Ring is the event store. Its methods may be called by many goroutines, but
// Peek, Rewind and Forget only by one at a time.
type Ring struct {
	ready chan struct{} // holds a token when the waiting reader has something to read

	mu      sync.Mutex
	mem     []byte
	tail    position // oldest record
	cursor  position // next record to read
	head    position // next free byte
	waiting bool     // the reader found nothing and wants a token
	live    bool     // a session drains the ring: WaitRoom may wait
	room    chan struct{}
	stats   counters
}

// position is a place in the ring. Bytes only grow, the place in memory is
// what is left after division by its size.
type position struct {
	off uint64 // bytes since the start
	seq uint64 // of the record that begins here
}

// New makes a ring of size bytes whose first event gets the number first.
// The memory is reserved at once and used only as events come.
func New(size int, first uint64) (*Ring, error) {
	if size < MinSize || size > MaxSize {
		return nil, fmt.Errorf("ring of %d bytes: want %d to %d (-ring-size)", size, MinSize, MaxSize)
	}
	mem, err := reserve(size)
	if err != nil {
		return nil, fmt.Errorf("ring of %d bytes: %w (-ring-size)", size, err)
	}
	p := position{seq: first}
	return &Ring{
		mem: mem, tail: p, cursor: p, head: p,
		ready: make(chan struct{}, 1),
		stats: counters{dropped: make(map[string]uint64)},
	}, nil
}

// Close gives the memory back; nothing else may be called after it.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	release(r.mem)
	r.mem = nil
}

// Put stores a copy of e (its Seq is ignored) and returns the number it got.
// It never waits; when the ring is full the oldest events go. It allocates
// nothing.
func (r *Ring) Put(e *Event) (uint64, error) {
	need := header + e.maxSize()
	if need > MaxRecord {
		r.CountLoss(e.PotID, 1)
		return 0, ErrTooLarge
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reset()
	off := r.makeRoom(need)
	rec := e.append(r.mem[off+header : off+header])
	binary.NativeEndian.PutUint32(r.mem[off:], uint32(len(rec)))
	seq := r.head.seq
	r.head = position{r.head.off + uint64(header+len(rec)), seq + 1}
	r.stats.put++
	if r.waiting {
		r.waiting = false
		r.signal()
	}
	return seq, nil
}

// reset goes back to the start of the memory when the ring is empty, so that
// a quiet node touches only a little of it.
func (r *Ring) reset() {
	if r.tail.off == r.head.off {
		r.tail.off, r.cursor.off, r.head.off = 0, 0, 0
	}
}

// makeRoom drops the oldest records until need contiguous bytes are free at
// the head and returns their place in memory.
func (r *Ring) makeRoom(need int) int {
	size := uint64(len(r.mem))
	off := int(r.head.off % size)
	if rest := len(r.mem) - off; rest < need {
		r.freeUpTo(r.head.off + uint64(rest) + uint64(need))
		if rest >= header {
			binary.NativeEndian.PutUint32(r.mem[off:], wrap)
		}
		r.head.off += uint64(rest)
		if r.tail.seq == r.head.seq { // all dropped: nobody stands before the gap
			r.tail.off = r.head.off
		}
		if r.cursor.seq == r.head.seq {
			r.cursor.off = r.head.off
		}
		return 0
	}
	r.freeUpTo(r.head.off + uint64(need))
	return off
}

// freeUpTo drops records until the bytes before end are within one size of
// the tail.
func (r *Ring) freeUpTo(end uint64) {
	for end-r.tail.off > uint64(len(r.mem)) && r.tail.seq != r.head.seq {
		at := r.align(&r.tail)
		rec := r.record(at)
		if r.tail.seq < r.cursor.seq {
			r.stats.unsettled++
		} else {
			r.stats.drop(potOf(rec), 1)
			r.cursor = position{r.tail.off + uint64(header+len(rec)), r.tail.seq + 1}
		}
		r.tail = position{r.tail.off + uint64(header+len(rec)), r.tail.seq + 1}
	}
}

// align moves p over the unused end of the memory and returns its place.
func (r *Ring) align(p *position) int {
	size := uint64(len(r.mem))
	at := int(p.off % size)
	if rest := len(r.mem) - at; rest < header || binary.NativeEndian.Uint32(r.mem[at:]) == wrap {
		p.off += uint64(rest)
		return 0
	}
	return at
}

func (r *Ring) record(at int) []byte {
	n := binary.NativeEndian.Uint32(r.mem[at:])
	return r.mem[at+header : at+header+int(n)]
}

// Peek copies the next records into b, as many as its memory holds, and moves
// the cursor behind them. It returns how many. With 0 the reader may wait for
// Ready.
func (r *Ring) Peek(b *Batch) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.reset(r.cursor.seq)
	for r.cursor.seq != r.head.seq {
		at := r.align(&r.cursor)
		n := header + len(r.record(at))
		if !b.take(r.mem[at : at+n]) {
			break
		}
		r.cursor = position{r.cursor.off + uint64(n), r.cursor.seq + 1}
	}
	r.waiting = b.n == 0
	r.makeKnown()
	return b.n
}

// Ready has a token after Peek found nothing and something came.
func (r *Ring) Ready() <-chan struct{} { return r.ready }

func (r *Ring) signal() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// Forget removes every read event up to and including number seq.
func (r *Ring) Forget(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.tail.seq <= seq && r.tail.seq != r.cursor.seq {
		at := r.align(&r.tail)
		r.tail = position{r.tail.off + uint64(header+len(r.record(at))), r.tail.seq + 1}
		r.stats.forgotten++
	}
}

// Rewind moves the cursor back to the oldest event: a new connection sends
// again what the last one may not have delivered.
func (r *Ring) Rewind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor = r.tail
	if r.cursor.seq != r.head.seq {
		r.signal()
	}
}
