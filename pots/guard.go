package pots

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// When the house is full a newcomer may take somebody's place. A session that
// goes on is not worth less than one that begins; one that only holds a place
// is, and so are the many of one address or network.
var evictAges = ages{
	hog:     time.Second,
	silent:  10 * time.Second,
	stalled: 30 * time.Second,
	old:     5 * time.Minute,
}

// ages is how long a connection is safe.
type ages struct {
	hog     time.Duration // since it came, if its address or network holds many more than the newcomer's
	silent  time.Duration // since a byte came or went
	stalled time.Duration // since the last event: bytes alone are cheap
	old     time.Duration // since it came, whatever it does
}

const (
	// evictLook is how many connections are looked at: a bound for what one
	// newcomer costs. The next one goes on where the last one stopped.
	evictLook = 64
	// evictSlack is how many places more than another's are no matter.
	evictSlack = 8
)

// guard counts the open connections of all pots and says who may come in.
//
// A full house does not lock newcomers out: those who hold most places give
// one back, or those who have been silent longest, at the pot in question or
// at the fullest.
type guard struct {
	limits Limits
	ages   ages

	mu    sync.Mutex
	open  int
	lists []*list // of the listeners that are open
	// addrs and nets count connections by address key and by network. An
	// entry lives as long as a connection of its address, so each table
	// holds at most Limits.Conns entries and can't be full while there is a
	// place left.
	addrs, nets map[uint64]int
}

func newGuard(l Limits) *guard {
	return &guard{limits: l, ages: evictAges, addrs: make(map[uint64]int), nets: make(map[uint64]int)}
}

// admission is what the guard says of a newcomer.
type admission int

const (
	admitted admission = iota
	refusedAddr
	refusedPot
	refusedTotal
)

// list holds a listener's open connections, the one that has been open longest
// first. The guard's lock covers it.
type list struct {
	head, tail *Conn
	n          int
	hand       *Conn // where the next search for a victim begins; nil: at the head
}

// admit takes c in or says why not.
func (g *guard) admit(l *list, c *Conn) admission {
	c.key = addrKey(c.src.Addr())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.addrs[c.key] >= g.limits.ConnsPerAddr {
		return refusedAddr
	}
	if l.n >= g.limits.ConnsPerPot && !g.evict(l, c) {
		return refusedPot
	}
	if g.open >= g.limits.Conns && !g.evict(g.fullest(), c) {
		return refusedTotal
	}
	g.addrs[c.key]++
	g.nets[netKey(c.key)]++
	g.open++
	l.push(c)
	return admitted
}

// evict makes room for a newcomer, if somebody may go. The place is free at
// once; the goroutine that had it ends on its own.
func (g *guard) evict(l *list, newcomer *Conn) bool {
	var victim *Conn
	var most claim
	c := l.hand
	for range min(evictLook, l.n) {
		if c == nil {
			c = l.head
		}
		if d := g.claim(c, newcomer); d.beats(most) {
			victim, most = c, d
		}
		c = c.next
	}
	l.hand = c
	if victim == nil {
		return false
	}
	g.drop(l, victim)
	victim.interrupt(reasonEvicted)
	return true
}

// claim is what a newcomer can say against a connection; zero: nothing.
type claim struct {
	hog    int // places that its address or network holds
	silent time.Duration
	idle   time.Duration // without an event, or open
}

func (a claim) beats(b claim) bool {
	if a.hog != b.hog {
		return a.hog > b.hog
	}
	if a.silent != b.silent {
		return a.silent > b.silent
	}
	return a.idle > b.idle
}

func (g *guard) claim(c, newcomer *Conn) (d claim) {
	mine, theirs := g.addrs[newcomer.key], g.addrs[c.key]
	if mine > theirs+evictSlack {
		return d // it should not take from those who have less
	}
	now := newcomer.start
	open, silent := now-c.start, now-time.Duration(c.last.Load())
	if net := netKey(c.key); open >= g.ages.hog && (theirs > mine+evictSlack || g.nets[net] > g.nets[netKey(newcomer.key)]+evictSlack) {
		d.hog = max(theirs, g.nets[net])
	}
	if silent >= g.ages.silent {
		d.silent = silent + 1 // also when that is nothing
	}
	if stalled := now - time.Duration(c.told.Load()); stalled >= g.ages.stalled || open >= g.ages.old {
		d.idle = max(stalled, open) + 1
	}
	return d
}

// fullest returns the list with the most connections.
func (g *guard) fullest() *list {
	most := &list{}
	for _, l := range g.lists {
		if l.n > most.n {
			most = l
		}
	}
	return most
}

// openList and closeList make a listener's list known.
func (g *guard) openList(l *list) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lists = append(g.lists, l)
}

func (g *guard) closeList(l *list) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lists = slices.DeleteFunc(g.lists, func(o *list) bool { return o == l })
}

// leave gives c's place back, if it still has one.
func (g *guard) leave(l *list, c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.listed {
		g.drop(l, c)
	}
}

func (g *guard) drop(l *list, c *Conn) {
	l.remove(c)
	g.open--
	release(g.addrs, c.key)
	release(g.nets, netKey(c.key))
}

// release takes one off.
func release(m map[uint64]int, key uint64) {
	if n := m[key] - 1; n > 0 {
		m[key] = n
	} else {
		delete(m, key)
	}
}

// interruptAll ends every connection of l.
func (g *guard) interruptAll(l *list) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := l.head; c != nil; c = c.next {
		c.interrupt(reasonStopped)
	}
}

func (l *list) push(c *Conn) {
	c.listed, c.prev, c.next = true, l.tail, nil
	if l.tail == nil {
		l.head = c
	} else {
		l.tail.next = c
	}
	l.tail = c
	l.n++
}

func (l *list) remove(c *Conn) {
	if l.hand == c {
		l.hand = c.next
	}
	if c.prev == nil {
		l.head = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.tail = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.listed, c.prev, c.next = false, nil, nil
	l.n--
}

// keyIPv4 marks the keys of IPv4 addresses. They sit in ::/8, where no IPv6 /64
// is handed out (RFC 4291 section 2.4).
const keyIPv4 = 0xffff

// addrKey names who counts as one address: an IPv4 address, or the /64 that
// one IPv6 customer has at least. It is never 0, which is the key of what we
// tell ourselves: ::1 and its like have that of the next /64.
func addrKey(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return keyIPv4<<32 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return max(binary.BigEndian.Uint64(b[:8]), 1)
}

// netKey names the network of an address: an IPv4 /24, or the /48 that one
// IPv6 customer has at most (RFC 6177).
func netKey(key uint64) uint64 {
	if key>>32 == keyIPv4 {
		return key &^ 0xff
	}
	return key &^ 0xffff
}
