package ring

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// appendTestBatch appends a batch of events numbered from first; each has its
// number as data.
func appendTestBatch(dst []byte, boot, first uint64, count int, a anchor) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, batchHeader)...)
	for i := range count {
		e := Event{Mono: int64(first) + int64(i), PotID: []byte("p"), Pot: []byte("tcp"), Type: []byte("tcp.x")}
		e.Data = strconv.AppendUint(nil, first+uint64(i), 10)
		rec := e.append(nil)
		dst = append(dst, byte(len(rec)), byte(len(rec)>>8), 0, 0)
		dst = append(dst, rec...)
	}
	records := dst[at+batchHeader:]
	h := batchHead{length: len(records), boot: boot, first: first, count: uint64(count), anchor: a, sum: crc32.Checksum(records, castagnoli)}
	h.put(dst[at:])
	return dst
}

// testSegment is three batches with a gap between the last two, and where each
// ends.
func testSegment() (data []byte, ends []int, events [][]name) {
	for _, b := range []struct {
		first uint64
		count int
	}{{1, 3}, {4, 1}, {7, 2}} {
		data = appendTestBatch(data, 7, b.first, b.count, anchor{mono: 1, unix: 2, sane: true})
		ends = append(ends, len(data))
		events = append(events, names(7, b.first, b.first+uint64(b.count)-1))
	}
	return data, ends, events
}

// readBack is what a node reads from one file.
func readBack(t testing.TB, data []byte) (got []name, st Stats) {
	d := newMemDisk()
	d.dir = true
	d.files["0000000000000001.spool"] = &memFile{data: data, synced: len(data), named: true}
	n := newNode(t, d, 9, MinSize, MinSpool)
	defer n.r.Close()
	got, _ = n.drain()
	return got, n.r.Stats()
}

func TestSegmentCutAnywhere(t *testing.T) {
	data, ends, events := testSegment()
	for cut := range len(data) + 1 {
		var want []name
		var torn, lost uint64
		begin := 0
		for i, end := range ends {
			switch {
			case cut >= end:
				want = append(want, events[i]...)
			case cut > begin:
				torn = 1
				if cut >= begin+batchHeader {
					lost = uint64(len(events[i]))
				}
			}
			begin = end
		}
		got, st := readBack(t, data[:cut])
		if fmt.Sprint(got) != fmt.Sprint(want) || st.Spool.Torn != torn || st.Spool.Broken != 0 || st.Loss != (Loss{Damaged: lost}) {
			t.Errorf("cut at %d: %v, want %v; want torn %d, lost %d: %+v", cut, got, want, torn, lost, st)
		}
	}
}

func TestSegmentWithAnyBitWrong(t *testing.T) {
	good, ends, events := testSegment()
	for bit := range len(good) * 8 {
		data := append([]byte(nil), good...)
		data[bit/8] ^= 1 << (bit % 8)
		var want []name
		begin := 0
		for i, end := range ends {
			if bit/8 < begin || bit/8 >= end {
				want = append(want, events[i]...)
			}
			begin = end
		}
		got, st := readBack(t, data)
		if fmt.Sprint(got) != fmt.Sprint(want) || st.Spool.Torn+st.Spool.Broken != 1 {
			t.Errorf("bit %d: %v, want %v; %+v", bit, got, want, st.Spool)
		}
	}
}

// A stretch of rubbish between two batches, or before the first, costs nothing
// but itself.
func TestSegmentWithRubbishBetween(t *testing.T) {
	for _, n := range []int{1, batchHeader, searchStep - 1, searchStep, 3*searchStep + 7} {
		for _, fill := range [][]byte{{0}, {0xff}, magic} {
			var rubbish []byte
			for len(rubbish) < n {
				rubbish = append(rubbish, fill...)
			}
			data := append([]byte(nil), rubbish[:n]...)
			data = appendTestBatch(data, 7, 1, 2, anchor{})
			data = append(data, rubbish[:n]...)
			data = appendTestBatch(data, 7, 3, 2, anchor{})
			got, st := readBack(t, data)
			wantNames(t, "events", got, names(7, 1, 4))
			want(t, "damage", []uint64{st.Spool.Broken, st.Spool.Torn, st.Dropped}, []uint64{2, 0, 0})
		}
	}
}

// Batches that no node would have written one behind the other.
func TestSegmentOutOfOrder(t *testing.T) {
	var a anchor
	for _, c := range []struct {
		what   string
		second func(dst []byte) []byte
	}{
		{"the same numbers again", func(d []byte) []byte { return appendTestBatch(d, 7, 10, 2, a) }},
		{"smaller numbers", func(d []byte) []byte { return appendTestBatch(d, 7, 1, 2, a) }},
		{"numbers far away", func(d []byte) []byte { return appendTestBatch(d, 7, 1<<50, 2, a) }},
		{"the last numbers", func(d []byte) []byte { return appendTestBatch(d, 7, 1<<64-2, 2, a) }},
		{"another run", func(d []byte) []byte { return appendTestBatch(d, 8, 12, 2, a) }},
	} {
		data := appendTestBatch(nil, 7, 10, 2, a)
		data = appendTestBatch(c.second(data), 7, 12, 2, a)
		got, st := readBack(t, data)
		wantNames(t, c.what, got, names(7, 10, 13))
		want(t, c.what+": damage", st.Spool.Broken, uint64(1))
	}
}

