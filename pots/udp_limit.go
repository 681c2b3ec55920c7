package pots

import (
	"net/netip"
	"time"
)

// How often the udp pots answer, each of them: the address that gets the answer
// may be that of somebody who never asked. Of each there is a burst, and one
// more in each time: so an IPv4 /24 or IPv6 /48 gets at most 10 answers in any
// minute, one address 5, and all together 320.
const (
	udpAddrEach, udpAddrBurst = 20 * time.Second, 2
	udpNetEach, udpNetBurst   = 10 * time.Second, 4
	udpAllEach, udpAllBurst   = 200 * time.Millisecond, 20
	udpSlots                  = 1024 // addresses, and networks, that are remembered
)

// udpLimit says who may be answered. Two that share a place can't both be: it
// errs on the side of silence, so that no number of addresses gets more.
type udpLimit struct {
	salt  uint64
	all   time.Duration
	addrs [udpSlots]udpTurn
	nets  [udpSlots]udpTurn
}

// udpTurn is when an address or a network would have its whole burst again.
type udpTurn struct {
	key uint64
	due time.Duration
}

func newUDPLimit(salt uint64) *udpLimit { return &udpLimit{salt: salt} }

// allow tells whether an answer may go to an address at now, and counts it.
func (l *udpLimit) allow(to netip.Addr, now time.Duration) bool {
	key := addrKey(to)
	addr, net := l.place(&l.addrs, key), l.place(&l.nets, netKey(key))
	all := max(l.all, now) + udpAllEach
	if !addr.may(key, now, udpAddrEach, udpAddrBurst) || !net.may(netKey(key), now, udpNetEach, udpNetBurst) || all > now+udpAllBurst*udpAllEach {
		return false
	}
	l.all = all
	addr.spend(key, now, udpAddrEach)
	net.spend(netKey(key), now, udpNetEach)
	return true
}

func (l *udpLimit) place(slots *[udpSlots]udpTurn, key uint64) *udpTurn {
	return &slots[(key^l.salt)*0x9e3779b97f4a7c15>>54] // 10 bits: udpSlots
}

func (t *udpTurn) may(key uint64, now, each time.Duration, burst int) bool {
	if t.key != key && t.due > now {
		return false
	}
	return max(t.due, now)+each <= now+time.Duration(burst)*each
}

func (t *udpTurn) spend(key uint64, now, each time.Duration) {
	t.key, t.due = key, max(t.due, now)+each
}
