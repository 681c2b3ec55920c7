package pots

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"forager/board"
	"forager/conn/ring"
)

// Limits of the intake, beside those of package jsonline.
const (
	// DefaultIntakeConns is how many connections may be open at once: every
	// honeypot of a machine, and a burst of those that open one a line.
	DefaultIntakeConns = 64
	// DefaultIntakeWait is how long a sender waits for the ring to drain
	// before its lines push older events out.
	DefaultIntakeWait = 2 * time.Second
	// intakeRetry is how long a taken port is left alone.
	intakeRetry = time.Minute
	// DefaultIntakeGrace is how long a new connection waits for one to end
	// when all are in use. One that waited in vain makes the next ones be
	// refused at once, until a connection ends.
	DefaultIntakeGrace = time.Second
)

// intakeKeepAlive ends connections whose other side is gone after about two
// minutes; a quiet one that is there stays for ever.
var intakeKeepAlive = net.KeepAliveConfig{
	Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4,
}

// IntakeConfig says where the intake listens and where its events go. Only
// Ring must be set.
type IntakeConfig struct {
	Listen   string        // host:port; empty: off
	Ring     *ring.Ring    // takes the events and counts the lost
	Epoch    time.Time     // the node's start: an event's Mono is since then; zero: when NewIntake was called
	MaxConns int           // open at once; 0: DefaultIntakeConns
	Wait     time.Duration // longest wait for a crowded ring; 0: DefaultIntakeWait
	Grace    time.Duration // longest wait for a connection to end; 0: DefaultIntakeGrace

	// OnlyPot tells the id of the process pot that runs when it is the only
	// one: lines without an id are from it. It is asked for such lines only
	// and may be nil.
	OnlyPot func() (id string, ok bool)
	// Count tells where the events of a pot are counted, besides in all; nil:
	// nowhere. It is asked when the pot of a connection's lines changes, and
	// may be nil.
	Count func(id []byte) *atomic.Uint64
	// OnError is told what the ring's loss counters don't: that the port is
	// taken, that connections are refused; at most once a minute. It must
	// not block and may be nil.
	OnError func(text string)
	Log     *board.Log
	Now     func() time.Time // paces the log; nil: time.Now
}

// IntakeStats is what the intake has done since the start.
type IntakeStats struct {
	Addr     string // where it listens; empty: it does not
	Open     int    // connections
	Accepted uint64 // connections
	Refused  uint64 // connections beyond MaxConns
	Bytes    uint64
	Lines    uint64 // all but empty ones
	Events   uint64 // lines that became an event
	Broken   uint64 // lines that are not one JSON object
	TooLong  uint64 // lines over jsonline.MaxLine
	Oversize uint64 // events whose data is over wire.MaxData
}

// Intake is the door for the honeypots on this machine that are not part of
// the node. A connection may last as long as it likes and is never closed for
// what it sends: a bad line is counted as a loss of the pot that it names, or
// that a line without a name is from, and skipped. One connection holds at most
// jsonline.MaxLine bytes, and none while it has no unfinished line.
type Intake struct {
	cfg   IntakeConfig
	count intakeCounters
	quiet intakeReports

	proofs   board.Proofs
	mu       sync.Mutex
	listener *net.TCPListener
	conns    map[*net.TCPConn]struct{}
	freed    chan struct{} // holds a token after a connection ended
	wg       sync.WaitGroup
}

type intakeCounters struct {
	open                                    atomic.Int64
	accepted, refused, bytes, lines, events atomic.Uint64
	broken, tooLong, oversize               atomic.Uint64
}

// NewIntake makes an intake; nothing happens before Bind or Run.
func NewIntake(cfg IntakeConfig) *Intake {
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = DefaultIntakeConns
	}
	if cfg.Wait <= 0 {
		cfg.Wait = DefaultIntakeWait
	}
	if cfg.Grace <= 0 {
		cfg.Grace = DefaultIntakeGrace
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnError == nil {
		cfg.OnError = func(string) {}
	}
	if cfg.Count == nil {
		cfg.Count = func([]byte) *atomic.Uint64 { return nil }
	}
	if cfg.Epoch.IsZero() {
		cfg.Epoch = time.Now()
	}
	return &Intake{
		cfg: cfg, conns: make(map[*net.TCPConn]struct{}), freed: make(chan struct{}, 1),
		quiet: intakeReports{now: cfg.Now, log: cfg.Log, onError: cfg.OnError},
	}
}

// Bind takes the port, so that it can be done before privileges are dropped.
// Run does it otherwise. It does nothing when the intake is off or bound.
func (in *Intake) Bind(ctx context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cfg.Listen == "" || in.listener != nil {
		return nil
	}
	lc := net.ListenConfig{KeepAliveConfig: intakeKeepAlive}
	l, err := lc.Listen(ctx, "tcp", in.cfg.Listen)
	if err != nil {
		return fmt.Errorf("intake: %w (-intake)", err)
	}
	in.listener = l.(*net.TCPListener)
	return nil
}

// Addr is where the intake listens, nil before Bind and while the port is
// taken.
func (in *Intake) Addr() net.Addr {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.listener == nil {
		return nil
	}
	return in.listener.Addr()
}

