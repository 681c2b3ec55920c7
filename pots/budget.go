package pots

import (
	"bytes"
	"math/bits"
	"net/netip"
	"sync"
	"time"
)

// A flood from one address is summed up: each address has a budget of events
// at each pot, and what goes beyond it is counted and told in one <type>.flood
// event every floodWindow, so that the ring keeps room for everybody else and
// no loss is silent.
//
// A budget is a burst and a rate. The burst is a part of the ring, so that it
// follows the memory class: with a ring of 1, 4 and 16 MiB one address may
// tell 512, 2048 and 8192 logins at once, and 16, 64 and 256 a second from
// then on.
const (
	budgetRefill = 32 * time.Second // in which a whole burst comes back
	budgetWide   = 8                // an IPv6 /48 may tell so many times what a /64 may
	budgetForged = 8                // a part of that for an address that may be forged, and half for all of them together
	budgetWays   = 4                // shares that compete for one place in the table
)

// kind is what is budgeted apart, so that a flood of connections leaves the
// credentials, and a flood of credentials the commands.
type kind uint8

const (
	kindSession kind = iota // connections that come and go
	kindLogin
	kindOther // commands, payloads, downloads, …
	kinds
)

// budgetPart is how many bytes of the ring stand for one event of the burst,
// by kind.
var budgetPart = [kinds]int{kindSession: 4 << 10, kindLogin: 2 << 10, kindOther: 1 << 10}

// leastBurst is the burst of each kind with the smallest rings.
const leastBurst = 256

// kindOf tells the kind of an event from the second half of its type.
func kindOf(what []byte) kind {
	switch {
	case bytes.HasPrefix(what, []byte("login.")):
		return kindLogin
	case string(what) == "session.connect" || string(what) == "session.closed":
		return kindSession
	}
	return kindOther
}

// budget is what every address has left at every pot. Its table has a fixed
// number of shares; one that has had its burst back is worth no more than a
// new one, so those go first when the table is full.
type budget struct {
	each   [kinds]time.Duration // in which one event more may be told
	places int                  // a power of two
	window *time.Duration       // between two summaries
	tell   func([]*flooded)     // called without the lock

	mu     sync.Mutex
	shares []*[budgetWays]share // by place; nil: none was needed there yet
	gone   []*flooded           // summaries whose shares went
	timer  *time.Timer          // runs while there is something to tell
}

// share is one address's at one pot.
type share struct {
	inst *instance
	key  uint64
	due  [kinds]time.Duration // when the share would be whole again
	sum  *flooded             // what was not told; nil: nothing
}

// flooded is what one summary stands for.
type flooded struct {
	inst     *instance
	src, dst netip.AddrPort // of the last one
	wide     netip.Prefix   // the network of many addresses, or nothing
	since    time.Duration
	events   [kinds]int64
	connects int64
	bytes    int64 // of the sessions whose end was not told
}

// newBudget makes a table with two shares for each connection that may be
// open; a share takes 48 bytes.
func newBudget(ringSize, conns int, window *time.Duration, tell func([]*flooded)) *budget {
	b := &budget{window: window, tell: tell, places: 1 << bits.Len(uint(max(conns/2, 1)-1))}
	for k, part := range budgetPart {
		b.each[k] = budgetRefill / time.Duration(max(ringSize/part, leastBurst))
	}
	return b
}

// take tells whether e may be told, at now; if not, it has been counted.
func (b *budget) take(e *Event, now time.Duration) bool {
	c, k := e.conn, kindOf(e.what())
	b.mu.Lock()
	s := b.find(e.inst, c.key, now)
	own, all := b.rates(c, k)
	ok := s.spend(k, own, now)
	if wide := wideKey(c); ok && wide != 0 {
		s = b.find(e.inst, wide, now)
		ok = s.spend(k, all, now)
	}
	if !ok {
		b.count(s, e, k, now)
	}
	gone := b.gone
	b.gone = nil
	b.mu.Unlock()
	if gone != nil {
		b.tell(gone)
	}
	return ok
}

// rates is the time between two events of an address and of its network.
func (b *budget) rates(c *Conn, k kind) (own, wide time.Duration) {
	if c.l.forged {
		return b.each[k] * budgetForged, b.each[k] * 2
	}
	return b.each[k], b.each[k] / budgetWide
}

