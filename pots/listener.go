package pots

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"forager/board"
)

// A failing accept waits so long, doubling from the first to the last: running
// out of descriptors (EMFILE) must not become a busy loop.
const (
	acceptWaitMin = 5 * time.Millisecond
	acceptWaitMax = time.Second
)

// stopWait is how long a stop waits for the connections' goroutines, whose
// connections are interrupted by then.
const stopWait = 2 * time.Second

// listener is the service of a pot that waits for connections.
type listener struct {
	inst     *instance
	ln       *net.TCPListener
	greeting []byte
	redirect bool // connections come from a firewall's redirection
	forged   bool // the source may be: nobody has shown that he hears us
	scan     *scanWatch
	syn      *synWatch
	flood    flood
	done     chan struct{}  // closed by stop
	loop     sync.WaitGroup // the accept loop
	conns    sync.WaitGroup // the connections' goroutines
	list     list           // under the guard's lock

	proofs board.Proofs
}

var conns = sync.Pool{New: func() any { return new(Conn) }}

// listen starts a pot's listener.
func listen(i *instance) (service, error) {
	network, address, err := i.spec.address()
	if err != nil {
		return nil, err
	}
	// A negative KeepAlive saves four system calls a connection; the idle
	// limit ends what is dead.
	lc := net.ListenConfig{KeepAlive: -1}
	ln, err := lc.Listen(context.Background(), network, address)
	if err != nil {
		return nil, fmt.Errorf("listen=%s: %w", i.spec.Listen, cause(err))
	}
	l := &listener{inst: i, ln: ln.(*net.TCPListener), done: make(chan struct{})}
	if err := limitBacklog(l.ln, l.limits().backlog()); err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("listen=%s: %w", i.spec.Listen, err)
	}
	l.flood.l = l
	if g, ok := i.handler.(Greeter); ok {
		l.greeting = g.Greeting()
	}
	if r, ok := i.handler.(redirected); ok {
		l.redirect = true
		l.scan, l.syn = r.watch(l)
	}
	i.m.guard.openList(&l.list)
	l.loop.Go(l.accept)
	return l, nil
}

// cause leaves the system's words of a network error.
func cause(err error) error {
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		return sys.Err
	}
	return err
}

func (l *listener) addr() string       { return l.ln.Addr().String() }
func (l *listener) limits() *Limits    { return &l.inst.m.guard.limits }
func (l *listener) now() time.Duration { return time.Since(l.inst.m.cfg.Epoch) }

// accept is the loop that takes connections in.
func (l *listener) accept() {
	wait := time.Duration(0)
	for {
		nc, err := l.ln.AcceptTCP()
		switch {
		case err == nil:
			wait = 0
			l.take(nc)
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = l.ln.SetDeadline(time.Time{})
			l.proofs.Answer(false)
		case errors.Is(err, net.ErrClosed):
			l.proofs.Answer(true)
			return
		default:
			if wait == 0 {
				l.inst.m.cfg.Log.Warnf("pot %s: accept: %v; waiting for better times", l.inst.spec.ID, cause(err))
			}
			wait = min(max(2*wait, acceptWaitMin), acceptWaitMax)
			l.sleep(wait)
		}
	}
}

func (l *listener) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.done:
	}
}

// take asks the guard about a new connection and starts it. What it does here
// needs not be done on the connection's own stack.
func (l *listener) take(nc *net.TCPConn) {
	c := conns.Get().(*Conn)
	c.nc, c.l = nc, l
	c.src, c.dst = addrPort(nc.RemoteAddr()), addrPort(nc.LocalAddr())
	if l.inst.m.ignores(c.src.Addr()) {
		_ = nc.Close()
		l.inst.count.ignored.Add(1)
		c.recycle()
		return
	}
	l.aim(c)
	c.start = l.now()
	l.scan.see(c.src, c.dst, c.start)
	c.last.Store(int64(c.start))
	c.idle = l.limits().Idle
	if why := l.inst.m.guard.admit(&l.list, c); why != admitted {
		_ = nc.SetLinger(0) // a reset: nothing lingers, and the kernel forgets it too
		l.refuse(c, why)
		return
	}
	c.session = l.inst.m.nextSession()
	l.inst.count.conns.Add(1)
	l.inst.count.open.Add(1)
	l.conns.Add(1)
	c.arm()
	c.Event("session.connect").Send()
	if len(l.greeting) > 0 {
		_, _ = c.Write(l.greeting) // an empty socket takes it whole; errors show at the first read
	}
	go c.serve()
}

// aim finds what the attacker connected to.
func (l *listener) aim(c *Conn) {
	if l.redirect {
		if dst, ok := originalDst(c.nc.(*net.TCPConn), c.dst); ok {
			c.dst = dst
			return
		}
	}
	if p := l.inst.spec.ReportPort; p != 0 {
		c.dst = netip.AddrPortFrom(c.dst.Addr(), p)
	}
}

// refuse closes at once and counts.
func (l *listener) refuse(c *Conn, why admission) {
	_ = c.nc.Close()
	l.inst.count.refused.Add(1)
	l.flood.add(c, why)
	c.recycle()
}

// serve is a connection's goroutine.
func (c *Conn) serve() {
	defer c.finish()
	c.then = c.l.inst.handler
	for c.then != nil {
		h := c.then
		c.then = nil
		h.Serve(c)
	}
}

// finish closes the connection and tells its end. A handler's bug ends its own
// connection, not the node.
func (c *Conn) finish() {
	l := c.l
	if bug := recover(); bug != nil {
		l.inst.tellBug(bug)
	}
	l.inst.m.guard.leave(&l.list, c)
	_ = c.nc.Close()
	l.inst.count.open.Add(-1)
	l.inst.count.bytesIn.Add(uint64(c.in))
	c.as = nil
	e := c.Event("session.closed").
		Seconds("duration", l.now()-c.start).
		Number("bytes_in", c.in).
		Number("bytes_out", c.out).
		String("reason", reasonNames[c.ended.Load()])
	if c.asked > 0 {
		e.Number("requests", c.asked)
	}
	e.Send()
	c.recycle()
	l.conns.Done()
}

// recycle gives c back. The guard knows it no more.
func (c *Conn) recycle() {
	*c = Conn{}
	conns.Put(c)
}

// addrPort is where a TCP address leads, without a zone, IPv4 as such.
func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// stop closes the listener and its connections and waits for them.
func (l *listener) stop() {
	close(l.done)
	_ = l.ln.Close()
	l.loop.Wait()
	l.inst.m.guard.interruptAll(&l.list)
	gone := make(chan struct{})
	go func() {
		l.conns.Wait()
		close(gone)
	}()
	t := time.NewTimer(stopWait)
	defer t.Stop()
	select {
	case <-gone:
	case <-t.C:
		l.inst.m.complain(fmt.Errorf("pot %s: connections did not end within %s", l.inst.spec.ID, stopWait))
	}
	l.inst.m.guard.closeList(&l.list)
	l.flood.close()
	l.syn.stop()
	l.scan.close()
	l.inst.m.budget.flush(l.inst)
}

// prove wakes the accept loop; it answers by closing the channel.
func (l *listener) prove() <-chan struct{} {
	return l.proofs.Ask(func() { _ = l.ln.SetDeadline(longAgo) })
}