func TestSegmentNames(t *testing.T) {
	for _, c := range []struct {
		name string
		num  uint64
		ok   bool
	}{
		{"", 0, false}, {".spool", 0, false}, {"1.spool", 0, false}, {"000000000000000g.spool", 0, false},
		{"+000000000000001.spool", 0, false}, {"000000000000000A.spool", 0, false}, {"00000000000000001.spool", 0, false},
		{"0000000000000001.spool~", 0, false},
		{"000000000000000a.spool", 10, true}, {"ffffffffffffffff.spool", 1<<64 - 1, true},
	} {
		num, ok := segmentNum(c.name)
		want(t, c.name, []any{num, ok}, []any{c.num, c.ok})
		if ok {
			want(t, c.name, filepath.Base(segmentPath("d", num)), c.name)
		}
	}
}

// The format is what earlier versions wrote: a file from one of them must be
// read by all that follow.
func TestSegmentGolden(t *testing.T) {
	const file = "testdata/segment-1.golden"
	made, _, _ := testSegment()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "bytes", made, kept)
	got, _ := readBack(t, kept)
	wantNames(t, "events", got, append(names(7, 1, 4), names(7, 7, 8)...))
}

// mend makes the checksums right, so that what they guard is reached.
func mend(data []byte) []byte {
	data = bytes.Clone(data)
	for at := 0; ; at++ {
		n := bytes.Index(data[at:], magic)
		if at += n; n < 0 || len(data)-at < batchHeader {
			return data
		}
		head := data[at : at+batchHeader]
		records := data[at+batchHeader:]
		records = records[:min(len(records), int(binary.LittleEndian.Uint16(head[4:])))]
		binary.LittleEndian.PutUint32(head[48:], crc32.Checksum(records, castagnoli))
		binary.LittleEndian.PutUint32(head[52:], crc32.Checksum(head[:52], castagnoli))
	}
}

// FuzzSegment starts nodes on arbitrary files: no panic, no loop, positions
// that grow, the same events each time, and in the end no file.
func FuzzSegment(f *testing.F) {
	data, ends, _ := testSegment()
	f.Add(data, []byte{}, false)
	f.Add(data[:ends[1]], data[ends[1]:], true)
	f.Add(data[:len(data)-1], data, false)
	f.Add(data[ends[0]:], data[:ends[0]], true)
	f.Add(append(append([]byte(nil), data...), make([]byte, 100)...), appendTestBatch(nil, 1<<63, 1<<63, 2, anchor{mono: -1, unix: -1}), false)
	f.Add(appendTestBatch(nil, 0, 1<<64-3, 2, anchor{}), appendTestBatch(data, 7, 1<<40, 1, anchor{}), true)
	f.Fuzz(func(t *testing.T, a, b []byte, mended bool) {
		if len(a)+len(b) > MinSpool {
			return
		}
		if mended {
			a, b = mend(a), mend(b)
		}
		d := newMemDisk()
		d.dir = true
		d.files["0000000000000001.spool"] = &memFile{data: a, synced: len(a), named: true}
		d.files["fffffffffffffffe.spool"] = &memFile{data: b, synced: len(b), named: true}
		n := newNode(t, d, 9, MinSize, MinSpool)
		defer n.r.Close()
		n.put(3, 100)
		first, _ := n.drain()
		n.r.Rewind()
		again, last := n.drain()
		if fmt.Sprint(first) != fmt.Sprint(again) {
			t.Fatalf("read %v, then %v", first, again)
		}
		if len(again) > len(a)+len(b)+3 {
			t.Fatalf("%d events", len(again))
		}
		n.r.Forget(last)
		n.work()
		if st := n.r.Stats(); st.Held != 0 || len(d.files) != 0 {
			t.Fatalf("left: %+v in %d files", st, len(d.files))
		}
	})
}

// An event without a time of its own gets one from the clock that could be
// trusted last, if there was one.
func TestSegmentTimes(t *testing.T) {
	const second = int64(time.Second)
	wall := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	d := newMemDisk()
	d.dir = true
	file := func(num int, data []byte) {
		d.files[fmt.Sprintf("%016x.spool", num)] = &memFile{data: data, synced: len(data), named: true}
	}
	file(1, appendTestBatch(nil, 1, 1, 1, anchor{mono: 5 * second}))                             // never knew the time
	file(2, appendTestBatch(nil, 1, 2, 1, anchor{mono: 10 * second}))                            // the same run
	file(3, appendTestBatch(nil, 2, 1, 1, anchor{mono: second}))                                 // before it knew
	file(4, appendTestBatch(nil, 2, 2, 1, anchor{mono: 3 * second, unix: wall, sane: true}))     // when it knew
	file(5, appendTestBatch(nil, 2, 3, 1, anchor{mono: 4 * second, unix: wall - 1, sane: true})) // set back since
	file(6, appendTestBatch(nil, 3, 1, 1, anchor{mono: 100 * second}))                           // never knew
	n := newNode(t, d, 9, MinSize, MinSpool)
	var got [][2]int64
	for e := (Event{}); n.r.Peek(n.b) > 0; {
		for n.b.Next(&e) {
			got = append(got, [2]int64{e.Time, e.Mono})
		}
	}
	before := -100*second - 4*second - 10*second // this run's start is not before the end of the others
	want(t, "times", got, [][2]int64{
		{0, before + 1}, {0, before + 2},
		{wall - 1 - 4*second + 1, 1}, {wall - 3*second + 2, 2}, {wall - 1 - 4*second + 3, 3},
		{0, -100*second + 1},
	})
}
