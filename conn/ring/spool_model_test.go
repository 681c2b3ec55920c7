package ring

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// world is a node that is put to work, cut off, restarted and starved, with
// what must be true of its events. Steps are drawn; time is synctest's.
type world struct {
	*node
	rnd   *rand.Rand
	boot  uint64
	size  int64
	ring  int
	taken map[name]bool // put
	core  map[name]bool // delivered
	lost  uint64        // dropped or unsettled, in runs that ended
	last  uint64        // position delivered last on this connection
	sick  bool          // the disk fails now and then
	cuts  int
	down  time.Time // since when no session drains the ring
}

func newWorld(t *testing.T, rnd *rand.Rand, size int64) *world {
	w := &world{
		rnd: rnd, boot: 1, ring: MinSize << rnd.IntN(3), size: size,
		taken: map[name]bool{}, core: map[name]bool{},
	}
	w.start(t, newMemDisk())
	return w
}

func (w *world) start(t testing.TB, d *memDisk) {
	w.node = newNode(t, d, w.boot, w.ring, w.size)
	w.last, w.down = 0, time.Now()
	d.fail = func(op, name string) error {
		if w.sick && w.rnd.IntN(4) == 0 && op != "read" && op != "open" {
			return syscall.EIO
		}
		return nil
	}
	d.onWrite = func() { // pots and the session do not wait for flash
		if w.rnd.IntN(3) == 0 {
			w.put(w.rnd.IntN(200))
		}
		if w.rnd.IntN(3) == 0 {
			w.read(1 + w.rnd.IntN(3))
		}
	}
}

func (w *world) put(count int) {
	for range count {
		e := Event{PotID: []byte("p"), Pot: []byte("tcp"), Type: []byte("tcp.x"), Data: make([]byte, w.rnd.IntN(300))}
		if w.rnd.IntN(50) == 0 {
			e.Data = make([]byte, w.rnd.IntN(MaxRecord-100))
		}
		seq := put(w.t, w.r, &e)
		w.taken[name{w.boot, seq}] = true
	}
}

// read takes batches as a session does.
func (w *world) read(batches int) {
	var e Event
	for range batches {
		if w.r.Peek(w.b) == 0 {
			return
		}
		for w.b.Next(&e) {
			id := name{e.Boot, e.Number}
			if id.boot == 0 {
				id.boot = w.boot
			}
			if e.Seq <= w.last {
				w.t.Fatalf("position %d after %d", e.Seq, w.last)
			}
			w.last = e.Seq
			if !w.taken[id] && !w.core[id] {
				w.t.Fatalf("event %v was never put", id)
			}
			w.core[id] = true
		}
	}
}

func (w *world) connect() {
	w.r.Rewind()
	w.last = 0
	w.r.SetLive(true)
}

func (w *world) disconnect() {
	w.r.SetLive(false)
	w.down = time.Now()
}

// powerCut starts the next run on what flash has kept.
func (w *world) powerCut(orderly bool) {
	d := w.d
	if orderly {
		_ = w.s.saveAll()
	}
	st := w.r.Stats()
	w.lost += st.Dropped + st.Unsettled
	if w.cuts++; !orderly {
		d = d.powerCut(w.rnd)
	}
	w.r.Close()
	w.boot++
	w.start(w.t, d)
}

func (w *world) step() {
	switch w.rnd.IntN(12) {
	case 0, 1, 2, 3:
		w.put(w.rnd.IntN(1 << w.rnd.IntN(12)))
	case 4, 5:
		w.read(w.rnd.IntN(30))
	case 6:
		if w.last > 0 {
			w.r.Forget(w.last - uint64(w.rnd.IntN(int(min(w.last, 300)))))
		}
	case 7:
		w.connect()
	case 8:
		w.disconnect()
	default:
		time.Sleep(time.Duration(w.rnd.Int64N(int64(time.Minute))))
	}
	w.work()
	if b := w.d.bytes(); b > w.size || w.d.most > w.size {
		w.t.Fatalf("%d bytes, once %d, of %d", b, w.d.most, w.size)
	}
	if st := w.r.Stats(); st.Spool.Bytes != w.d.bytes() {
		w.t.Fatalf("Stats say %d bytes, there are %d", st.Spool.Bytes, w.d.bytes())
	}
}

