package ring

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
)

// model is the ring as a plain list: what it holds, where each record lies,
// and every counter.
type model struct {
	held   []rec
	head   int    // next free byte
	next   uint64 // number of the next event
	cursor uint64 // number of the next event to read
	stats  Stats
	waits  bool // the reader found nothing
	token  bool
}

type rec struct {
	seq       uint64
	at, size  int
	pot, data []byte
}

func newModel(first uint64) *model {
	return &model{next: first, cursor: first, stats: Stats{Size: MinSize, ByPot: map[string]uint64{}}}
}

func (m *model) lose(cause *uint64, pot []byte, n uint64) {
	*cause += n
	m.stats.Dropped += n
	m.stats.ByPot[string(pot)] += n
}

func (m *model) drop() {
	if o := m.held[0]; o.seq < m.cursor {
		m.stats.Unsettled++
	} else {
		m.cursor = o.seq + 1
		m.lose(&m.stats.Loss.Pushed, o.pot, 1)
	}
	m.held = m.held[1:]
}

// put drops what lies above the head when the record goes to the start, then
// what lies where the record goes.
func (m *model) put(pot, data []byte, need, size int) {
	if len(m.held) == 0 {
		m.head = 0
	}
	if m.head+need > MinSize {
		for len(m.held) > 0 && m.held[0].at >= m.head {
			m.drop()
		}
		m.head = 0
	}
	for len(m.held) > 0 && m.held[0].at >= m.head && m.held[0].at < m.head+need {
		m.drop()
	}
	m.held = append(m.held, rec{m.next, m.head, size, pot, data})
	m.head += size
	m.next++
	m.stats.Put++
	m.token = m.token || m.waits
	m.waits = false
}

// peek returns what one batch of size bytes takes.
func (m *model) peek(size int) (out []rec) {
	for _, r := range m.held {
		if r.seq < m.cursor {
			continue
		}
		if size -= r.size; size < 0 {
			break
		}
		out = append(out, r)
		m.cursor = r.seq + 1
	}
	m.waits = len(out) == 0
	return out
}

func (m *model) forget(seq uint64) {
	for len(m.held) > 0 && m.held[0].seq <= seq && m.held[0].seq < m.cursor {
		m.held = m.held[1:]
		m.stats.Forgotten++
	}
}

func (m *model) oldest() uint64 {
	if len(m.held) == 0 {
		return m.next
	}
	return m.held[0].seq
}

func (m *model) rewind() {
	m.cursor = m.oldest()
	m.token = m.token || len(m.held) > 0
}

// pair is the ring and its model, stepped together.
type pair struct {
	t *testing.T
	r *Ring
	m *model
	b [2]*Batch // the smallest and a larger one
}

// run takes its operations from s, three bytes each.
func run(t *testing.T, s []byte) {
	first := uint64(len(s)) << 32
	r, err := New(MinSize, first)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := &pair{t, r, newModel(first), [2]*Batch{NewBatch(0), NewBatch(3 * MaxRecord)}}
	for ; len(s) >= 3; s = s[3:] {
		p.step(s[0], int(binary.BigEndian.Uint16(s[1:])))
		p.check()
	}
	for p.m.rewind(); len(p.m.held) > 0; p.forget(1 << 63) {
		p.r.Rewind()
		p.peek(1)
		p.check()
	}
	p.check()
}

func (p *pair) step(op byte, arg int) {
	switch pot := []byte{'p', '0' + op>>5}; op % 16 {
	case 0, 1, 2, 3, 4:
		p.put(pot, arg%2048)
	case 5:
		p.put(pot, arg)
	case 6, 7, 8, 9:
		p.peek(int(op) % 2)
	case 10, 11, 12:
		p.forget(p.m.oldest() + uint64(arg%300))
	case 13:
		p.r.Rewind()
		p.m.rewind()
	case 14:
		p.r.CountLoss(pot, uint64(arg))
		p.m.lose(&p.m.stats.Loss.Refused, pot, uint64(arg))
	case 15:
		select {
		case <-p.r.Ready():
			if !p.m.token {
				p.t.Fatal("a token for nothing")
			}
			p.m.token = false
		default:
			if p.m.token {
				p.t.Fatal("no token")
			}
		}
	}
}

func (p *pair) put(pot []byte, n int) {
	e := Event{PotID: pot, Mono: int64(n), Time: 1 << uint(n%63), Data: bytes.Repeat([]byte{byte(n)}, n)}
	need := header + e.maxSize()
	seq, err := p.r.Put(&e)
	if need > MaxRecord {
		p.m.lose(&p.m.stats.Loss.Refused, pot, 1)
		if err == nil {
			p.t.Fatalf("%d bytes were taken", need)
		}
		return
	}
	if err != nil || seq != p.m.next {
		p.t.Fatalf("Put gave %d %v, want %d", seq, err, p.m.next)
	}
	p.m.put(pot, e.Data, need, header+len(e.append(nil)))
}

func (p *pair) peek(batch int) {
	b := p.b[batch]
	n, want := p.r.Peek(b), p.m.peek(cap(b.buf))
	if n != len(want) || n > 0 && b.Last() != want[n-1].seq {
		p.t.Fatalf("Peek gave %d, want %d", n, len(want))
	}
	var e Event
	for _, w := range want {
		if !b.Next(&e) || e.Seq != w.seq || !bytes.Equal(e.PotID, w.pot) || !bytes.Equal(e.Data, w.data) ||
			e.Mono != int64(len(w.data)) || e.Time != 1<<uint(len(w.data)%63) {
			p.t.Fatalf("event %d %q with %d bytes, want %d %q with %d", e.Seq, e.PotID, len(e.Data), w.seq, w.pot, len(w.data))
		}
	}
	if b.Next(&e) {
		p.t.Fatal("one event too many")
	}
}

func (p *pair) forget(seq uint64) {
	p.r.Forget(seq)
	p.m.forget(seq)
}

func (p *pair) check() {
	p.t.Helper()
	m := p.m
	want := m.stats
	want.Held, want.Unread = uint64(len(m.held)), m.next-m.cursor
	got := p.r.Stats()
	sum := 0
	for _, r := range m.held {
		sum += r.size
	}
	if got.Used < sum || got.Used > MinSize || got.Used > sum+2*MaxRecord {
		p.t.Fatalf("used %d, the records take %d", got.Used, sum)
	}
	want.Used = got.Used
	if !reflect.DeepEqual(got, want) {
		p.t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// TestModel runs long random mixes, each leaning to another kind of operation.
func TestModel(t *testing.T) {
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := make([]byte, 3*1500)
		for i := range s {
			s[i] = byte(rnd.Uint32())
			if i%3 == 0 && rnd.Uint64()%10 < seed {
				s[i] &= 0xe3 // more puts
			}
		}
		run(t, s)
	}
}

func FuzzRing(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 5 {
		s := make([]byte, 3*10<<n)
		for i := range s {
			s[i] = byte(rnd.Uint32())
		}
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s []byte) { run(t, s[:min(len(s), 3*2000)]) })
}
