package ring

import (
	"errors"
	"fmt"
	"os"
	"time"

	"forager/board"
)

// The spool is the ring's copy on flash, for what memory does not outlive: a
// power cut, a restart, and an outage longer than the ring.
//
// A second reader copies events out of the ring while no session drains it,
// at the end, and when the ring is about to push out what was never copied. It
// writes them as batches to segment files. The session reads one store: events
// of earlier runs, then those of this run that only flash holds, then the ring;
// an event that is in both comes from the ring.
//
//	          flash only          in both        ring only
//	[seg][seg][seg][seg][seg …]
//	                        tail [rec][rec] copied [rec][rec] head
//
// What it holds in memory is under the ring's lock; no file is touched while
// that is held. Only Run writes.

// Limits.
const (
	// MinSpool is the smallest spool in bytes: more than one write.
	MinSpool = 256 << 10
	// MaxSpool is the largest spool in bytes; it bounds what is remembered of
	// its segments to about 100 KiB.
	MaxSpool = 1 << 30
	// minSegment and maxSegment bound the size at which the next segment is
	// begun, a 16th of the spool: the oldest go whole when it is full. A write
	// is never divided, so one of more than that is a segment of its own.
	minSegment = 64 << 10
	maxSegment = 1 << 20
	// flushBytes is how much there must be for a write before its time.
	flushBytes = 64 << 10
	// maxWrite is the longest write in bytes: the last record may begin one
	// byte before flushBytes.
	maxWrite = flushBytes + maxPayload + 2*batchHeader
	// flushTime is how long events wait in memory during an outage, at most.
	flushTime = 30 * time.Second
	// retryTime is how long the spool stays off after an error.
	retryTime = 5 * time.Minute
	// openTime is how soon a segment that could not be opened is tried again,
	// and maxOpens how often before it is given up: the node may be out of
	// file descriptors for as long as an attack lasts.
	openTime = time.Second
	maxOpens = 300
	// writeTime is how long one write to flash may take before the spool counts
	// as stuck: a worn card stalls for seconds while it erases.
	writeTime = time.Minute
	// saveTime is the same for all that the ring holds, at the end.
	saveTime = 5 * time.Minute
)

// unknownPot is the loss counter of events whose pot can't be told any more.
var unknownPot = []byte("unknown")

// SpoolConfig is what a spool needs.
type SpoolConfig struct {
	Dir   string        // made with mode 0700; nothing else should be in it
	Size  int64         // the most bytes of files, MinSpool to MaxSpool
	Boot  uint64        // this run of the node; not 0
	Epoch time.Time     // the moment Event.Mono counts from; must carry a monotonic reading
	Flush time.Duration // how long events wait in memory during an outage; 0: 30 s
	// Sane tells whether the clock can be trusted; nil: when it is later
	// than 2026 began.
	Sane func() bool
	// OnChange is called by Run when the spool is turned off, with the reason,
	// and with nil when it works again. It must not block.
	OnChange func(error)
	// OnLoad is called by OpenSpool before each segment that it reads; nil: not.
	OnLoad func()

	// Tests only.
	disk  disk
	clock func() (mono, unix int64)
}

// Spool keeps events of a Ring on flash. It is made by OpenSpool and driven
// by Run. A nil Spool keeps nothing.
type Spool struct {
	cfg     SpoolConfig
	r       *Ring
	pulse   *board.Pulse
	wake    chan struct{} // holds a token when Run should look again
	segSize int64
	left    []*os.File // by another process, only to be read; nil: a spool that writes

	// Run's goroutine only.
	buf     []byte       // one write; nil when there is nothing to do
	heads   []placedHead // of the batches in buf
	nextNum uint64
	outage  outage
	slack   uint64 // bytes more than flushBytes to wait for, since the ring has unused ends
	retryAt time.Time
	stalled time.Time // since when the reader has been waiting for a file

	// Under the ring's lock; changed by Run's goroutine only.
	segs    []*segment
	trash   []*segment // to be removed
	foreign int64      // bytes of files that can't be read in this run
	off     error      // why the spool is off

	// Under the ring's lock.
	current *segment // the one to append to; nil: none
	copied  position // before: on flash, or of no interest any more
	ahead   position // before: being written
	floor   uint64   // events of this run before this number have left flash
	reader  spoolReader
	stats   SpoolStats
}

// SpoolStats is what the spool has done since the start.
type SpoolStats struct {
	Budget   int64  // bytes allowed; 0: there is no spool
	Bytes    int64  // bytes of files
	Segments int    // files
	Events   uint64 // events on flash that Core does not have yet
	Written  uint64 // bytes written, all told: flash wears out
	Writes   uint64 // how often
	Errors   uint64 // writes and removals that failed
	Torn     uint64 // files whose last batch was not whole at the start
	Broken   uint64 // batches that could not be read back
	Off      string // why the spool is off; empty: it is on
}

