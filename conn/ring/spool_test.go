package ring

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpoolConfig(t *testing.T) {
	good := SpoolConfig{Dir: "/spool", Size: MinSpool, Boot: 1, Epoch: time.Now(), disk: newMemDisk()}
	for _, c := range []struct {
		what   string
		change func(*SpoolConfig)
		err    string
	}{
		{"too small", func(c *SpoolConfig) { c.Size = MinSpool - 1 }, "-spool-size"},
		{"too large", func(c *SpoolConfig) { c.Size = MaxSpool + 1 }, "-spool-size"},
		{"no boot", func(c *SpoolConfig) { c.Boot = 0 }, "boot"},
		{"no epoch", func(c *SpoolConfig) { c.Epoch = time.Time{} }, "epoch"},
		{"no directory", func(c *SpoolConfig) { c.Dir = "" }, "directory"},
		{"good", func(*SpoolConfig) {}, ""},
	} {
		cfg := good
		c.change(&cfg)
		s, err := OpenSpool(newRing(t, MinSize), cfg)
		if c.err == "" && err != nil || c.err != "" && (err == nil || s != nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, %v", c.what, s, err)
		}
	}
}

// Events written in an outage come first in the next run, under their names;
// Core's having them removes the file.
func TestSpoolOutlivesTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMemDisk()
		a := newNode(t, d, 7, MinSize, MinSpool)
		a.put(10, 100)
		a.work()
		want(t, "writes at once", len(d.writes), 0)
		time.Sleep(flushTime)
		a.work()
		want(t, "writes after the flush time", len(d.writes), 1)
		got, _ := a.drain()
		wantNames(t, "read in the same run", got, names(0, 1, 10))
		a.put(1, 100) // too late for flash

		b := newNode(t, d.powerCut(newRand(t)), 8, MinSize, MinSpool)
		b.put(3, 100)
		got, _ = b.drain()
		wantNames(t, "read in the next run", got, append(names(7, 1, 10), names(0, 11, 13)...))
		st := b.r.Stats()
		want(t, "held", []uint64{st.Held, st.Unread, st.Spool.Events}, []uint64{13, 0, 10})
		b.r.Rewind()
		want(t, "unread after rewind", b.r.Stats().Unread, uint64(13))
		got, last := b.drain()
		want(t, "read again", len(got), 13)
		b.r.Forget(last)
		b.work()
		st = b.r.Stats()
		want(t, "left", []any{st.Held, st.Forgotten, st.Spool.Bytes, len(b.d.files)}, []any{uint64(0), uint64(13), int64(0), 0})
	})
}

// TestSpoolTellsThatItLoads: before each file, for whoever waits to be fed.
func TestSpoolTellsThatItLoads(t *testing.T) {
	d := newMemDisk()
	n := newNode(t, d, 1, MinSize, MinSpool)
	n.put(200, 500)
	if err := n.s.saveAll(); err != nil {
		t.Fatal(err)
	}
	files := len(d.files)
	r, err := New(MinSize, 1)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	if _, err := OpenSpool(r, SpoolConfig{Dir: "/spool", Size: MinSpool, Boot: 2, Epoch: time.Now(), disk: d, OnLoad: func() { told++ }}); err != nil {
		t.Fatal(err)
	}
	if files < 2 || told != files {
		t.Errorf("told %d times of %d files", told, files)
	}
}

// What was sent and not settled when the link went is in the spool too.
func TestSpoolKeepsTheUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, MinSpool)
		n.r.SetLive(true)
		n.put(20, 100)
		n.drain()
		n.r.Forget(5)
		time.Sleep(time.Hour)
		n.work()
		want(t, "writes while connected", len(n.d.writes), 0)
		n.r.SetLive(false)
		n.work()
		time.Sleep(flushTime)
		n.work()
		got, _ := newNode(t, n.d.powerCut(newRand(t)), 8, MinSize, MinSpool).drain()
		wantNames(t, "read", got, names(7, 6, 20))
	})
}

// A link that never stays up for the flush time, nor away, still has its
// outages added up.
func TestSpoolAddsOutagesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, MinSpool)
		n.put(1, 100)
		for range 3 {
			n.r.SetLive(false)
			n.work()
			time.Sleep(flushTime/3 + time.Second)
			n.work()
			n.r.SetLive(true)
			n.work()
			time.Sleep(time.Second)
		}
		want(t, "writes", len(n.d.writes), 1)
	})
}

// An outage longer than the ring costs nothing while the spool holds.
func TestSpoolHoldsWhatTheRingDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const count = 3 * MinSize / 1000
		n := newNode(t, newMemDisk(), 7, MinSize, 8*MinSpool)
		for range count {
			n.put(1, 1000)
			n.work()
		}
		st := n.r.Stats()
		want(t, "held", []uint64{st.Held, st.Unread, st.Dropped, st.Unsettled}, []uint64{count, count, 0, 0})
		unsaved := n.r.Unsaved()
		if unsaved == 0 || unsaved > st.Held-st.Spool.Events {
			t.Errorf("%d events unsaved of %d, %d of them on flash", unsaved, st.Held, st.Spool.Events)
		}
		n.r.Rewind()
		n.r.SetLive(true)
		got, last := n.drain()
		wantNames(t, "read", got, names(0, 1, count))
		n.r.Forget(last / 2)
		want(t, "forgotten", n.r.Stats().Forgotten, last/2)
		n.r.Rewind()
		got, _ = n.drain()
		wantNames(t, "read again", got, names(0, last/2+1, count))
		n.r.Forget(last)
		n.work()
		st = n.r.Stats()
		want(t, "left", []any{st.Forgotten, st.Held, len(n.d.files)}, []any{uint64(count), uint64(0), 0})
	})
}

