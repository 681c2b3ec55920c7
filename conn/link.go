package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"forager/board"
	"forager/conn/ring"
	"forager/conn/wire"
)

// link is one connection with Core, from dial to close. Its state dies with
// it. Everything but receive runs in the session's goroutine.
type link struct {
	s    *Session
	peer *peer
	raw  *counted
	conn net.Conn // raw, or TLS over it
	rd   reader
	dead chan error // why receive ended

	out     []byte
	list    []byte   // the events of one Alarm
	members []member // of the event being compacted
	window  []waiting
	batch   *ring.Batch
	event   ring.Event
	held    bool // event is decoded and not yet written
	settle  settling
	up      time.Time
	first   time.Time // the first PotEvent; zero: none yet
	wrote   time.Time // the last write
	end     time.Time // of what goodbye writes; zero: the link serves
	learned bool      // this connection has taught what it can

	maxFrame    int // tests only: instead of the path's segment
	beat        *time.Timer
	wake        *time.Timer
	versionSaid bool
	brokenPace  board.Pace
}

// counted counts what is handed to the kernel, TLS records included, to be
// compared with what Core's kernel has acknowledged.
type counted struct {
	net.Conn
	written uint64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written += uint64(n)
	return n, err
}

// newLink makes the TLS handshake, if TLS is on.
func newLink(ctx context.Context, s *Session, c *peer, raw net.Conn) (*link, error) {
	l := &link{s: s, peer: c, raw: &counted{Conn: raw}, dead: make(chan error, 1)}
	l.conn = l.raw
	if s.cfg.TLS != nil {
		t := tls.Client(l.raw, s.cfg.TLS)
		ctx, cancel := context.WithTimeout(ctx, s.cfg.timing.ack)
		defer cancel()
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS: %w (-tls-ca, -tls-server-name, -tls-cert)", err)
		}
		l.conn = t
	}
	l.batch = ring.NewBatch(batchSize)
	if c.learn.speaks() == Core {
		l.batch = ring.NewBatch(batchCore)
	}
	l.rd = reader{conn: l.conn, buf: make([]byte, readBuffer), broken: l.reportBroken}
	return l, nil
}

// serve runs a registered connection until it ends. It returns how long it
// lived and why it ended.
func (l *link) serve(ctx context.Context) (time.Duration, error) {
	s := l.s
	l.up = time.Now()
	s.set(func(st *Stats) {
		st.State, st.Since, st.TLS = LinkUp, l.up, s.cfg.TLS != nil
		st.Dialect, st.Local = l.peer.learn.String(), l.raw.LocalAddr().String()
		st.Connects++
	})
	s.cfg.Log.Infof("registered at Core %s, dialect %s", l.peer.addr, &l.peer.learn)
	s.lane.fresh() // before a command can be answered
	go l.receive()
	err := l.run(ctx)
	if ctx.Err() != nil {
		err = errors.Join(err, l.goodbye())
	}
	s.cfg.Ring.SetLive(false)
	abort(l.raw.Conn)
	if end := <-l.dead; err == nil {
		err = end
	}
	l.learnFrom(err)
	return time.Since(l.up), err
}