// OpenSpool reads what earlier runs left in cfg.Dir and puts it before r's
// events, of which there must be none yet. The spool is never nil when cfg is
// valid: an error that is not about cfg tells why it is off for now, and the
// node can go on with it. Events known to be torn or broken are counted as
// lost, of the pot "unknown".
func OpenSpool(r *Ring, cfg SpoolConfig) (*Spool, error) {
	if cfg.Size < MinSpool || cfg.Size > MaxSpool {
		return nil, fmt.Errorf("spool of %d bytes: want %d to %d (-spool-size)", cfg.Size, MinSpool, MaxSpool)
	}
	if cfg.Boot == 0 || cfg.Epoch.IsZero() || cfg.Dir == "" {
		return nil, errors.New("spool: no boot, epoch or directory")
	}
	cfg.defaults()
	s := &Spool{
		cfg: cfg, r: r, pulse: board.NewPulse(), wake: make(chan struct{}, 1), nextNum: 1,
		segSize: min(max(cfg.Size/16, minSegment), maxSegment),
	}
	d, err := s.load()
	s.attach(d)
	if err != nil {
		err = s.failed(err)
	}
	return s, err
}

func (c *SpoolConfig) defaults() {
	if c.Flush <= 0 {
		c.Flush = flushTime
	}
	if c.disk == nil {
		c.disk = flash{}
	}
	if c.clock == nil {
		c.clock = func() (int64, int64) {
			now := time.Now()
			return int64(now.Sub(c.Epoch)), now.UnixNano()
		}
	}
}

// now is the moment by both clocks.
func (s *Spool) now() anchor {
	var a anchor
	a.mono, a.unix = s.cfg.clock()
	if s.cfg.Sane != nil {
		a.sane = s.cfg.Sane()
	} else {
		a.sane = a.unix >= earliest.UnixNano()
	}
	return a
}

// load reads the directory. What it could read before an error is kept.
func (s *Spool) load() (all damage, err error) {
	d := s.cfg.disk
	if err := d.makeDir(s.cfg.Dir); err != nil {
		return all, err
	}
	found, err := listSegments(d, s.cfg.Dir)
	if err != nil {
		return all, err
	}
	b := NewBatch(maxPayload)
	var segs []*segment
	var best []anchor
	for _, g := range found {
		if s.cfg.OnLoad != nil {
			s.cfg.OnLoad()
		}
		s.nextNum = g.num + 1
		lost, a, e := s.scan(g, b)
		all.add(lost)
		err = errors.Join(err, e)
		switch {
		case g.left > 0:
			segs, best = append(segs, g), append(best, a)
		case e == nil:
			s.trash = append(s.trash, g)
		default:
			s.foreign += g.disk // perhaps the next run can read it
		}
	}
	fixClocks(segs, best)
	s.segs = segs
	return all, err
}

func (s *Spool) scan(g *segment, b *Batch) (damage, anchor, error) {
	f, err := s.cfg.disk.open(segmentPath(s.cfg.Dir, g.num))
	if err != nil {
		return damage{}, anchor{}, err
	}
	defer f.Close()
	return g.scan(f, b)
}

func (d *damage) add(more damage) {
	d.torn += more.torn
	d.broken += more.broken
	d.events += more.events
}

// attach gives what was read back its positions, which end where the ring's
// begin.
func (s *Spool) attach(d damage) {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.head.off != 0 || r.flash != nil || r.mem == nil {
		panic("BUG: the spool must be opened before the ring is used")
	}
	next := r.head.seq
	s.reader = spoolReader{behind: true, pos: next, forgot: next - 1}
	for _, g := range s.segs {
		g.delta = next - g.first
		next += g.end - g.first
		g.first, g.end = g.first+g.delta, g.end+g.delta
	}
	p := position{seq: next}
	r.tail, r.cursor, r.head = p, p, p
	s.copied, s.ahead, s.floor = p, p, next
	s.stats.Torn, s.stats.Broken = d.torn, d.broken
	if d.events > 0 {
		r.stats.drop(&r.stats.loss.Damaged, unknownPot, d.events)
	}
	r.flash = s
}

// failed turns the spool off for a while and returns the error to tell.
func (s *Spool) failed(err error) error {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	err = fmt.Errorf("spool: %w; events are in memory only until that changes (-spool-size)", err)
	s.retryAt = time.Now().Add(retryTime)
	s.stats.Errors++
	s.current = nil // its end may be torn
	s.off = err
	return err
}

// bytes is how many bytes of files there are. Run's goroutine changes that, so
// it needs no lock there.
func (s *Spool) bytes() int64 {
	n := s.foreign
	for _, g := range s.segs {
		n += g.disk
	}
	for _, g := range s.trash {
		n += g.disk
	}
	return n
}

// fill adds the spool to the ring's counters. The ring's lock is held.
func (s *Spool) fill(st *Stats) {
	if s == nil {
		return
	}
	st.Spool = s.stats
	if s.left == nil {
		st.Spool.Budget = s.cfg.Size
	}
	if s.off != nil {
		st.Spool.Off = s.off.Error()
	}
	st.Spool.Bytes, st.Spool.Segments = s.bytes(), len(s.segs)
	for _, g := range s.segs {
		st.Spool.Events += g.left
	}
	only := s.flashOnly()
	st.Held += only
	st.Unread += only - min(only, s.reader.read(s.r))
}
