package pots

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// reason says why a connection ended, in session.closed.
type reason uint32

const (
	reasonNone     reason = iota // the pot was done with it
	reasonClient                 // the attacker closed
	reasonReset                  // the attacker reset, or the network did
	reasonIdle                   // Limits.Idle
	reasonLifetime               // Limits.Lifetime
	reasonBytes                  // Limits.BytesIn
	reasonEvicted                // somebody else needed the place
	reasonStopped                // the pot stopped
	reasonBug                    // a part of it can't go on
)

var reasonNames = [...]string{"done", "client", "reset", "idle", "lifetime", "bytes", "evicted", "stopped", "done"}

// ErrBytes is what Read returns behind Limits.BytesIn.
var ErrBytes = errors.New("too many bytes from the attacker")

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Conn is an attacker's connection behind the guard: it counts, it ends when
// its limits say so, and it makes events. One goroutine uses it, and those that
// guarded starts; it must not be used after Serve has returned.
type Conn struct {
	nc       net.Conn
	l        *listener
	src, dst netip.AddrPort
	session  uint64

	start time.Duration // since the node's start, like every time here
	idle  time.Duration
	in    int64
	out   int64
	asked int64         // requests, of a protocol that has them
	last  atomic.Int64  // when something was read or written last
	told  atomic.Int64  // last, when the last event was made
	ended atomic.Uint32 // the first reason

	as   []byte  // the type of the handler that it was handed to; nil: the pot's
	pre  []byte  // was read before that, and is read again
	then Handler // it goes on with, when Serve has returned

	prev, next *Conn // in the list of the listener
	key        uint64
	listed     bool
}

// potType is the type that events have.
func (c *Conn) potType() []byte {
	if c.as != nil {
		return c.as
	}
	return c.l.inst.typ
}

// Src is the attacker's address.
func (c *Conn) Src() netip.AddrPort { return c.src }

// AddrKey names what counts as one attacker: an IPv4 address or an IPv6 /64.
func (c *Conn) AddrKey() uint64 { return c.key }

// BytesIn is how much has been read.
func (c *Conn) BytesIn() int64 { return c.in }

// CountRequest counts one request of a protocol that has them, for
// session.closed.
func (c *Conn) CountRequest() { c.asked++ }

// SetIdle makes the silence that ends the connection shorter than Limits.Idle,
// from now on.
func (c *Conn) SetIdle(d time.Duration) {
	c.idle = min(d, c.l.limits().Idle)
	c.arm()
}

// Read reads from the attacker. It fails when a limit is reached, and then for
// ever.
func (c *Conn) Read(p []byte) (int, error) {
	if c.in > c.l.limits().BytesIn {
		return 0, ErrBytes
	}
	if len(c.pre) > 0 {
		return c.again(p), nil
	}
	for {
		n, err := c.nc.Read(p)
		if n > 0 {
			return c.took(n)
		}
		if err == nil && len(p) == 0 {
			return 0, nil
		}
		if err = c.failed(err); err != nil {
			return 0, err
		}
	}
}

// errSilent is what readWithin returns when nothing came.
var errSilent = errors.New("the attacker is silent")

// readWithin is Read that gives up after d, with errSilent; the connection goes
// on.
func (c *Conn) readWithin(p []byte, d time.Duration) (int, error) {
	due := min(c.l.now()+d, c.start+c.l.limits().Lifetime)
	_ = c.nc.SetReadDeadline(c.l.inst.m.cfg.Epoch.Add(due))
	if c.ended.Load() != 0 { // interrupted in between
		_ = c.nc.SetDeadline(longAgo)
	}
	n, err := c.nc.Read(p)
	if n > 0 {
		return c.took(n)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && c.ended.Load() == 0 && c.l.now() < c.start+c.l.limits().Lifetime {
		c.arm()
		return 0, errSilent
	}
	return 0, c.failed(err)
}

// again reads what was read before.
func (c *Conn) again(p []byte) int {
	n := copy(p, c.pre)
	if c.pre = c.pre[n:]; len(c.pre) == 0 {
		c.pre = nil
	}
	return n
}

// took counts what was read; what goes over the limit is not given out.
func (c *Conn) took(n int) (int, error) {
	c.in += int64(n)
	c.touch()
	if over := c.in - c.l.limits().BytesIn; over > 0 {
		c.end(reasonBytes)
		if n -= int(min(over, int64(n))); n == 0 {
			return 0, ErrBytes
		}
	}
	return n, nil
}

// Write writes all of p, or fails when the attacker does not take it in time.
func (c *Conn) Write(p []byte) (int, error) {
	done := 0
	for {
		n, err := c.nc.Write(p[done:])
		if n > 0 {
			done += n
			c.out += int64(n)
			c.touch()
		}
		if done == len(p) {
			return done, nil
		}
		if err = c.failed(err); err != nil {
			return done, err
		}
	}
}

// touch notes that the attacker is still there. The deadline stays where it
// was: most sessions are over before it, and the others arm it anew when it
// passes, so that it costs one call a session instead of one a read.
func (c *Conn) touch() { c.last.Store(int64(c.l.now())) }

// failed turns an error into the end of the connection, or into nil when it
// was only the deadline of an older read.
func (c *Conn) failed(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.late(err)
	case err == io.EOF:
		c.end(reasonClient)
	default:
		c.end(reasonReset)
	}
	return err
}

func (c *Conn) late(err error) error {
	if c.ended.Load() != 0 {
		return err
	}
	now := c.l.now()
	switch {
	case now >= c.start+c.l.limits().Lifetime:
		c.end(reasonLifetime)
		return err
	case now >= time.Duration(c.last.Load())+c.idle:
		c.end(reasonIdle)
		return err
	}
	c.arm()
	return nil
}

// arm sets the deadline to when the connection ends if nothing more happens.
func (c *Conn) arm() {
	due := min(time.Duration(c.last.Load())+c.idle, c.start+c.l.limits().Lifetime)
	_ = c.nc.SetDeadline(c.l.inst.m.cfg.Epoch.Add(due))
	if c.ended.Load() != 0 { // interrupted in between
		_ = c.nc.SetDeadline(longAgo)
	}
}

// interrupt ends the connection from outside its goroutine.
func (c *Conn) interrupt(r reason) {
	c.end(r)
	_ = c.nc.SetDeadline(longAgo)
}

// guarded runs a part of the connection in a goroutine of its own, which Serve
// must wait for. A bug in it ends the connection, not the node.
func (c *Conn) guarded(wg *sync.WaitGroup, do func()) {
	wg.Go(func() {
		defer c.contain()
		do()
	})
}

// contain is deferred by whatever works on the connection outside its goroutine.
func (c *Conn) contain() {
	if bug := recover(); bug != nil {
		c.l.inst.tellBug(bug)
		c.interrupt(reasonBug)
	}
}

func (c *Conn) end(r reason) { c.ended.CompareAndSwap(0, uint32(r)) }
