package pots

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"forager/board"
	"forager/conn/ring"
	"forager/conn/wire"
)

// patience is how long a test waits for what must come; it only ends tests
// that fail.
const patience = 30 * time.Second

// node is a manager that runs, and what it tells.
type node struct {
	t      testing.TB
	m      *Manager
	ring   *ring.Ring
	cancel context.CancelFunc
	done   chan error
	status chan wire.PotStatus
	errs   chan string
	batch  *ring.Batch
}

// newNode makes a manager that does not run yet.
func newNode(t testing.TB, cfg Config) *node {
	t.Helper()
	r, err := ring.New(1<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{
		t: t, ring: r, done: make(chan error, 1), batch: ring.NewBatch(1 << 16),
		status: make(chan wire.PotStatus, 1024), errs: make(chan string, 1024),
	}
	cfg.Ring = r
	cfg.OnStatus = func(p wire.PotStatus) { n.status <- p }
	cfg.OnError = func(text string) { n.errs <- text }
	cfg.Log = board.NewLog(io.Discard, board.LevelDebug)
	if n.m, err = NewManager(cfg); err != nil {
		t.Fatal(err)
	}
	return n
}

// run starts the manager, and checks at the end of the test that nothing of it
// is left.
func (n *node) run() *node {
	n.t.Helper()
	goroutines, files := runtime.NumGoroutine(), openFiles(n.t)
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	go func() { n.done <- n.m.Run(ctx) }()
	<-n.m.Ready()
	n.t.Cleanup(func() {
		n.stop()
		n.ring.Close()
		await(n.t, "goroutines as at the start", func() bool { return runtime.NumGoroutine() <= goroutines })
		if now := openFiles(n.t); now > files {
			n.t.Errorf("%d open files, %d at the start", now, files)
		}
	})
	return n
}

func (n *node) stop() {
	if n.cancel == nil {
		return
	}
	n.cancel()
	n.cancel = nil
	if err := <-n.done; err != nil {
		n.t.Error(err)
	}
}

// openFiles counts descriptors. The poller's are opened before.
func openFiles(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// await waits for what other goroutines are about to do.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("did not come: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// pots configures the lines and returns the first one's address.
func (n *node) pots(lines ...string) string {
	n.t.Helper()
	var specs []Spec
	for _, line := range lines {
		s, err := ParseSpec(line)
		if err != nil {
			n.t.Fatal(err)
		}
		specs = append(specs, s)
	}
	if err := n.m.Configure(specs); err != nil {
		n.t.Fatal(err)
	}
	return n.addr(mustResolve(n.t, specs)[0].ID)
}

func mustResolve(t testing.TB, specs []Spec) []Spec {
	t.Helper()
	specs, err := Resolve(specs, nil)
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

func (n *node) addr(id string) string {
	n.t.Helper()
	info, ok := n.m.Info(id)
	if !ok || info.State != wire.PotRunning {
		n.t.Fatalf("pot %s: %+v", id, info)
	}
	return info.Addr
}

// event waits for the next event.
func (n *node) event() (id, typ string, data map[string]any) {
	n.t.Helper()
	var e ring.Event
	for !n.batch.Next(&e) {
		if n.ring.Peek(n.batch) > 0 {
			continue
		}
		select {
		case <-n.ring.Ready():
		case <-time.After(patience):
			n.t.Fatal("no event")
		}
	}
	n.ring.Forget(e.Seq)
	if err := json.Unmarshal(e.Data, &data); err != nil {
		n.t.Fatalf("event %s: %v: %s", e.Type, err, e.Data)
	}
	if !bytes.HasPrefix(e.Type, append(e.Pot, '.')) || e.Mono <= 0 {
		n.t.Errorf("event %s of a %s pot at %d", e.Type, e.Pot, e.Mono)
	}
	return string(e.PotID), string(e.Type), data
}

// common are the fields that every event has.
var common = []string{"src_ip", "src_port", "dst_ip", "dst_port", "session", "protocol"}

// expect takes the next event and compares its own fields, as JSON, ignoring
// those whose value is "*".
func (n *node) expect(typ string, fields string) map[string]any {
	n.t.Helper()
	_, got, data := n.event()
	all := make(map[string]any, len(data))
	for k, v := range data {
		all[k] = v
	}
	for _, key := range common {
		if _, ok := data[key]; !ok {
			n.t.Errorf("%s: no %s in %v", got, key, data)
		}
		delete(data, key)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(fields), &want); err != nil {
		n.t.Fatal(err)
	}
	for k, v := range want {
		if _, ok := data[k]; ok && v == "*" {
			data[k] = "*"
		}
	}
	g, _ := json.Marshal(data)
	w, _ := json.Marshal(want)
	if got != typ || !bytes.Equal(g, w) {
		n.t.Errorf("event %s %s, want %s %s", got, g, typ, w)
	}
	return all
}

const anyClose = `{"duration":"*","bytes_in":"*","bytes_out":"*","reason":"*"}`

// client is an attacker.
type client struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, addr string) *client { t.Helper(); return dialFrom(t, "", addr) }

func dialFrom(t *testing.T, from, addr string) *client {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return &client{t, c}
}

// send writes s.
func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// until reads up to and including end and returns it all.
func (c *client) until(end string) string {
	c.t.Helper()
	var got []byte
	b := make([]byte, 1)
	for !strings.HasSuffix(string(got), end) {
		if _, err := c.Read(b); err != nil {
			c.t.Fatalf("want %q, got %q and %v", end, got, err)
		}
		got = append(got, b[0])
	}
	return string(got)
}

// rest reads to the end of the connection, however it ends.
func (c *client) rest() string {
	c.t.Helper()
	got, err := io.ReadAll(c)
	if os.IsTimeout(err) {
		c.t.Fatalf("the connection does not end; got %q", got)
	}
	return string(got)
}

func TestMain(m *testing.M) {
	if dir := os.Getenv("FORAGER_TEST_POT"); dir != "" {
		benchServer()
		return
	}
	os.Exit(m.Run())
}

func storeOf(dir string) string { return filepath.Join(dir, storeName) }
