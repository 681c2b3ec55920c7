package ring

import (
	"encoding/binary"
	"testing"
)

// FuzzRecords reads arbitrary bytes as a batch and as a record: no panic, no
// more events than fit, and whatever decodes encodes to the same event.
func FuzzRecords(f *testing.F) {
	frame := func(rec []byte) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, uint32(len(rec))), rec...)
	}
	good := (&Event{Time: 1 << 40, Mono: -1, PotID: []byte("p"), Pot: []byte("tcp"), Type: []byte("tcp.x"), Data: []byte("{}")}).append(nil)
	f.Add(frame(good))
	f.Add(append(frame(good), frame(good[:len(good)-1])...))
	f.Add(append(frame([]byte{0x95}), frame(good)...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f, 0x7f, 0xff, 0xff, 0xff})
	f.Add(good)
	f.Fuzz(func(t *testing.T, s []byte) {
		potOf(s)
		var e Event
		_ = e.decode(s)
		b := &Batch{first: 1, n: 1, rest: s}
		n := 0
		for b.Next(&e) {
			n++
			var again Event
			if err := again.decode(e.append(nil)); err != nil {
				t.Fatalf("%+v does not read back: %v", e, err)
			}
			if header+len(e.append(nil)) > header+e.maxSize() {
				t.Fatalf("%+v is larger than maxSize", e)
			}
		}
		if n > len(s)/(header+fields) {
			t.Fatalf("%d events in %d bytes", n, len(s))
		}
	})
}

func BenchmarkPut(b *testing.B) {
	r, e := newRing(b, 1<<20), sized(b, "telnet-23", 350)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Put(e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThrough is one event put, peeked, decoded and forgotten.
func BenchmarkThrough(b *testing.B) {
	r, e, batch := newRing(b, 1<<20), sized(b, "telnet-23", 350), NewBatch(64<<10)
	var got Event
	b.ReportAllocs()
	for b.Loop() {
		if seq, _ := r.Put(e); seq%128 != 0 {
			continue
		}
		for r.Peek(batch) > 0 {
			for batch.Next(&got) {
			}
			r.Forget(batch.Last())
		}
	}
}