// run starts a connection's traffic and keeps it going until ctx ends or the
// connection does.
func (l *link) run(ctx context.Context) error {
	s := l.s
	l.beat, l.wake = time.NewTimer(l.heartbeat()), newStoppedTimer()
	defer l.beat.Stop()
	defer l.wake.Stop()
	if err := l.heartbeatNow(ctx); err != nil {
		return err
	}
	if s.firstUp() {
		s.lane.put(urgent{kind: started, lasting: true})
	}
	s.tellLoss()
	if s.cfg.OnUp != nil {
		s.cfg.OnUp()
	}
	s.cfg.Ring.Rewind()
	s.cfg.Ring.SetLive(true)
	for ctx.Err() == nil {
		if err := l.step(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// step writes what is most urgent, or waits for something to write.
func (l *link) step(ctx context.Context) error {
	l.s.pulse.Beat()
	if u, ok := l.s.lane.take(); ok {
		return l.sendUrgent(ctx, &u)
	}
	select {
	case <-l.beat.C:
		l.s.tellLoss()
		return l.heartbeatNow(ctx)
	case err := <-l.dead:
		return l.ended(err)
	default:
	}
	now := time.Now()
	l.learnAlive(now)
	l.settleNow(now)
	n, err := l.sendEvents(ctx)
	if n > 0 || err != nil {
		return err
	}
	return l.wait(ctx)
}

// wait sleeps until there is something to do.
func (l *link) wait(ctx context.Context) error {
	if d, ok := l.nextWake(time.Now()); ok {
		l.wake.Reset(d)
	}
	select {
	case q := <-l.s.pulse.Asked():
		close(q)
	case <-l.s.lane.ready:
	case <-l.s.cfg.Ring.Ready():
	case <-l.wake.C:
	case <-l.beat.C:
		l.s.tellLoss()
		return l.heartbeatNow(ctx)
	case err := <-l.dead:
		return l.ended(err)
	case <-ctx.Done():
	}
	return nil
}

// clockPoll is how often a clock that is not set is looked at again while
// events or a TLS session wait for it.
const clockPoll = time.Second

// nextWake is how long until the clock, the forget rule or the learner has
// something to do; false when none has.
func (l *link) nextWake(now time.Time) (time.Duration, bool) {
	if !l.s.cfg.Clock.Usable() {
		return clockPoll, true
	}
	d, ok := l.settle.next(now, l.settleTime())
	if left, learning := l.learnsIn(now); learning && (!ok || left < d) {
		return left, true
	}
	return d, ok
}

// ended puts the reader's reason back for serve, which waits for it.
func (l *link) ended(err error) error {
	l.dead <- err
	return fmt.Errorf("connection ended: %w", err)
}

// heartbeat is how often a NodeStatusUpdate goes out: in dialect core at least
// every 10 s, since a strict Core carries out a command for any node only
// after the slowest node's next frame.
func (l *link) heartbeat() time.Duration {
	if l.peer.learn.dialect != Spec {
		return min(l.s.cfg.Heartbeat, 10*time.Second)
	}
	return l.s.cfg.Heartbeat
}

func (l *link) heartbeatNow(ctx context.Context) error {
	l.beat.Reset(l.heartbeat())
	return l.sendUrgent(ctx, &urgent{kind: nodeStatus, state: wire.NodeRunning})
}

// sendUrgent writes one frame by itself.
func (l *link) sendUrgent(ctx context.Context, u *urgent) error {
	return l.say(ctx, l.pace, u)
}

func (l *link) say(ctx context.Context, pace func(context.Context) error, u *urgent) error {
	if err := pace(ctx); err != nil {
		return err
	}
	if u.state == wire.NodeRunning {
		u.state = l.s.running()
	}
	l.out = u.append(l.out[:0], l.s.cfg.Node.NodeID, l.frameLimit())
	if err := l.write(l.out); err != nil {
		return err
	}
	l.s.set(func(st *Stats) {
		st.Frames++
		if u.kind == nodeStatus {
			st.LastHeartbeat = l.wrote
		}
	})
	return nil
}

// write hands b to the kernel; a Core that takes nothing for timing.write
// ends the connection.
func (l *link) write(b []byte) error {
	l.wrote = time.Now()
	end := l.end
	if end.IsZero() {
		end = l.wrote.Add(l.s.cfg.timing.write)
		l.s.pulse.Busy(l.s.cfg.timing.write + slack)
		defer l.s.pulse.Busy(0)
	}
	if err := l.conn.SetWriteDeadline(end); err != nil {
		return err
	}
	_, err := l.conn.Write(b)
	return err
}

// abort closes c so that its port is free at once: with a reset, for an
// orderly close would leave our side in TIME_WAIT. All that matters has been
// acknowledged by then, or will be sent again.
func abort(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

func newStoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
