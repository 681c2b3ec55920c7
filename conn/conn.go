// Package conn is the node's session with HoneyBee Core, and the next one
// after it: dial, TLS, TOTP, registration, heartbeats, answers, events, and
// the rule that says when an event may be forgotten.
//
// Every connection starts with fresh state; what outlives it is the ring, the
// urgent lane's reports, and what was learned about each Core (its dialect,
// its refusals). Urgent frames (heartbeats, answers, reports) go before
// events, and nothing a pot or Core does makes the session wait: the lane and
// the ring are bounded and drop their oldest.
//
// The package does not know what a pot is. It reads events from the ring and
// hands commands to Config.OnCommand.
package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"forager/board"
	"forager/conn/ring"
	"forager/conn/wire"
)

const dialTimeout = 10 * time.Second

// Errors a session ends a connection with.
var (
	errRejected = errors.New("registration rejected")
	errNoAck    = errors.New("no RegistrationAck")
)

// Config is what a Session needs. Ring, Cores and Node.NodeID must be set.
type Config struct {
	Cores     []string    // host:port, tried in order
	TLS       *tls.Config // nil: plain TCP
	TOTP      *TOTP       // nil: no totp_code
	Node      wire.Registration
	Dialect   Dialect
	Heartbeat time.Duration // 0: 30 s
	Ring      *ring.Ring
	Boot      uint64       // first half of every event_id: this run of the node
	Epoch     time.Time    // the moment event.Mono counts from; must carry a monotonic reading
	StateDir  string       // where learned dialects are kept; empty: nowhere
	Version   string       // of the node: another one unlearns
	Clock     *board.Clock // nil: the clock is always right

	// OnCommand is called in the reading goroutine for each command, whoever
	// it is for, and must not block.
	OnCommand func(wire.Command)
	// OnUp is called after each accepted registration and must not block.
	OnUp func()
	// OnDown is called after the end of each connection and each failed
	// attempt, and must not block; nil: nobody cares.
	OnDown func()
	// Keeps tells at the end whether the events left in the ring are handed
	// to the next process; nil: they are not. A spool keeps them in any case.
	Keeps func() bool
	Log   *board.Log

	// Dial makes the connections; nil: Dialer of the node's id.
	Dial func(ctx context.Context, addr string) (net.Conn, error)

	timing timing // tests only; zero: usualTiming
}

// Session keeps the node registered at one of its Cores. It is made by New
// and driven by Run; every other method may be called at any time by anyone.
type Session struct {
	cfg   Config
	pulse *board.Pulse
	read  board.Limit // of one message of Core's
	lane  lane
	peers []*peer

	// What was told already; Run's goroutine only.
	lossTold  ring.Loss
	dropsTold uint64

	mu     sync.Mutex
	stats  Stats
	left   uint64      // events that goodbye has sent, or said end with the node
	failed func() bool // tells whether the node still can't go on; nil: it never could not
}

// peer is what is remembered of one -core address.
type peer struct {
	addr       string
	learn      learner
	rejections int
	notBefore  time.Time // no dialling before, after a rejection
}

// New checks cfg and makes a Session.
func New(cfg Config) (*Session, error) {
	if len(cfg.Cores) == 0 {
		return nil, errors.New("no Core address (-core)")
	}
	if cfg.Heartbeat <= 0 {
		cfg.Heartbeat = 30 * time.Second
	}
	if cfg.Dial == nil {
		cfg.Dial = Dialer(cfg.Node.NodeID)
	}
	if cfg.timing == (timing{}) {
		cfg.timing = usualTiming
	}
	s := &Session{cfg: cfg, pulse: board.NewPulse(), lane: newLane()}
	known := loadDialects(&cfg)
	for _, addr := range cfg.Cores {
		s.peers = append(s.peers, &peer{addr: addr, learn: newLearner(cfg.Dialect, known[addr])})
	}
	s.stats.State, s.stats.Since = LinkDown, time.Now()
	return s, nil
}

// Run keeps the session up until ctx ends, then says goodbye, which takes at
// most three seconds.
func (s *Session) Run(ctx context.Context) error {
	defer s.pulse.End()
	wait := newBackoff(s.cfg.timing)
	for ctx.Err() == nil {
		lived, err := s.once(ctx)
		if ctx.Err() != nil {
			break
		}
		pause := wait.next(lived)
		if until := s.allRejected(); until > pause {
			pause = until
		}
		s.down(err, pause)
		s.sleep(ctx, pause)
	}
	s.set(func(st *Stats) { st.State = LinkDown })
	s.losses() // of which no Core was told
	return nil
}

// once tries the Cores in order and serves the first that accepts. It returns
// how long that connection lived after its registration.
func (s *Session) once(ctx context.Context) (time.Duration, error) {
	var last error
	for _, c := range s.peers {
		if time.Now().Before(c.notBefore) {
			continue
		}
		l, err := s.open(ctx, c)
		if err == nil {
			return l.serve(ctx)
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		last = fmt.Errorf("core %s: %w", c.addr, err)
		if len(s.peers) > 1 {
			s.cfg.Log.Warnf("%v", last)
		}
	}
	return 0, last
}

// open dials c and registers.
func (s *Session) open(ctx context.Context, c *peer) (*link, error) {
	if s.cfg.TLS != nil || s.cfg.TOTP != nil {
		for !s.cfg.Clock.Usable() {
			if s.sleep(ctx, clockPoll); ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	s.pulse.Busy(2*dialTimeout + 2*s.cfg.timing.ack + slack) // a dial may be made twice; TLS and registration have their time
	defer s.pulse.Busy(0)
	s.set(func(st *Stats) { st.State, st.Core = LinkDialling, c.addr })
	raw, err := s.cfg.Dial(ctx, c.addr)
	if err != nil {
		c.learn.unreachable()
		return nil, err
	}
	l, err := newLink(ctx, s, c, raw)
	if err != nil {
		abort(raw)
		return nil, err
	}
	if err := l.register(ctx); err != nil {
		abort(raw)
		if errors.Is(err, errRejected) {
			c.rejected()
		}
		return nil, err
	}
	c.rejections, c.notBefore = 0, time.Time{}
	return l, nil
}

// rejected sets when c may be asked again: 1 minute, doubling to 10, each
// with half of it drawn, for a rejected node must not hammer Core.
func (c *peer) rejected() {
	d := rejectFirst << min(c.rejections, 10)
	c.rejections++
	c.notBefore = time.Now().Add(halfJitter(min(d, rejectMax)))
}

// allRejected tells how long every Core wants to be left alone; 0 when one of
// them may be dialled.
func (s *Session) allRejected() time.Duration {
	var soonest time.Duration
	for i, c := range s.peers {
		d := time.Until(c.notBefore)
		if d <= 0 {
			return 0
		}
		if i == 0 || d < soonest {
			soonest = d
		}
	}
	return soonest
}

func (s *Session) down(err error, pause time.Duration) {
	s.set(func(st *Stats) {
		st.State, st.Since, st.LastError = LinkDown, time.Now(), fmt.Sprint(err)
		st.NextDial = time.Now().Add(pause)
	})
	if s.cfg.OnDown != nil {
		s.cfg.OnDown()
	}
	s.cfg.Log.Warnf("link to Core is down: %v; next try in %v", err, pause.Round(100*time.Millisecond))
}

func (s *Session) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case q := <-s.pulse.Asked():
			close(q)
			continue
		case <-t.C:
		case <-ctx.Done():
		}
		return
	}
}
