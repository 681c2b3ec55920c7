package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"
)

const writers, each = 8, 4000

// tag is what writer w puts as its i-th event.
func tag(e *Event, w, i int) *Event {
	e.PotID = append(e.PotID[:0], 'w', '0'+byte(w))
	e.Data = binary.BigEndian.AppendUint64(e.Data[:0], uint64(i))
	for range i % 700 {
		e.Data = append(e.Data, byte(i))
	}
	return e
}

func write(r *Ring, before func()) *sync.WaitGroup {
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var e Event
			for i := range each {
				before()
				if _, err := r.Put(tag(&e, w, i)); err != nil {
					panic(err)
				}
			}
		})
	}
	return &wg
}

// reader checks that numbers have no gap it does not expect, and that each
// writer's events come in order.
type reader struct {
	t    *testing.T
	next uint64       // the number due
	seen [writers]int // the event due of each writer
	n    int
}

func (rd *reader) take(e *Event, gaps bool) {
	w, i := int(e.PotID[1]-'0'), int(binary.BigEndian.Uint64(e.Data))
	if fill := e.Data[8:]; len(fill) != i%700 || bytes.Count(fill, []byte{byte(i)}) != len(fill) {
		rd.t.Errorf("event %d is torn", e.Seq)
	}
	if e.Seq < rd.next {
		return // again, after a rewind
	}
	if !gaps && (e.Seq != rd.next || i != rd.seen[w]) || i < rd.seen[w] {
		rd.t.Errorf("event %d is number %d of writer %d, want %d, number %d", e.Seq, i, w, rd.next, rd.seen[w])
	}
	rd.next, rd.seen[w] = e.Seq+1, i+1
	rd.n++
}

// TestNothingLost: many writers, and a reader that waits, reads, forgets and
// now and then starts again, as after a lost connection.
func TestNothingLost(t *testing.T) {
	r, b := newRing(t, 16<<20), NewBatch(0)
	wg := write(r, func() {})
	rd := &reader{t: t, next: 1}
	var e Event
	for turn := 0; rd.n < writers*each && !t.Failed(); turn++ {
		if r.Peek(b) == 0 {
			<-r.Ready()
			continue
		}
		for b.Next(&e) {
			rd.take(&e, false)
		}
		switch turn % 7 {
		case 3:
			r.Rewind()
		default:
			r.Forget(b.Last() - uint64(turn%5))
		}
	}
	wg.Wait()
	for r.Rewind(); r.Peek(b) > 0; r.Forget(b.Last()) {
	}
	st := r.Stats()
	want(t, "put", st.Put, uint64(writers*each))
	want(t, "forgotten", st.Forgotten, st.Put)
	want(t, "lost", st.Dropped+st.Unsettled, uint64(0))
}

// TestEveryLossCounted: a ring too small, a reader too slow.
func TestEveryLossCounted(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	wg := write(r, func() {})
	rd := &reader{t: t, next: 1}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	var e Event
	for last := false; ; {
		for r.Peek(b) > 0 {
			for b.Next(&e) {
				rd.take(&e, true)
			}
			r.Forget(b.Last())
			if !last {
				runtime.Gosched()
			}
		}
		if last {
			break
		}
		select {
		case <-done:
			last = true
		case <-r.Ready():
		}
	}
	st := r.Stats()
	want(t, "read and dropped", uint64(rd.n)+st.Dropped, uint64(writers*each))
	want(t, "forgotten, dropped and unsettled", st.Forgotten+st.Dropped+st.Unsettled, st.Put)
	sum := uint64(0)
	for _, n := range st.ByPot {
		sum += n
	}
	want(t, "dropped by pot", sum, st.Dropped)
}

// TestPatientWriters: writers that wait for room lose nothing that was not
// read, however small the ring.
func TestPatientWriters(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	r.SetLive(true)
	wg := write(r, func() { r.WaitRoom(context.Background(), forever) })
	rd := &reader{t: t, next: 1}
	var e Event
	for rd.n < writers*each && !t.Failed() {
		if r.Peek(b) == 0 {
			<-r.Ready()
		}
		for b.Next(&e) {
			rd.take(&e, false)
		}
	}
	wg.Wait()
	want(t, "dropped", r.Stats().Dropped, uint64(0))
}
