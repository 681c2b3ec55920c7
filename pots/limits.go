package pots

import "time"

// Limits is what attackers may take of the node. A zero value gets its
// default; board's memory class gives the values of a real node.
type Limits struct {
	Conns        int           // open connections, all pots together
	ConnsPerPot  int           // of them at one pot
	ConnsPerAddr int           // of them from one IPv4 address or one IPv6 /64
	Idle         time.Duration // silence before we close
	Lifetime     time.Duration // of one connection
	BytesIn      int64         // of one connection, from the attacker
}

// The defaults: board's medium class, and for one connection what the longest
// sessions of published honeypot logs stay under.
const (
	defaultConns        = 1024
	defaultConnsPerPot  = 768
	defaultConnsPerAddr = 384
	defaultIdle         = 2 * time.Minute
	defaultLifetime     = 30 * time.Minute
	defaultBytesIn      = 8 << 20
)

// withDefaults fills in what is zero, and keeps the smaller limits inside the
// larger ones.
func (l Limits) withDefaults() Limits {
	l.Conns = orDefault(l.Conns, defaultConns)
	l.ConnsPerPot = min(orDefault(l.ConnsPerPot, defaultConnsPerPot), l.Conns)
	l.ConnsPerAddr = min(orDefault(l.ConnsPerAddr, defaultConnsPerAddr), l.Conns)
	l.Idle = orDefault(l.Idle, defaultIdle)
	l.Lifetime = orDefault(l.Lifetime, defaultLifetime)
	l.BytesIn = orDefault(l.BytesIn, defaultBytesIn)
	return l
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
