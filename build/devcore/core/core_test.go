package core

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// start runs a Core for the test, and checks that it leaves nothing behind.
func start(t *testing.T, cfg Config) *Core {
	t.Helper()
	before := runtime.NumGoroutine()
	cfg.Log = t.Logf
	c, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		waitGoroutines(t, before)
	})
	return c
}

// waitGoroutines fails the test if there stay more goroutines than at its
// start: those of the runtime's own take a moment to go.
func waitGoroutines(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > want; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, %d at the start\n%s", runtime.NumGoroutine(), want, buf[:runtime.Stack(buf, true)])
		}
	}
}

// peer is the test's end of a connection.
type peer struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn)
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	_ = conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, Conn: conn, lines: bufio.NewReader(conn)}
}

func (p *peer) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) line() string {
	p.t.Helper()
	s, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("read a line: %v", err)
	}
	return strings.TrimSuffix(s, "\n")
}

// closed checks that Core ends the connection without another byte.
func (p *peer) closed() {
	p.t.Helper()
	b, err := io.ReadAll(p.lines)
	if len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("instead of a close: %q, %v", b, err)
	}
}

func registration(id uint64, more string) string {
	return fmt.Sprintf(`{"version":2,"message":{"NodeRegistration":{"node_id":%d,"node_name":"n","address":"0.0.0.0","port":1,"node_type":"Full"%s}}}`, id, more) + "\n"
}

// register says hello as node id and takes the acknowledgement.
func (p *peer) register(id uint64) {
	p.t.Helper()
	p.write(registration(id, ""))
	want := fmt.Sprintf(`{"version":2,"message":{"RegistrationAck":{"node_id":%d,"accepted":true,"message":"Registration successful"}}}`, id)
	if got := p.line(); got != want {
		p.t.Fatalf("acknowledged with %s", got)
	}
}

func next(t *testing.T, w *Watcher) Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := w.Next(ctx)
	if err != nil {
		t.Fatalf("next message: %v", err)
	}
	return m
}

// lockedBuffer is read while Core writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailedWriteStopsCore(t *testing.T) {
	c := start(t, Config{Output: failingWriter{}})
	p := dial(t, c.Addr())
	p.write(registration(42, ""))
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("still running")
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("close: %v", err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	c := start(t, Config{Keep: 8})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.register(42)
	p.write(strings.Repeat(potEventDoc+"\n", 100))
	p.write(vectors(t, "strict-core-accepts.jsonl")[10] + "\n") // NodeDrop: Core closes
	p.closed()
	if n := len(c.Messages()); n < 8 || n > 10 {
		t.Errorf("%d messages kept", n)
	}
	if _, err := w.Next(t.Context()); !errors.Is(err, ErrOverrun) {
		t.Errorf("a watcher left behind: %v", err)
	}
	_ = c.Close()
	if _, err := c.WatchNew().Next(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("after the end: %v", err)
	}
}

func TestRestartOnTheSamePort(t *testing.T) {
	c := start(t, Config{})
	cfg := Config{Listen: c.Addr(), Backend: c.BackendAddr()}
	for i := range 6 {
		p := dial(t, c.Addr())
		p.register(42)
		stop, name := c.Close, "Close"
		if i%2 == 1 {
			stop, name = c.Kill, "Kill"
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		_, err := p.lines.ReadByte()
		if reset := err != io.EOF; err == nil || reset != (name == "Kill") {
			t.Errorf("%s is seen as %v", name, err)
		}
		c = start(t, cfg)
	}
}

func TestDropKeepsServing(t *testing.T) {
	c := start(t, Config{})
	p := dial(t, c.Addr())
	p.register(42)
	c.Drop()
	p.closed()
	dial(t, c.Addr()).register(42)
}

func TestCommands(t *testing.T) {
	c := start(t, Config{})
	one, two := dial(t, c.Addr()), dial(t, c.Addr())
	one.register(1)
	two.register(2)
	if err := c.Command(2, `{"StopPot":"p"}`); err != nil {
		t.Fatal(err)
	}
	if got, want := two.line(), `{"version":2,"message":{"NodeCommand":{"node_id":2,"command":{"StopPot":"p"}}}}`; got != want {
		t.Errorf("node got %s", got)
	}
	if n, err := c.Broadcast(`"Restart"`); n != 2 || err != nil {
		t.Errorf("broadcast to %d, %v", n, err)
	}
	for _, p := range []*peer{one, two} {
		if got, want := p.line(), `{"version":2,"message":{"NodeCommand":{"node_id":0,"command":"Restart"}}}`; got != want {
			t.Errorf("node got %s", got)
		}
	}
	if err := c.SendRaw(1, []byte("\x00rubbish\n")); err != nil || one.line() != "\x00rubbish" {
		t.Errorf("raw bytes: %v", err)
	}
	if err := c.Command(3, `"Restart"`); err == nil {
		t.Error("a command to nobody was sent")
	}
	// The same id on a new connection takes over.
	again := dial(t, c.Addr())
	again.register(2)
	if err := c.Command(2, `"UpdateConfig"`); err != nil || !strings.Contains(again.line(), "UpdateConfig") {
		t.Errorf("after a takeover: %v", err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	c := start(t, Config{Keep: -1})
	for range maxNodes {
		dial(t, c.Addr()).register(42)
	}
	dial(t, c.Addr()).closed()
}

func TestPortTaken(t *testing.T) {
	c := start(t, Config{})
	for _, cfg := range []Config{{Listen: c.Addr()}, {Backend: c.BackendAddr()}} {
		if _, err := Start(cfg); err == nil {
			t.Errorf("%+v: two Cores on one port", cfg)
		}
	}
}
