package ring

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A segment is a file of batches, one behind the other. It has no header of
// its own: each batch says which run of the node it comes from, so that damage
// anywhere costs the batch it hits and no other. All numbers are
// little-endian.
//
//	 0  magic       F5 'f' 's' 1: format 1; F5 occurs in no JSON text
//	 4  length      bytes of records behind this header
//	 8  boot        the run of the node
//	16  first       number of the first event; the others follow without a gap
//	24  count       of events
//	28  flags       bit 0: the clock could be trusted
//	32  mono        when this was written: nanoseconds since the node's start
//	40  unix        the same moment by the clock, nanoseconds since the Unix epoch
//	48  records CRC CRC-32C (RFC 3720 appendix B.4) of the records
//	52  header CRC  CRC-32C of bytes 0 to 51
//	56  records     as in the ring: length in four bytes, MessagePack array
const (
	batchHeader = 56
	// maxPayload is the most bytes of records in a batch: the largest record,
	// and what every Batch can hold.
	maxPayload = MaxRecord + header
	flagSane   = 1
	// maxRange bounds the numbers in one segment, which keeps positions far
	// from where a uint64 ends, whatever a file says.
	maxRange = 1 << 40
)

var magic = []byte{0xf5, 'f', 's', 1}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBroken = errors.New("batch is broken")

// batchHead is what stands before the records of a batch.
type batchHead struct {
	length int
	boot   uint64
	first  uint64
	count  uint64
	anchor anchor
	sum    uint32
}

// anchor is a moment by both clocks.
type anchor struct {
	mono int64 // nanoseconds since the node's start
	unix int64 // nanoseconds since the Unix epoch
	sane bool  // the clock could be trusted
}

// put writes h into dst, batchHeader bytes long.
func (h *batchHead) put(dst []byte) {
	copy(dst, magic)
	le := binary.LittleEndian
	le.PutUint32(dst[4:], uint32(h.length))
	le.PutUint64(dst[8:], h.boot)
	le.PutUint64(dst[16:], h.first)
	le.PutUint32(dst[24:], uint32(h.count))
	var flags uint32
	if h.anchor.sane {
		flags = flagSane
	}
	le.PutUint32(dst[28:], flags)
	le.PutUint64(dst[32:], uint64(h.anchor.mono))
	le.PutUint64(dst[40:], uint64(h.anchor.unix))
	le.PutUint32(dst[48:], h.sum)
	le.PutUint32(dst[52:], crc32.Checksum(dst[:52], castagnoli))
}

// parseHead reads a header; false when src does not begin with one.
func parseHead(src []byte) (batchHead, bool) {
	le := binary.LittleEndian
	if !bytes.HasPrefix(src, magic) || le.Uint32(src[52:]) != crc32.Checksum(src[:52], castagnoli) {
		return batchHead{}, false
	}
	h := batchHead{
		boot: le.Uint64(src[8:]), first: le.Uint64(src[16:]), count: uint64(le.Uint32(src[24:])), sum: le.Uint32(src[48:]),
		anchor: anchor{mono: int64(le.Uint64(src[32:])), unix: int64(le.Uint64(src[40:])), sane: le.Uint32(src[28:])&flagSane != 0},
	}
	length := le.Uint32(src[4:])
	h.length = int(min(length, math.MaxInt32))
	return h, length <= maxPayload && h.count > 0 && h.count <= uint64(length)/header && h.first+h.count > h.first
}

// walker goes through the batches of a segment by their headers.
type walker struct {
	f    io.ReaderAt
	off  int64 // of the next batch
	end  int64 // of the file
	at   int64 // of the records of the batch found last
	buf  [batchHeader]byte
	torn bool // the file ends within a batch
	// tornEvents is how many events the batch at the end had; 0: unknown.
	tornEvents uint64
	broken     uint64 // stretches without a readable header
}

// next finds the next batch whose header is whole and whose records are all
// there. It returns io.EOF at the end, or the file's error.
func (w *walker) next() (h batchHead, err error) {
	if w.off >= w.end {
		return h, io.EOF
	}
	if w.end-w.off < batchHeader {
		return h, w.tear(0)
	}
	if err := readFull(w.f, w.buf[:], w.off); err != nil {
		return h, err
	}
	h, ok := parseHead(w.buf[:])
	if !ok {
		found, err := w.search(w.off + 1)
		if err != nil {
			return h, err
		}
		if found < 0 {
			return h, w.tear(0)
		}
		w.broken++
		w.off = found
		return w.next()
	}
	if w.end-w.off-batchHeader < int64(h.length) {
		return h, w.tear(h.count)
	}
	w.at = w.off + batchHeader
	w.off = w.at + int64(h.length)
	return h, nil
}

func (w *walker) tear(events uint64) error {
	w.torn, w.tornEvents, w.off = true, events, w.end
	return io.EOF
}

// searchStep is how many bytes search reads at once.
const searchStep = 4 << 10