// Run serves until ctx ends and returns nil then: what the senders' sockets
// hold at that moment is still taken. A port that is taken is said loudly
// and tried again every minute.
func (in *Intake) Run(ctx context.Context) error {
	if in.cfg.Listen == "" {
		<-ctx.Done()
		return nil
	}
	if !in.bindAtLast(ctx) {
		return nil
	}
	stop := context.AfterFunc(ctx, in.stop)
	defer stop()
	in.cfg.Log.Infof("intake: listening on %s", in.Addr())
	in.acceptAll(ctx)
	in.wg.Wait()
	in.quiet.flush()
	return nil
}

// bindAtLast tries until the port is ours, or returns false when ctx ended.
func (in *Intake) bindAtLast(ctx context.Context) bool {
	for said := false; ; said = true {
		err := in.Bind(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() == nil && !said {
			in.cfg.Log.Errorf("%v: honeypots on this machine can't deliver; trying again every %v", err, intakeRetry)
			in.cfg.OnError(err.Error())
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(intakeRetry):
		}
	}
}

// stop closes the listener and makes every connection's reader return.
func (in *Intake) stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.listener.Close()
	for c := range in.conns {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
}

func (in *Intake) acceptAll(ctx context.Context) {
	full := false
	for {
		c, err := in.accept(ctx)
		if err != nil {
			return
		}
		if full = !in.place(ctx, !full); full {
			in.refuse(c)
			continue
		}
		in.start(ctx, c)
	}
}

// accept returns the next connection, or an error when the listener is
// closed. Without descriptors left it waits for a connection to end.
func (in *Intake) accept(ctx context.Context) (*net.TCPConn, error) {
	for {
		c, err := in.listener.Accept()
		if err == nil {
			return c.(*net.TCPConn), nil
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			in.proofs.Answer(true)
			return nil, err
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			_ = in.listener.SetDeadline(time.Time{})
			in.proofs.Answer(false)
			continue
		}
		if before, due := in.quiet.due(reportAccept); due {
			in.quiet.tell(before, "intake: accept: %v", err)
		}
		in.awaitEnd(ctx)
	}
}

// place tells whether one more connection may begin. It waits a little for
// another one to end, unless patience is gone: a burst of connections with
// one line each is served, and many that stay cost no time.
func (in *Intake) place(ctx context.Context, patience bool) bool {
	if !patience || !in.isFull() {
		return !in.isFull()
	}
	t := time.NewTimer(in.cfg.Grace)
	defer t.Stop()
	for in.isFull() { // a token may be of an end whose place is taken again
		select {
		case <-in.freed:
		case <-t.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// awaitEnd waits until a connection has ended, at most Grace.
func (in *Intake) awaitEnd(ctx context.Context) {
	t := time.NewTimer(in.cfg.Grace)
	defer t.Stop()
	select {
	case <-in.freed:
	case <-t.C:
	case <-ctx.Done():
	}
}

func (in *Intake) isFull() bool { return in.count.open.Load() >= int64(in.cfg.MaxConns) }

// refuse closes with a reset: no TIME_WAIT is left behind.
func (in *Intake) refuse(c *net.TCPConn) {
	_ = c.SetLinger(0)
	c.Close()
	in.count.refused.Add(1)
	if before, due := in.quiet.due(reportRefused); due {
		in.quiet.tell(before, "intake: refused a connection from %v: %d are open", c.RemoteAddr(), in.cfg.MaxConns)
	}
}

func (in *Intake) start(ctx context.Context, c *net.TCPConn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if ctx.Err() != nil { // stop has gone over the connections already
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
	in.conns[c] = struct{}{}
	in.count.accepted.Add(1)
	in.count.open.Add(1)
	in.wg.Go(func() {
		defer in.end(c)
		in.serve(ctx, c)
	})
}

// end closes a connection. A bug ends its own connection, not the node.
func (in *Intake) end(c *net.TCPConn) {
	if bug := recover(); bug != nil {
		if before, due := in.quiet.due(reportBug); due {
			in.quiet.tell(before, "intake: BUG: %v", bug)
		}
	}
	in.mu.Lock()
	delete(in.conns, c)
	in.mu.Unlock()
	in.count.open.Add(-1)
	c.Close()
	select {
	case in.freed <- struct{}{}:
	default:
	}
}

// Alive returns nil once the accept loop has shown that it runs, or an error
// soon after ctx has ended. Without a port there is none.
func (in *Intake) Alive(ctx context.Context) error {
	in.mu.Lock()
	l := in.listener
	in.mu.Unlock()
	if l == nil {
		return nil
	}
	return board.Await(ctx, in.proofs.Ask(func() { _ = l.SetDeadline(longAgo) }))
}

// Stats returns the counters.
func (in *Intake) Stats() IntakeStats {
	c := &in.count
	s := IntakeStats{
		Open: int(c.open.Load()), Accepted: c.accepted.Load(), Refused: c.refused.Load(),
		Bytes: c.bytes.Load(), Lines: c.lines.Load(), Events: c.events.Load(),
		Broken: c.broken.Load(), TooLong: c.tooLong.Load(), Oversize: c.oversize.Load(),
	}
	if a := in.Addr(); a != nil {
		s.Addr = a.String()
	}
	return s
}
