package conn

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"forager/board/hearttest"
	"forager/build/devcore/core"
	"forager/conn/wire"
)

// A session lives while it serves, while it waits between two dials, and while
// a dial takes its time.
func TestSessionLives(t *testing.T) {
	slow := func(ctx context.Context, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := startCore(t, core.Config{})
	for name, change := range map[string]func(*Config){
		"serving":  func(*Config) {},
		"down":     func(cfg *Config) { cfg.Cores = []string{"127.0.0.1:1"}; cfg.timing.backoffFirst = time.Hour },
		"dialling": func(cfg *Config) { cfg.Dial = slow },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := newConfig(t, c.Addr())
			change(&cfg)
			n := startNode(t, cfg)
			hearttest.Start(t, "session", n.Alive).Fed(3)
			n.end()
			if err := n.Alive(t.Context()); err != nil {
				t.Errorf("after its end: %v", err)
			}
		})
	}
}

func TestSessionIsStuck(t *testing.T) {
	c := startCore(t, core.Config{})
	w := c.Watch()
	cfg := newConfig(t, c.Addr())
	entered, free := make(chan struct{}), make(chan struct{})
	cfg.OnCommand = func(wire.Command) { close(entered); <-free }
	n := startNode(t, cfg)
	h := hearttest.Start(t, "session", n.Alive)
	until(t, w, core.NodeEvent, "Started")
	h.Fed(2)

	n.lane.mu.Lock()
	h.Stuck("session is stuck: does not answer; not feeding the test")
	n.lane.mu.Unlock()
	h.Fed(2)

	if err := c.Command(42, `"status"`); err != nil {
		t.Fatal(err)
	}
	<-entered
	h.Fed(1)
	n.read.Begin(-time.Second) // its time is over
	h.Stuck("session is stuck: the reader does not come back")
	close(free)
	h.Fed(2)
}

// A Core whose kernel acknowledges nothing holds the session up for as long as
// a dead link may; that is no standstill.
func TestSessionLivesWhileNothingIsAcknowledged(t *testing.T) {
	c := mutePeer(t)
	cfg := newConfig(t, "192.0.2.1:1")
	cfg.Dialect, cfg.timing.write = Core, time.Hour
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{s: s, peer: s.peers[0], raw: &counted{Conn: c}, dead: make(chan error, 1), wrote: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.paceAlways(ctx) }()
	for range 3 {
		asked, stop := context.WithTimeout(t.Context(), 2*time.Second)
		if err := s.Alive(asked); err != nil {
			t.Error(err)
		}
		stop()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended with %v", err)
	}
}

// mutePeer is a connection whose other end takes nothing more.
func mutePeer(t *testing.T) net.Conn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	_ = peer.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err == nil {
		_, err = c.Write(make([]byte, 64<<10))
	}
	if n, err := unsent(c); err != nil || n == 0 {
		t.Skipf("%d bytes unsent, %v", n, err)
	}
	return c
}
