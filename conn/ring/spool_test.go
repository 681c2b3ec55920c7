package ring

import (
	"testing"
	"testing/synctest"
	"time"
)

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
		want(t, "read in the same run", got, names(0, 1, 10))
		a.put(1, 100) // too late for flash

		b := newNode(t, d.powerCut(newRand(t)), 8, MinSize, MinSpool)
		b.put(3, 100)
		got, last := b.drain()
		want(t, "read in the next run", got, append(names(7, 1, 10), names(0, 11, 13)...))
		st := b.r.Stats()
		want(t, "held", []uint64{st.Held, st.Unread, st.Spool.Events}, []uint64{13, 0, 10})
		b.r.Rewind()
		want(t, "unread after rewind", b.r.Stats().Unread, uint64(13))
		got, last = b.drain()
		want(t, "read again", len(got), 13)
		b.r.Forget(last)
		b.work()
		st = b.r.Stats()
		want(t, "left", []any{st.Held, st.Forgotten, st.Spool.Bytes, len(b.d.files)}, []any{uint64(0), uint64(13), int64(0), 0})
	})
}
