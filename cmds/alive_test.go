package cmds

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"forager/board/hearttest"
)

func TestCommandsAreStuck(t *testing.T) {
	n := newHouse(t, nil, "a")
	gate := make(chan struct{})
	n.pots.gates = map[string]chan struct{}{"a": gate}
	h := hearttest.Start(t, "commands", n.Alive)
	n.Do(one(t, `{"StopPot":"a"}`))
	h.Fed(2) // at work, and in time
	n.mu.Lock()
	n.queues["a"].work.Begin(-time.Second) // its time is over
	n.mu.Unlock()
	h.Stuck(`commands is stuck: a command for pot "a" does not end; not feeding the test`)
	close(gate)
	h.Fed(2)
	n.mu.Lock()
	h.Stuck("commands is stuck: does not answer; not feeding the test")
	n.mu.Unlock()
	h.Fed(2)
}

// Askers that are never served fill the socket, and the accept loop with them.
func TestControlIsStuck(t *testing.T) {
	free := make(chan struct{})
	c := &Control{Path: filepath.Join(t.TempDir(), "s"), Status: func() []byte { <-free; return nil }}
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	h := hearttest.Start(t, "control", c.Alive)
	h.Fed(2)
	for range maxAsking + 1 {
		conn, err := net.Dial("unix", c.Path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("status\n")); err != nil {
			t.Fatal(err)
		}
	}
	h.Stuck("control is stuck: does not answer; not feeding the test")
	close(free)
	h.Fed(2)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := c.Alive(context.Background()); err != nil {
		t.Errorf("after its end: %v", err)
	}
	if err := new(Control).Alive(context.Background()); err != nil {
		t.Errorf("without a socket: %v", err)
	}
}