// spend takes one event off the share, if it has one.
func (s *share) spend(k kind, each, now time.Duration) bool {
	due := max(s.due[k], now) + each
	if due > now+budgetRefill {
		return false
	}
	s.due[k] = due
	return true
}

// find returns the share of key at inst, a whole one if there is none. It may
// take the place of another, which is told if it stands for anything.
func (b *budget) find(inst *instance, key uint64, now time.Duration) *share {
	if b.shares == nil {
		b.shares = make([]*[budgetWays]share, b.places)
	}
	h := (key ^ inst.salt) * 0x9e3779b97f4a7c15
	h ^= h >> 32 // the product's low bits know little of the key's high ones
	place := &b.shares[h&uint64(b.places-1)]
	if *place == nil {
		*place = new([budgetWays]share)
	}
	least := &(*place)[0]
	for i := range budgetWays {
		s := &(*place)[i]
		if s.inst == inst && s.key == key {
			return s
		}
		if s.worth(now) < least.worth(now) {
			least = s
		}
	}
	if least.sum != nil {
		b.gone = append(b.gone, least.sum)
	}
	*least = share{inst: inst, key: key}
	return least
}

// worth is what would be forgotten with the share.
func (s *share) worth(now time.Duration) time.Duration {
	if s.inst == nil {
		return -1
	}
	spent := time.Duration(0)
	for _, due := range s.due {
		spent = max(spent, due-now)
	}
	if s.sum != nil {
		spent += budgetRefill
	}
	return spent
}

// count adds an event that is not told to the share's summary.
func (b *budget) count(s *share, e *Event, k kind, now time.Duration) {
	c := e.conn
	if s.sum == nil {
		s.sum = &flooded{inst: e.inst, since: now}
		if s.key != c.key {
			s.sum.wide = wideNet(c)
		}
	}
	f := s.sum
	f.src, f.dst = c.src, c.dst
	f.events[k]++
	switch string(e.what()) {
	case "session.connect":
		f.connects++
	case "session.closed":
		f.bytes += c.in
	case "session.data":
		if c.l.forged { // a datagram has no end
			f.bytes += c.in
		}
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(*b.window, func() { b.flush(nil) })
	}
}

// flush tells what was summed up, of one pot or of all.
func (b *budget) flush(inst *instance) {
	b.mu.Lock()
	all := b.takeSums(inst)
	if inst == nil && b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	b.mu.Unlock()
	b.tell(all)
}

// takeSums takes the summaries of one pot or of all. The lock is held.
func (b *budget) takeSums(inst *instance) (all []*flooded) {
	for _, place := range b.shares {
		if place == nil {
			continue
		}
		for i := range place {
			if s := &place[i]; s.sum != nil && (inst == nil || s.inst == inst) {
				all = append(all, s.sum)
				s.sum = nil
			}
		}
	}
	return all
}

// tell makes the event of a summary.
func (f *flooded) tell(now time.Duration) {
	c := Conn{l: &listener{inst: f.inst}, src: f.src, dst: f.dst, session: f.inst.m.nextSession()}
	e := c.Event("flood").
		Number("count", f.events[kindSession]+f.events[kindLogin]+f.events[kindOther]).
		Number("connects", f.connects).
		Number("logins", f.events[kindLogin]).
		Number("bytes_in", f.bytes).
		Seconds("duration", now-f.since)
	if f.wide.IsValid() {
		e.String("network", f.wide.String())
	}
	e.Send()
}

// wideAll stands for all addresses together, where they can be forged.
const wideAll = 0xfffe << 48

// wideKey names the network whose addresses share a budget beside their own: a
// customer of IPv6 has 65,536 networks of 64 bits (RFC 6177). 0: there is
// none. No IPv6 address has it as its key: ff00::/8 is multicast.
func wideKey(c *Conn) uint64 {
	switch {
	case c.l.forged:
		return wideAll
	case c.key>>32 == keyIPv4:
		return 0
	}
	return 0xffff<<48 | c.key>>16
}

func wideNet(c *Conn) netip.Prefix {
	bits := 48
	if c.l.forged {
		bits = 0
	}
	net, _ := c.src.Addr().Prefix(bits)
	return net
}
