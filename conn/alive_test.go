package conn

import (
	"context"
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