// search finds the next readable header at or after from; -1 when there is
// none.
func (w *walker) search(from int64) (int64, error) {
	buf := make([]byte, searchStep)
	for w.end-from >= batchHeader {
		part := buf[:min(searchStep, w.end-from)]
		if err := readFull(w.f, part, from); err != nil {
			return 0, err
		}
		last := len(part) - batchHeader // where the last whole header can begin
		for i := 0; i <= last; i++ {
			n := bytes.Index(part[i:], magic)
			if n < 0 || i+n > last {
				break
			}
			i += n
			if _, ok := parseHead(part[i:]); ok {
				return from + int64(i), nil
			}
		}
		from += int64(last + 1)
	}
	return -1, nil
}

// readFull fills p; a file that is shorter than it was is an error.
func readFull(f io.ReaderAt, p []byte, off int64) error {
	n, err := f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at %d: %w", len(p), off, err)
}

// load reads the records of a batch into b and checks them: errBroken when
// they are not what was written.
func (b *Batch) load(f io.ReaderAt, off int64, h *batchHead) error {
	b.reset(h.first)
	b.buf = b.buf[:h.length]
	if err := readFull(f, b.buf, off); err != nil {
		b.reset(0)
		return err
	}
	if crc32.Checksum(b.buf, castagnoli) != h.sum || countRecords(b.buf) != h.count {
		b.reset(0)
		return errBroken
	}
	b.rest, b.n = b.buf, int(h.count)
	return nil
}

// decodes tells whether every record is an event: one that is not could never
// be forgotten.
func (b *Batch) decodes() bool {
	n := 0
	for e := (Event{}); b.Next(&e); {
		n++
	}
	return n == b.n
}

// countRecords returns 0 when the records do not fill p to its end.
func countRecords(p []byte) (n uint64) {
	for ; len(p) >= header; n++ {
		length := binary.LittleEndian.Uint32(p)
		if uint64(length) > uint64(len(p)-header) {
			return 0
		}
		p = p[header+length:]
	}
	if len(p) > 0 {
		return 0
	}
	return n
}

// segment is what is remembered of a file. Its batches hold events of one run
// of the node, in ascending order.
type segment struct {
	num   uint64 // names the file
	disk  int64  // bytes on flash
	size  int64  // bytes of it that are known to be there, and may be read
	boot  uint64
	own   bool   // of this run
	first uint64 // position of its first event
	end   uint64 // position behind its last event
	delta uint64 // what makes a position of an event's number in its run
	left  uint64 // events not forgotten

	fix   clockFix
	fails int  // times in a row it could not be opened
	gone  bool // unreadable: nothing more comes from it
	// bad is where the records are of batches that are broken and counted;
	// true: they were whole when they were written or found at the start.
	bad map[int64]bool
}

// damage is what could not be read back at the start.
type damage struct {
	torn, broken uint64 // ends of files, batches
	events       uint64 // known to have been in them
}

// scan reads a file of an earlier run from end to end: g learns what is in it,
// with positions equal to numbers; best is the anchor to go by. b is scratch.
func (g *segment) scan(f io.ReaderAt, b *Batch) (d damage, best anchor, err error) {
	w := walker{f: f, end: g.size}
	for {
		h, err := w.next()
		if err != nil {
			d.broken += w.broken
			if w.torn {
				d.torn++
				d.events += w.tornEvents
			}
			if err == io.EOF {
				err = nil
			}
			return d, best, err
		}
		err = b.load(f, w.at, &h)
		if err == nil && !(b.decodes() && g.adds(&h)) {
			err = errBroken
		}
		switch {
		case err == nil:
			if h.anchor.sane || !best.sane {
				best = h.anchor
			}
		case err == errBroken:
			g.markBad(w.at, false)
			d.broken++
			d.events += h.count
		default:
			return d, best, err
		}
	}
}

// adds takes a batch in, unless it can't stand behind those before it.
func (g *segment) adds(h *batchHead) bool {
	last := h.first + h.count
	switch {
	case g.left == 0:
		g.boot, g.first = h.boot, h.first
	case h.boot != g.boot || h.first < g.end || last-g.first > maxRange:
		return false
	}
	g.end = last
	g.left += h.count
	return true
}

// markBad returns true the first time.
func (g *segment) markBad(at int64, whole bool) bool {
	if _, known := g.bad[at]; known {
		return false
	}
	if g.bad == nil {
		g.bad = make(map[int64]bool)
	}
	g.bad[at] = whole
	return true
}

// forget notes that Core has all events up to position pos and returns how
// many of this segment that were. Where numbers are missing between batches
// it may count early ones late, never more than there are.
func (g *segment) forget(pos uint64) (n uint64) {
	if pos < g.first {
		return 0
	}
	left := uint64(0)
	if pos+1 < g.end {
		left = min(g.left, g.end-pos-1)
	}
	n = g.left - left
	g.left = left
	return n
}
