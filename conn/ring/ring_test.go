package ring

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func newRing(t testing.TB, size int) *Ring {
	t.Helper()
	r, err := New(size, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// sized is an event whose record takes n bytes with its header. Its times are
// long ones, so that this is also what Put asks for.
func sized(t testing.TB, pot string, n int) *Event {
	t.Helper()
	e := &Event{PotID: []byte(pot), Time: 1 << 60, Mono: 1 << 40, Pot: []byte("tcp"), Type: []byte("tcp.x")}
	e.Data = make([]byte, max(0, n-header-e.maxSize()))
	if header+e.maxSize() > n && len(e.Data) > 0 { // a longer slice has a longer header
		e.Data = e.Data[1:]
	}
	if size := header + len(e.append(nil)); size != n || size != header+e.maxSize() {
		t.Fatalf("an event of %d bytes instead of %d; Put asks for %d", size, n, header+e.maxSize())
	}
	return e
}

func put(t testing.TB, r *Ring, e *Event) uint64 {
	t.Helper()
	seq, err := r.Put(e)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// peek reads one batch and returns the numbers in it.
func peek(t testing.TB, r *Ring, b *Batch) (seqs []uint64) {
	t.Helper()
	n := r.Peek(b)
	var e Event
	for b.Next(&e) {
		seqs = append(seqs, e.Seq)
	}
	if len(seqs) != n || b.Len() != n {
		t.Fatalf("Peek said %d, Len %d, Next gave %d", n, b.Len(), len(seqs))
	}
	if n > 0 && b.Last() != seqs[n-1] {
		t.Fatalf("Last is %d of %v", b.Last(), seqs)
	}
	return seqs
}

func span(from, to uint64) (s []uint64) {
	for ; from <= to; from++ {
		s = append(s, from)
	}
	return s
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestSizes(t *testing.T) {
	for _, size := range []int{-1, 0, MinSize - 1, MaxSize + 1} {
		if _, err := New(size, 1); err == nil || !strings.Contains(err.Error(), "-ring-size") {
			t.Errorf("a ring of %d bytes: %v", size, err)
		}
	}
	for _, size := range []int{MinSize, MinSize + 1, MinSize + 4095} {
		newRing(t, size)
	}
}

func TestRoundTrip(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	events := []Event{
		{},
		{Time: -1 << 63, Mono: 1<<63 - 1, PotID: []byte("p"), Pot: []byte("telnet"), Type: []byte("telnet.x"), Data: []byte("{}")},
		{Time: 1768473000123456789, PotID: []byte("\xff\x00"), Data: []byte(strings.Repeat("\xc1", 60000))},
	}
	for i := range events {
		want(t, "number", put(t, r, &events[i]), uint64(i+1))
	}
	var got Event
	for i := range events {
		for !b.Next(&got) {
			if r.Peek(b) == 0 {
				t.Fatal("too few events")
			}
		}
		e := events[i]
		e.Seq = uint64(i + 1)
		if fmt.Sprintf("%d %d %d %q %q %q %q", got.Seq, got.Time, got.Mono, got.PotID, got.Pot, got.Type, got.Data) !=
			fmt.Sprintf("%d %d %d %q %q %q %q", e.Seq, e.Time, e.Mono, e.PotID, e.Pot, e.Type, e.Data) {
			t.Errorf("event %d came back as %.300v", i, got)
		}
	}
}

func TestRefused(t *testing.T) {
	r := newRing(t, MinSize)
	largest := MaxRecord - header - (&Event{PotID: []byte("p")}).maxSize() - 1 // bin 16
	if _, err := r.Put(&Event{PotID: []byte("p"), Data: make([]byte, largest+1)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte over the limit: %v", err)
	}
	put(t, r, &Event{PotID: []byte("p"), Data: make([]byte, largest)})
	r.CountLoss([]byte("q"), 5)
	st := r.Stats()
	want(t, "held", st.Held, uint64(1))
	want(t, "lost", st.ByPot, map[string]uint64{"p": 1, "q": 5})
	want(t, "Lost", r.Lost(), Loss{Refused: 6})
}

// TestExactFill fills a ring to its last byte, and then one event more.
func TestExactFill(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(MinSize)
	const n = MinSize / 1024
	for range n {
		put(t, r, sized(t, "p", 1024))
	}
	st := r.Stats()
	want(t, "used", st.Used, MinSize)
	want(t, "dropped", st.Dropped, uint64(0))
	want(t, "read", peek(t, r, b), span(1, n))
	r.Rewind()
	put(t, r, sized(t, "p", 1024))
	want(t, "dropped", r.Stats().Dropped, uint64(1))
	want(t, "used", r.Stats().Used, MinSize)
	want(t, "read after the wrap", peek(t, r, b), span(2, n+1))
}

// TestEnds makes the unused end of the memory every length from nothing to
// some hundred bytes, so that it ends before, in and behind a length.
func TestEnds(t *testing.T) {
	for end := range 100 {
		r, b := newRing(t, MinSize), NewBatch(MinSize)
		const first = MinSize/1024 - 1
		for range first - 1 {
			put(t, r, sized(t, "p", 1024))
		}
		put(t, r, sized(t, "p", 2048-end-1000))
		put(t, r, sized(t, "p", 1000))
		want(t, "bytes before the end", r.head.at, MinSize-end)
		want(t, "first round", peek(t, r, b), span(1, first+1))
		r.Forget(100)
		for range 90 {
			put(t, r, sized(t, "p", 1024))
		}
		want(t, "second round", peek(t, r, b), span(first+2, first+91))
		r.Rewind()
		want(t, "again", peek(t, r, b), span(101, first+91))
		want(t, "lost", r.Stats().Dropped+r.Stats().Unsettled, uint64(0))
		r.Forget(first + 90)
		want(t, "used", r.Stats().Used, 1024)
	}
}

// TestCursorBeforeEnd leaves cursor and tail before an unused end, which the
// head then writes over.
func TestCursorBeforeEnd(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(MinSize)
	const first = MinSize/1024 - 1
	for range first {
		put(t, r, sized(t, "p", 1024))
	}
	want(t, "first round", peek(t, r, b), span(1, first))
	put(t, r, sized(t, "the oldest", 2048))
	r.Forget(first)
	for range MinSize/1024 - 2 {
		put(t, r, sized(t, "p", 1024))
	}
	want(t, "used", r.Stats().Used, MinSize)
	want(t, "second round", r.Peek(b), MinSize/1024-1)
	var e Event
	want(t, "oldest", b.Next(&e) && e.Seq == first+1 && string(e.PotID) == "the oldest", true)
	want(t, "lost", r.Lost(), Loss{})
}

// TestWhatGoesFirst: events read but not settled go before events never read,
// and count as something else.
func TestWhatGoesFirst(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(MaxRecord+header)
	for i := range 200 { // 200 KiB of 256
		put(t, r, sized(t, []string{"a", "b"}[i%2], 1024))
	}
	read := peek(t, r, b)
	want(t, "first batch", read, span(1, 64))
	for range 100 { // 300 KiB: 44 and a few go
		put(t, r, sized(t, "c", 1024))
	}
	st := r.Stats()
	want(t, "unsettled", st.Unsettled, 300-st.Held)
	want(t, "dropped", st.Dropped, uint64(0))
	want(t, "goes on", peek(t, r, b), span(65, 128))
	for range 200 {
		put(t, r, sized(t, "c", 1024))
	}
	st = r.Stats()
	want(t, "unsettled", st.Unsettled, uint64(128))
	want(t, "dropped", st.Dropped, 500-128-st.Held)
	want(t, "cause", st.Loss, Loss{Pushed: st.Dropped})
	want(t, "unsaved", r.Unsaved(), st.Held)
	want(t, "by pot", st.ByPot["a"]+st.ByPot["b"]+st.ByPot["c"], st.Dropped)
	want(t, "of a", st.ByPot["a"], uint64(36))
	want(t, "unread", st.Unread, st.Held)
	first := 500 - st.Held + 1
	want(t, "the gap", peek(t, r, b), span(first, first+63))
}

func TestForget(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(MaxRecord+header)
	for range 100 {
		put(t, r, sized(t, "p", 1024))
	}
	r.Forget(50)
	want(t, "forgotten unread", r.Stats().Forgotten, uint64(0))
	want(t, "first", peek(t, r, b), span(1, 64))
	r.Forget(10)
	r.Forget(10)
	r.Forget(3)
	want(t, "held", r.Stats().Held, uint64(90))
	r.Forget(1 << 63)
	want(t, "only what was read", r.Stats().Forgotten, uint64(64))
	want(t, "second", peek(t, r, b), span(65, 100))
	r.Rewind()
	r.Forget(100)
	want(t, "nothing after a rewind", r.Stats().Unread, uint64(36))
	want(t, "again", peek(t, r, b), span(65, 100))
	r.Forget(100)
	st := r.Stats()
	want(t, "at the end", Stats{Size: st.Size, Put: 100, Forgotten: 100, ByPot: map[string]uint64{}}, st)
	want(t, "empty", peek(t, r, b), []uint64(nil))
}

// TestRewindThenDrop: after Rewind the old events wait to be sent again, so
// losing one is a loss.
func TestRewindThenDrop(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(MinSize)
	for range 200 {
		put(t, r, sized(t, "p", 1024))
	}
	peek(t, r, b)
	r.Rewind()
	for range 100 {
		put(t, r, sized(t, "p", 1024))
	}
	st := r.Stats()
	want(t, "dropped", st.Dropped, 300-st.Held)
	want(t, "unsettled", st.Unsettled, uint64(0))
	want(t, "cursor", peek(t, r, b), span(st.Dropped+1, 300))
}

func TestManyPots(t *testing.T) {
	r := newRing(t, MinSize)
	long := strings.Repeat("x", 1000)
	r.CountLoss([]byte(long), 1)
	for i := range 1000 {
		r.CountLoss(fmt.Appendf(nil, "p-%d", i), 1)
	}
	r.CountLoss([]byte(long), 1)
	r.CountLoss([]byte("p-5"), 1)
	by := r.Stats().ByPot
	want(t, "counters", len(by), maxPots+1)
	want(t, "other", by["other"], uint64(1000-(maxPots-1)))
	want(t, "a long name", by[long[:maxPotID]], uint64(2))
	want(t, "a known pot", by["p-5"], uint64(2))
	want(t, "all", r.Lost(), Loss{Refused: 1003})
}

func TestReady(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	token := func() bool {
		select {
		case <-r.Ready():
			return true
		default:
			return false
		}
	}
	put(t, r, sized(t, "p", 100))
	want(t, "nobody waits", token(), false)
	peek(t, r, b)
	put(t, r, sized(t, "p", 100))
	want(t, "a reader that found something", token(), false)
	peek(t, r, b)
	want(t, "nothing there", peek(t, r, b), []uint64(nil))
	want(t, "nothing came", token(), false)
	put(t, r, sized(t, "p", 100))
	put(t, r, sized(t, "p", 100))
	want(t, "something came", token(), true)
	want(t, "one token for both", token(), false)
	r.Rewind()
	want(t, "rewound", token(), true)
	peek(t, r, b)
	r.Forget(1 << 63)
	r.Rewind()
	want(t, "rewound to nothing", token(), false)
}

// TestStartOver: a quiet node uses only the start of the memory, and a burst's
// pages go back.
func TestStartOver(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	settle := func() {
		for len(peek(t, r, b)) > 0 {
			r.Forget(b.Last())
		}
	}
	for range 1000 {
		put(t, r, sized(t, "p", 1024))
		settle()
	}
	want(t, "touched by a quiet node", r.touched, 1024)
	for range 300 {
		put(t, r, sized(t, "p", 1024))
	}
	settle()
	for i, c := range r.mem[keep:] {
		if c != 0 {
			t.Fatalf("byte %d is still in use after a burst", keep+i)
		}
	}
	seq := put(t, r, sized(t, "p", 1024))
	want(t, "the next event", peek(t, r, b), []uint64{seq})
}

func TestClosed(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	put(t, r, sized(t, "p", 100))
	peek(t, r, b)
	r.Close()
	r.Close()
	if _, err := r.Put(sized(t, "p", 100)); !errors.Is(err, ErrClosed) {
		t.Errorf("Put: %v", err)
	}
	r.Rewind()
	r.Forget(1 << 63)
	want(t, "peek", peek(t, r, b), []uint64(nil))
	want(t, "counted", r.Stats().ByPot, map[string]uint64{"p": 1})
}

func TestAllocs(t *testing.T) {
	r, b := newRing(t, MinSize), NewBatch(0)
	e, got := sized(t, "some-pot", 350), new(Event)
	for range 2000 { // full, so that Put drops and counts
		put(t, r, e)
	}
	if n := testing.AllocsPerRun(1000, func() { put(t, r, e) }); n != 0 {
		t.Errorf("Put into a full ring: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		r.Rewind()
		if r.Peek(b) == 0 || !b.Next(got) {
			t.Fatal("nothing")
		}
	}); n != 0 {
		t.Errorf("Peek and Next: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		put(t, r, e)
		r.Peek(b)
		for b.Next(got) {
		}
		r.Forget(b.Last())
	}); n != 0 {
		t.Errorf("the whole way: %v allocations", n)
	}
}
