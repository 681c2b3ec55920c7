package pots

import (
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"forager/conn/wire"
)

// Limits of the watch for port scans, what we chose.
const (
	scanPorts   = 5                // different ports that make a scan
	scanWindow  = 30 * time.Second // of quiet behind its last port end a scan
	scanLongest = 10 * time.Minute // a scan is told even while it goes on
	scanListed  = 64               // ports that its event lists; all are counted
	scanWays    = 4                // addresses that compete for a place
)

// scanWatch turns many ports from one address into one event. It remembers
// about one address for each connection that the node may have open, and more
// than scanListed ports of a sixteenth of them, 8 KB each.
type scanWatch struct {
	origin *listener // of its events
	least  int
	window time.Duration

	mu     sync.Mutex
	seen   []scanned
	maps   int // bitmaps left
	timer  *time.Timer
	closed bool
}

// scanned is one address, an IPv6 /64 as one.
type scanned struct {
	key         uint64
	src, dst    netip.AddrPort // of the last contact
	first, last time.Duration
	contacts    int64
	ports       int // different ones; with no bitmap those of the list
	list        []uint16
	bits        *[1 << 16 / 64]uint64 // the ports, once it is a scan
}

// newScanWatch makes a watch for a node with so many connections.
func newScanWatch(origin *listener, least int, window time.Duration) *scanWatch {
	places := max(origin.limits().Conns/scanWays, 1)
	return &scanWatch{origin: origin, least: least, window: window, seen: make([]scanned, places*scanWays), maps: max(places/4, 1)}
}

// see notes that src came to the port of dst. A nil watch sees nothing.
func (w *scanWatch) see(src, dst netip.AddrPort, now time.Duration) {
	if w != nil {
		w.tell(w.count(src, dst, now))
	}
}

// count returns whose place was needed.
func (w *scanWatch) count(src, dst netip.AddrPort, now time.Duration) (gone []scanned) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, gone := w.find(addrKey(src.Addr()), now)
	s.src, s.dst, s.last = src, dst, now
	s.contacts++
	w.note(s, dst.Port())
	if s.ports >= w.least && w.timer == nil && !w.closed {
		w.timer = time.AfterFunc(w.window, w.look)
	}
	return gone
}

// find returns the place of an address. Who had it before and was scanning is
// returned too.
func (w *scanWatch) find(key uint64, now time.Duration) (s *scanned, gone []scanned) {
	at := int((key^w.origin.inst.salt)*0x9e3779b97f4a7c15>>33) % (len(w.seen) / scanWays) * scanWays
	s = &w.seen[at]
	for i := range scanWays {
		o := &w.seen[at+i]
		if o.key == key && o.contacts > 0 && !w.over(o, now) {
			return o, nil
		}
		if o.key == key || o.last < s.last && s.key != key {
			s = o
		}
	}
	gone = w.take(s, nil)
	*s = scanned{key: key, first: now, list: s.list[:0]}
	return s, gone
}

// over tells whether what is known of an address is told before anything new.
func (w *scanWatch) over(s *scanned, now time.Duration) bool {
	return now-s.last > w.window || now-s.first > scanLongest
}

// note counts a port once.
func (w *scanWatch) note(s *scanned, port uint16) {
	switch {
	case s.bits != nil:
		at, bit := port/64, uint64(1)<<(port%64)
		if s.bits[at]&bit != 0 {
			return
		}
		s.bits[at] |= bit
	case slices.Contains(s.list, port) || len(s.list) == scanListed:
		return
	}
	s.ports++
	if len(s.list) < scanListed {
		s.list = append(s.list, port)
	}
	if s.ports >= w.least && s.bits == nil && w.maps > 0 {
		w.maps--
		s.bits = new([1 << 16 / 64]uint64)
		for _, p := range s.list {
			s.bits[p/64] |= 1 << (p % 64)
		}
	}
}

// take adds a scan to those to be told, and empties its place.
func (w *scanWatch) take(s *scanned, to []scanned) []scanned {
	if s.bits != nil {
		w.maps++
		s.bits = nil
	}
	if s.ports >= w.least {
		to = append(to, *s)
		s.list = nil // it goes with the copy
	}
	s.contacts, s.ports = 0, 0
	return to
}

// look tells the scans that are over, and comes back while there are others.
func (w *scanWatch) look() {
	var all []scanned
	now, more := w.origin.now(), false
	w.mu.Lock()
	for i := range w.seen {
		if s := &w.seen[i]; s.ports >= w.least {
			if w.closed || w.over(s, now) {
				all = w.take(s, all)
			} else {
				more = true
			}
		}
	}
	w.timer = nil
	if more {
		w.timer = time.AfterFunc(w.window/4, w.look)
	}
	w.mu.Unlock()
	w.tell(all)
}

func (w *scanWatch) tell(all []scanned) {
	for i := range all {
		s := &all[i]
		c := Conn{l: w.origin, src: s.src, dst: s.dst, session: w.origin.inst.m.nextSession()}
		slices.Sort(s.list)
		e := c.Event("scan.detected").
			Number("count", int64(s.ports)).
			Number("contacts", s.contacts).
			Seconds("duration", s.last-s.first)
		e.data = wire.AppendRaw(e.data, "ports", appendPorts(nil, s.list))
		e.Send()
	}
}

func appendPorts(dst []byte, list []uint16) []byte {
	dst = append(dst, '[')
	for i, p := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(p), 10)
	}
	return append(dst, ']')
}

// close tells what is left.
func (w *scanWatch) close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.look()
}