// When flash is full too, the oldest go, and each is counted for its pot.
func TestSpoolFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, MinSpool)
		const count = 4 * MinSpool / 500
		for i := range count {
			put(t, n.r, sized(t, "p"+string(rune('0'+i%2)), 500))
			n.work()
		}
		n.r.Rewind()
		got, _ := n.drain()
		st := n.r.Stats()
		want(t, "cause", st.Loss, Loss{Pushed: st.Dropped})
		if lost := count - len(got); st.Dropped != uint64(lost) || st.ByPot["p0"]+st.ByPot["p1"] != st.Dropped || st.ByPot["p0"] < st.Dropped/2-1 {
			t.Errorf("%d of %d lost, counted %+v", lost, count, st)
		}
		wantNames(t, "read", got, names(0, count-uint64(len(got))+1, count))
		if n.d.most > MinSpool {
			t.Errorf("%d bytes of %d", n.d.most, MinSpool)
		}
	})
}

// A spool that is smaller than the last run's drops the oldest at once.
func TestSpoolMadeSmaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, 8*MinSpool)
		for range 2000 {
			n.put(1, 500)
			n.work()
		}
		n = newNode(t, n.d, 8, MinSize, MinSpool)
		n.work()
		if b := n.d.bytes(); b > MinSpool || b < MinSpool/2 {
			t.Errorf("%d bytes of %d", b, MinSpool)
		}
		got, _ := n.drain()
		st := n.r.Stats()
		if len(got) == 0 || st.Dropped+uint64(len(got)) != got[len(got)-1].number || st.ByPot["p"] != st.Dropped {
			t.Errorf("%d read, %+v", len(got), st)
		}
	})
}

// While connected the spool writes only what the ring would push out before it
// was ever copied.
func TestSpoolWhileConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, 8*MinSpool)
		n.work()
		n.r.SetLive(true)
		n.work()
		n.put(MinSize/1000*7/10, 1000)
		n.work()
		want(t, "writes below the mark", len(n.d.writes), 0)
		for range 1000 {
			n.put(1, 1000)
			n.work()
		}
		st := n.r.Stats()
		want(t, "lost", st.Dropped, uint64(0))
		for _, w := range n.d.writes {
			if w.size < flushBytes {
				t.Errorf("a write of %d bytes", w.size)
			}
		}
		got, _ := n.drain()
		wantNames(t, "read", got, names(0, 1, st.Put))
	})
}

// The session does not pass over events that are just being written: it waits
// and is called.
func TestSpoolReaderWaitsForAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, 8*MinSpool)
		n.put(flushBytes/1000+1, 1000) // one write
		var seen int
		n.d.onWrite = func() {
			n.d.onWrite = nil
			n.put(MinSize/1000, 1000) // pushes out what is being written
			n.r.Rewind()
			<-n.r.Ready()
			seen = n.r.Peek(n.b)
		}
		n.work()
		want(t, "seen during the write", seen, 0)
		select {
		case <-n.r.Ready():
		default:
			t.Error("not called")
		}
		got, _ := n.drain()
		want(t, "lost", n.r.Stats().Dropped, uint64(0))
		wantNames(t, "read", got, names(0, 1, flushBytes/1000+1+MinSize/1000))
	})
}

// Run wakes by itself: for the flush time, for a full write, for a segment to
// remove, and at the end for everything.
func TestSpoolRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, 4*MinSpool)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.s.Run(ctx) }()
		synctest.Wait()
		put := time.Now()
		n.put(1, 100)
		time.Sleep(flushTime + time.Second)
		synctest.Wait()
		want(t, "writes by time", len(n.d.writes), 1)
		want(t, "written after", n.d.writes[0].at.Sub(put), flushTime)
		n.put(flushBytes/1000+1, 1000)
		synctest.Wait()
		want(t, "writes by size", len(n.d.writes), 2)
		_, last := n.drain()
		n.r.Forget(last)
		synctest.Wait()
		want(t, "files", len(n.d.files), 0)
		for range 300 { // more than the ring holds
			n.put(1, 1000)
			synctest.Wait()
		}
		stop()
		want(t, "Run", <-done, nil)
		next := newNode(t, n.d.powerCut(newRand(t)), 8, MinSize, 4*MinSpool)
		got, _ := next.drain()
		wantNames(t, "read in the next run", got, names(7, last+1, last+300))
	})
}

// At the end a spool smaller than the ring keeps the newest, and says what it
// could not.
func TestSpoolTooSmallForTheRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, 8*MinSize, MinSpool)
		n.put(2000, 1000)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		err := n.s.Run(ctx)
		if err == nil || !strings.Contains(err.Error(), "-spool-size") {
			t.Errorf("Run: %v", err)
		}
		if n.d.most > MinSpool || n.r.Stats().Spool.Written > MinSpool {
			t.Errorf("%d bytes of %d, %+v", n.d.most, MinSpool, n.r.Stats().Spool)
		}
		got, _ := newNode(t, n.d, 8, 8*MinSize, MinSpool).drain()
		wantNames(t, "the newest", got, names(7, 2000-uint64(len(got))+1, 2000))
	})
}

// Put and Peek allocate nothing with a spool either.
func TestSpoolAllocs(t *testing.T) {
	n := newNode(t, newMemDisk(), 7, MinSize, MinSpool)
	e := sized(t, "p", 500)
	n.work()
	n.put(1, 500)
	got := testing.AllocsPerRun(1000, func() {
		if _, err := n.r.Put(e); err != nil {
			t.Fatal(err)
		}
		n.r.Peek(n.b)
		n.r.Forget(n.b.Last())
	})
	want(t, "allocations", got, 0.0)
}
