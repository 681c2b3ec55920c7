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
	// keep is how many bytes of an empty ring stay in use after a burst; a
	// multiple of every Linux page size.
	keep = 64 << 10
	// maxPots is how many pots have a loss counter of their own; the rest
	// share one, named "other".
	maxPots = 64
	// maxPotID is how much of a pot's id names its counter, in bytes.
	maxPotID = 64
)

const (
	header = 4
	// wrap in place of a length: the rest of the memory is unused.
	wrap = 1<<32 - 1
)

// Why Put refuses an event; each refusal is counted as a loss.
var (
	ErrTooLarge = errors.New("event too large for the ring")
	ErrClosed   = errors.New("the ring is closed")
)

// Ring is the event store. Its methods may be called by many goroutines, but
// Peek, Rewind and Forget only by one at a time.
type Ring struct {
	ready chan struct{} // holds a token when the waiting reader has something to read

	// copying is held while Peek copies records that it has not yet passed,
	// and is only ever asked for by a holder of mu.
	copying sync.Mutex

	mu      sync.Mutex
	mem     []byte        // nil: closed
	tail    position      // oldest record
	cursor  position      // next record to read
	head    position      // next free byte
	touched int           // bytes of mem used since it was last given back
	waiting bool          // the reader found nothing and wants a token
	live    bool          // a session drains the ring: WaitRoom may wait
	room    chan struct{} // closed when those in WaitRoom should look again
	flash   *Spool        // nil: none
	onPut   func(mono int64)
	alarm   uint64 // head.off that wakes the spool
	stats   counters
}

// position is a place in the ring.
type position struct {
	at  int    // index into the memory
	off uint64 // bytes since the ring was last empty, unused ends of the memory included
	seq uint64 // of the record that begins here
}

// next moves p behind a record of n bytes.
func (p *position) next(n int) {
	p.at += n
	p.off += uint64(n)
	p.seq++
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
		ready: make(chan struct{}, 1), alarm: never,
		stats: counters{dropped: make(map[string]*uint64)},
	}, nil
}

// OnPut has f called with the Mono of every event that is put, under the
// ring's lock: f must not block. It is set before the first event.
func (r *Ring) OnPut(f func(mono int64)) { r.onPut = f }

// Close gives the memory back and wakes those in WaitRoom. The events it held
// are gone; those that still come are refused and counted.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mem == nil {
		return
	}
	r.awaitCopy()
	release(r.mem)
	r.mem, r.live = nil, false
	r.tail, r.cursor = r.head, r.head
	r.wakeWaiters()
}

// Put stores a copy of e (its Seq is ignored) and returns the number it got.
// It never waits, but for a batch that is being copied, which takes
// microseconds; when the ring is full the oldest events go. It allocates
// nothing.
func (r *Ring) Put(e *Event) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	need := header + e.maxSize()
	if err := r.refuses(need); err != nil {
		r.stats.drop(&r.stats.loss.Refused, e.PotID, 1)
		return 0, err
	}
	r.makeRoom(need)
	at, seq := r.head.at, r.head.seq
	rec := e.append(r.mem[at+header : at+header])
	binary.LittleEndian.PutUint32(r.mem[at:], uint32(len(rec)))
	r.head.next(header + len(rec))
	r.touched = max(r.touched, r.head.at)
	r.stats.put++
	if r.onPut != nil {
		r.onPut(e.Mono)
	}
	if r.waiting {
		r.waiting = false
		r.signal()
	}
	if r.head.off >= r.alarm {
		r.alarm = never
		r.flash.nudge()
	}
	return seq, nil
}

func (r *Ring) refuses(need int) error {
	switch {
	case need > MaxRecord:
		return ErrTooLarge
	case r.mem == nil:
		return ErrClosed
	}
	return nil
}

// makeRoom drops the oldest records until need bytes in one piece are free at
// the head, which goes back to the start of the memory when its end is too
// short. That is never all of them: MinSize holds an end and two records.
func (r *Ring) makeRoom(need int) {
	rest := len(r.mem) - r.head.at
	if rest >= need {
		r.dropUntilFree(need)
		return
	}
	r.dropUntilFree(rest + need)
	if rest >= header {
		binary.LittleEndian.PutUint32(r.mem[r.head.at:], wrap)
	}
	r.head.at = 0
	r.head.off += uint64(rest)
}

func (r *Ring) dropUntilFree(n int) {
	for r.tail.seq != r.head.seq {
		r.align(&r.tail) // an unused end before it is free, and may be written over
		if r.cursor.seq == r.tail.seq {
			r.cursor = r.tail
		}
		if r.head.off-r.tail.off <= uint64(len(r.mem)-n) {
			return
		}
		r.dropOldest()
	}
}

