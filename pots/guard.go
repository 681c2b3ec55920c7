package pots

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// evictAge is how long a connection must have been silent before a newcomer
// may have its place. A session that goes on is not worth less than one that
// begins; one that only holds a place is.
const evictAge = 10 * time.Second

// guard counts the open connections of all pots and says who may come in.
//
// A full house does not lock newcomers out: the connection that has been
// silent longest goes, at the pot in question or at the fullest.
type guard struct {
	limits   Limits
	evictAge time.Duration

	mu    sync.Mutex
	open  int
	lists []*list // of the listeners that are open
	// addrs counts connections by address key. An entry lives as long as a
	// connection of its address, so the table holds at most Limits.Conns
	// entries and can't be full while there is a place left.
	addrs map[uint64]int
}

func newGuard(l Limits) *guard {
	return &guard{limits: l, evictAge: evictAge, addrs: make(map[uint64]int)}
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
}

// admit takes c in or says why not.
func (g *guard) admit(l *list, c *Conn) admission {
	key := addrKey(c.src.Addr())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.addrs[key] >= g.limits.ConnsPerAddr {
		return refusedAddr
	}
	if l.n >= g.limits.ConnsPerPot && !g.evict(l, c.start) {
		return refusedPot
	}
	if g.open >= g.limits.Conns && !g.evict(g.fullest(), c.start) {
		return refusedTotal
	}
	c.key = key
	g.addrs[key]++
	g.open++
	l.push(c)
	return admitted
}

// evict makes room by ending the connection that has been silent longest of
// the oldest few, if that is long enough. Its place is free at once; its
// goroutine ends on its own.
func (g *guard) evict(l *list, now time.Duration) bool {
	var victim *Conn
	silent := g.evictAge
	for c, n := l.head, 0; c != nil && n < evictLook; c, n = c.next, n+1 {
		if s := now - time.Duration(c.last.Load()); s >= silent {
			victim, silent = c, s
		}
	}
	if victim == nil {
		return false
	}
	g.drop(l, victim)
	victim.interrupt(reasonEvicted)
	return true
}

// evictLook is how many of the oldest connections are looked at: a bound for
// what one newcomer costs.
const evictLook = 64

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
	if g.addrs[c.key]--; g.addrs[c.key] == 0 {
		delete(g.addrs, c.key)
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

// addrKey names who counts as one address: an IPv4 address, or the /64 that
// one IPv6 customer has at least. IPv4 sits in ::/8, where no IPv6 /64 is
// handed out (RFC 4291 section 2.4).
func addrKey(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return 0xffff<<32 | uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])
}