// finish delivers all there is and sums up.
func (w *world) finish() {
	w.sick, w.d.onWrite = false, nil
	w.connect()
	for before := -1; before != len(w.core); {
		before = len(w.core)
		w.read(1 << 20)
		time.Sleep(time.Minute) // a write under way, a file that could not be opened
		w.work()
	}
	w.r.Forget(w.last)
	time.Sleep(retryTime)
	w.work()
	st := w.r.Stats()
	w.lost += st.Dropped + st.Unsettled
	missing := 0
	for id := range w.taken {
		if !w.core[id] {
			missing++
		}
	}
	if st.Held != 0 || st.Unread != 0 || st.Spool.Events != 0 || len(w.d.files) != 0 {
		w.t.Errorf("left: %+v, %d files", st, len(w.d.files))
	}
	if w.cuts == 0 && uint64(missing) > w.lost {
		w.t.Errorf("%d of %d events are missing, %d were counted", missing, len(w.taken), w.lost)
	}
}

// Whatever happens short of a power cut, an event is delivered or counted, and
// each at most once a connection; the spool stays within its bytes.
func TestSpoolModel(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			rnd := newRand(t)
			w := newWorld(t, rnd, MinSpool<<rnd.IntN(4))
			for range 150 {
				w.sick = w.rnd.IntN(8) == 0
				w.step()
			}
			w.finish()
		})
	}
}

// After a power cut everything is there that was on flash and not yet Core's.
func TestSpoolModelWithPowerCuts(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, newRand(t), MaxSpool) // room for all: nothing on flash may be missing
			for range 100 {
				w.step()
				if w.rnd.IntN(20) == 0 {
					before := w.onFlash()
					w.powerCut(w.rnd.IntN(3) == 0)
					w.check(before)
				}
			}
			w.finish()
		})
	}
}

// onFlash is what is on flash and not forgotten, as the files say.
func (w *world) onFlash() map[name]bool {
	m := make(map[name]bool)
	b := NewBatch(maxPayload)
	for _, g := range w.s.segs {
		wk := walker{f: &memHandle{w.d, fmt.Sprintf("%016x.spool", g.num)}, end: g.size}
		for {
			h, err := wk.next()
			if err != nil {
				break
			}
			if err := b.load(wk.f, wk.at, &h); err != nil {
				w.t.Fatal(err)
			}
			for e := (Event{}); b.Next(&e); {
				if e.Seq+g.delta > w.s.reader.forgot {
					m[name{g.boot, e.Seq}] = true
				}
			}
		}
	}
	return m
}

// check reads all of the new run's spool: it must have what was on flash.
func (w *world) check(before map[name]bool) {
	st := w.r.Stats()
	if int(st.Spool.Events) < len(before) {
		w.t.Fatalf("%d events on flash, %d before the power cut", st.Spool.Events, len(before))
	}
	w.read(1 << 20)
	for id := range before {
		if !w.core[id] {
			w.t.Fatalf("event %v was on flash and is gone", id)
		}
	}
	w.connect()
}

// Never more than one write per 64 KiB or 30 s of outage; and what waits for
// more than 30 s of outage is written.
func TestSpoolWritesRarely(t *testing.T) {
	for range 40 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, newRand(t), MaxSpool)
			w.d.onWrite = nil
			var outage time.Duration
			live := false
			for range 300 {
				switch w.rnd.IntN(6) {
				case 0:
					live = !live
					w.r.SetLive(live)
				case 1, 2:
					w.put(w.rnd.IntN(1 << w.rnd.IntN(10)))
				default:
					d := time.Duration(w.rnd.Int64N(int64(40 * time.Second)))
					for end := time.Now().Add(d); time.Now().Before(end); { // as Run's timer
						wait := min(time.Until(end), 500*time.Millisecond)
						time.Sleep(wait)
						w.work()
						if !live {
							outage += wait
						}
					}
				}
				w.work()
			}
			bytes := 0
			for _, wr := range w.d.writes {
				bytes += wr.size
			}
			if most := bytes/flushBytes + int(outage/flushTime); len(w.d.writes) > most {
				t.Errorf("%d writes in %v of outage with %d bytes, want at most %d", len(w.d.writes), outage, bytes, most)
			}
		})
	}
}