// dropOldest counts an event that was read as unsettled, since Core probably
// has it, and one that was not, or not again since a Rewind, as lost. One that
// is on flash is neither.
func (r *Ring) dropOldest() {
	rec := r.record(&r.tail)
	seq := r.tail.seq
	unread := seq == r.cursor.seq
	r.tail.next(header + len(rec))
	if unread {
		r.awaitCopy()
		r.cursor = r.tail
	}
	switch {
	case r.flash.keeps(seq):
		r.flash.spilled(seq, unread)
	case unread:
		r.stats.drop(&r.stats.loss.Pushed, potOf(rec), 1)
	default:
		r.stats.unsettled++
	}
}

// align moves p, which must not be the head, over the unused end of the
// memory.
func (r *Ring) align(p *position) {
	rest := len(r.mem) - p.at
	if rest < header || binary.LittleEndian.Uint32(r.mem[p.at:]) == wrap {
		p.at = 0
		p.off += uint64(rest)
	}
}

// record returns the record at p, which must not be the head.
func (r *Ring) record(p *position) []byte {
	r.align(p)
	n := int(binary.LittleEndian.Uint32(r.mem[p.at:]))
	return r.mem[p.at+header : p.at+header+n]
}

// awaitCopy returns when nothing is being copied that the cursor has not
// passed. The holder of mu calls it before such records, or the memory, go.
func (r *Ring) awaitCopy() {
	r.copying.Lock()
	defer r.copying.Unlock() // the wait is all
}

// Peek copies the next records into b, as many as its memory holds, and moves
// the cursor behind them. It returns how many. With 0 the reader may wait for
// Ready. It allocates nothing, unless it reads from flash.
func (r *Ring) Peek(b *Batch) int {
	p, spooled := r.peek(b)
	for spooled {
		if r.flash.read(b, p); b.n > 0 {
			break
		}
		p, spooled = r.peek(b)
	}
	return b.n - b.read
}

// peek is Peek unless what comes next is on flash: then it says where.
func (r *Ring) peek(b *Batch) (p place, spooled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, spooled = r.flash.next()
	if p.g != nil {
		return p, true
	}
	b.reset(r.cursor.seq)
	for !spooled && r.cursor.seq != r.head.seq && b.n == b.read {
		r.copyOut(b)
	}
	r.waiting = b.n == 0
	r.wakeWaiters()
	return place{}, false
}

// copyOut fills b from the cursor on and moves the cursor behind it. The
// records were just written by another processor, and to fetch them from there
// is most of the work: so Put goes on meanwhile. What it drops between the copy
// and the return of the lock counts as lost, and b passes over it. With a spool
// Put has to wait, since what it drops would have to be read from flash.
func (r *Ring) copyOut(b *Batch) {
	r.align(&r.cursor) // the unused end before it may be written over
	b.reset(r.cursor.seq)
	p, end := r.cursor, r.head.seq
	if r.flash == nil {
		r.copying.Lock()
		r.mu.Unlock()
	}
	for p.seq != end {
		n := header + len(r.record(&p))
		if !b.take(r.mem[p.at : p.at+n]) {
			break
		}
		p.next(n)
	}
	if r.flash == nil {
		r.copying.Unlock()
		r.mu.Lock()
	}
	b.skip(r.cursor.seq)
	if p.seq > r.cursor.seq {
		r.cursor = p
	}
}

// Ready has a token after Peek found nothing and something came, or Rewind
// brought something back. A token may also be an old one: then Peek finds
// nothing once more.
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
	r.stats.forgotten += r.flash.forget(seq)
	for r.tail.seq <= seq && r.tail.seq != r.cursor.seq {
		r.tail.next(header + len(r.record(&r.tail)))
		r.stats.forgotten++
	}
	if r.tail.seq == r.head.seq {
		r.startOver()
	}
}

// startOver goes back to the start of the memory when the ring is empty, so
// that a quiet node uses only a little of it, and gives the rest back that a
// burst used.
func (r *Ring) startOver() {
	p := position{seq: r.head.seq}
	r.tail, r.cursor, r.head = p, p, p
	r.flash.startOver(p)
	if r.touched > keep {
		discard(r.mem[keep:r.touched])
		r.touched = 0
	}
}

// Rewind moves the cursor back to the oldest event: a new connection sends
// again what the last one may not have delivered. Until then these events
// count as unread.
func (r *Ring) Rewind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursor = r.tail
	r.flash.rewind()
	if r.cursor.seq != r.head.seq {
		r.signal()
	}
}
