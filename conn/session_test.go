package conn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"forager/board"
	"forager/build/devcore/core"
	"forager/conn/ring"
	"forager/conn/wire"
)

// fast is the usual timing a hundred times as fast, but for what a machine that
// is busy must not miss.
var fast = timing{
	settleSpec: 20 * time.Millisecond, settleCore: 1200 * time.Millisecond, learn: 1200 * time.Millisecond,
	stable: time.Minute, ack: 10 * time.Second, write: 10 * time.Second, say: 6 * time.Second,
	backoffFirst: 10 * time.Millisecond, backoffMax: 200 * time.Millisecond,
}

const patience = 60 * time.Second

// node is a Session under test with a ring of its own.
type node struct {
	*Session
	t    *testing.T
	ring *ring.Ring
	cfg  Config
	stop context.CancelFunc
	done chan error
	seq  int
}

func newConfig(t *testing.T, addrs ...string) Config {
	t.Helper()
	r, err := ring.New(4<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return Config{
		Cores: addrs, Dialect: Auto, Ring: r, Boot: 0xb00, Epoch: time.Now(), timing: fast,
		Node: wire.Registration{NodeID: 42, NodeName: "test", Address: "0.0.0.0", NodeType: wire.Full},
		Log:  board.NewLog(testWriter{t}, board.LevelDebug),
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func startNode(t *testing.T, cfg Config) *node {
	t.Helper()
	return startPaced(t, cfg, 0)
}

// startPaced starts a node that keeps its frames as far apart as one that a
// strict Core has closed so often: a Core that is kept from reading for some
// 25 ms takes two frames for one and refuses them.
func startPaced(t *testing.T, cfg Config, slower int) *node {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.peers {
		p.learn.slower = slower
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &node{Session: s, t: t, ring: cfg.Ring, cfg: cfg, stop: stop, done: make(chan error, 1)}
	go func() { n.done <- s.Run(ctx) }()
	t.Cleanup(n.end)
	return n
}

// end stops the session and waits for it.
func (n *node) end() {
	n.stop()
	select {
	case <-n.done:
		n.done <- nil
	case <-time.After(patience):
		n.t.Error("the session does not end")
	}
}

// put stores the next numbered event.
func (n *node) put() {
	n.seq++
	e := ring.Event{
		Mono: int64(time.Since(n.cfg.Epoch)), PotID: []byte("p-1"), Pot: []byte("telnet"),
		Type: []byte("telnet.login.failed"),
		Data: fmt.Appendf(nil, `{"n": %d, "username": "root", "password": "x\"\\y"}`, n.seq),
	}
	if _, err := n.ring.Put(&e); err != nil {
		n.t.Fatal(err)
	}
}

func startCore(t *testing.T, cfg core.Config) *core.Core {
	t.Helper()
	c, err := core.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func patiently(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until waits for the next message of that kind whose text has part in it.
func until(t *testing.T, w *core.Watcher, k core.Kind, part string) core.Message {
	t.Helper()
	m, err := w.Until(patiently(t), func(m core.Message) bool { return m.Kind == k && strings.Contains(m.Raw, part) })
	if err != nil {
		t.Fatalf("waiting for %s %q: %v", k, part, err)
	}
	return m
}

// collector gathers the numbers of the events that reach any of the Cores.
type collector struct {
	seen map[int]int    // number → times
	ids  map[string]int // event_id → number
}

func newCollector() *collector { return &collector{map[int]int{}, map[string]int{}} }

func (c *collector) add(t *testing.T, m *core.Message) {
	t.Helper()
	for _, raw := range m.PotEvents() {
		var e struct {
			EventID string `json:"event_id"`
			Type    string `json:"event_type"`
			Data    struct {
				N        int
				Password string
			}
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if e.Type != "telnet.login.failed" || e.Data.Password != `x"\y` {
			t.Fatalf("event arrived changed: %s", raw)
		}
		if n, ok := c.ids[e.EventID]; ok && n != e.Data.N {
			t.Fatalf("event_id %s is both %d and %d", e.EventID, n, e.Data.N)
		}
		c.ids[e.EventID] = e.Data.N
		c.seen[e.Data.N]++
	}
}

// until reads messages until n different events have come.
func (c *collector) until(t *testing.T, w *core.Watcher, n int) {
	t.Helper()
	ctx := patiently(t)
	for len(c.seen) < n {
		m, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d events arrived: %v", len(c.seen), n, err)
		}
		c.add(t, &m)
	}
}

func TestSessionRegistersReportsAndSaysGoodbye(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict=%v", strict), func(t *testing.T) {
			c := startCore(t, core.Config{Strict: strict})
			w := c.Watch()
			cfg := newConfig(t, c.Addr())
			var got atomic.Pointer[wire.Command]
			cfg.OnCommand = func(cmd wire.Command) { got.Store(&cmd) }
			n := startPaced(t, cfg, 2)
			until(t, w, core.NodeRegistration, `"node_id":42`)
			until(t, w, core.NodeStatusUpdate, `"Running"`)
			until(t, w, core.NodeEvent, `"Started"`)
			n.PotStatus(wire.PotStatus{PotID: "p", PotType: "telnet", Status: wire.PotRunning, Message: strings.Repeat(`"é\`, 5000)})
			m := until(t, w, core.PotStatusUpdate, `"Running"`)
			if len(m.Raw) >= wire.MaxStrictFrame || !strings.Contains(m.Raw, "…") {
				t.Errorf("long message: %d bytes", len(m.Raw))
			}
			n.Error("trouble")
			until(t, w, core.NodeEvent, "trouble")
			if err := c.Command(42, `{"DeployPot":"p"}`); err != nil {
				t.Fatal(err)
			}
			await(t, func() bool { return got.Load() != nil })
			if cmd := got.Load(); cmd.Name != wire.CmdDeployPot || cmd.PotID != "p" {
				t.Errorf("command: %+v", cmd)
			}
			for range 2 * laneSize { // more than the goodbye has time for
				n.PotStatus(wire.PotStatus{PotID: "p", PotType: "telnet", Status: wire.PotStopped})
			}
			n.end()
			until(t, w, core.PotStatusUpdate, `"Stopped"`)
			until(t, w, core.NodeStatusUpdate, `"Stopped"`)
			until(t, w, core.NodeEvent, `"Stopped"`)
			until(t, w, core.NodeDrop, "")
			if st := c.Stats(); st.Refused != 0 {
				t.Errorf("Core refused %d frames", st.Refused)
			}
		})
	}
}

// A node that can't go on says so, whatever asks, until it can again.
func TestFailedNode(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict=%v", strict), func(t *testing.T) {
			c := startCore(t, core.Config{Strict: strict})
			w := c.Watch()
			cfg := newConfig(t, c.Addr())
			cfg.Heartbeat = 500 * time.Millisecond
			n := startPaced(t, cfg, 2)
			until(t, w, core.NodeStatusUpdate, `"Running"`)
			var well atomic.Bool
			n.Fail(func() bool { return !well.Load() })
			n.Error("a part is stuck")
			until(t, w, core.NodeStatusUpdate, `"Failed"`)
			until(t, w, core.NodeEvent, "a part is stuck")
			for range 2 { // a heartbeat and an answer
				n.NodeStatus(wire.NodeRunning)
				if m := until(t, w, core.NodeStatusUpdate, ""); !strings.Contains(m.Raw, `"Failed"`) {
					t.Errorf("a node that failed says %s", m.Raw)
				}
			}
			well.Store(true)
			until(t, w, core.NodeStatusUpdate, `"Running"`)
			n.end()
			if st := c.Stats(); st.Refused != 0 || n.Stats().Connects != 1 {
				t.Errorf("Core refused %d frames, %d connections", st.Refused, n.Stats().Connects)
			}
		})
	}
}

// await polls a condition that no channel tells of.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestEventsArriveOverTLSWithClientCertificateAndTOTP(t *testing.T) {
	files, err := core.MakeCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := core.ServerTLS(files.ServerCert, files.ServerKey, files.CA)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := LoadTOTP(t.TempDir(), "test")
	if err != nil {
		t.Fatal(err)
	}
	c := startCore(t, core.Config{TLS: server, TOTP: secret.secret})
	cfg := newConfig(t, c.Addr())
	cfg.TOTP, cfg.TLS = secret, clientTLS(t, files)
	n := startNode(t, cfg)
	for range 2000 {
		n.put()
	}
	newCollector().until(t, c.Watch(), 2000)
	await(t, func() bool { return n.ring.Stats().Forgotten == 2000 })
}

func clientTLS(t *testing.T, files core.Certificates) *tls.Config {
	t.Helper()
	ca, err := os.ReadFile(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(files.ClientCert, files.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{pair},
		ServerName: "honeybee-manager", MinVersion: tls.VersionTLS13,
	}
}

func TestTOTPKeyFromCoreIsKept(t *testing.T) {
	dir := t.TempDir()
	c := startCore(t, core.Config{TOTP: "new"})
	cfg := newConfig(t, c.Addr())
	var err error
	if cfg.TOTP, err = LoadTOTP(dir, "test"); err != nil {
		t.Fatal(err)
	}
	before := cfg.TOTP.secret
	n := startNode(t, cfg)
	await(t, func() bool { return n.Stats().State == LinkUp })
	n.end()
	again, err := LoadTOTP(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	if again.secret == before {
		t.Fatal("the secret that Core handed out was not stored")
	}
	if fi, err := os.Stat(again.path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("secret file: %v %v", fi.Mode(), err)
	}
	cfg.TOTP = again
	n = startNode(t, cfg)
	await(t, func() bool { return n.Stats().State == LinkUp })
}

// Core hands a secret out only once: it is kept for the day of -totp.
func TestTOTPKeyIsKeptWithoutTOTP(t *testing.T) {
	c := startCore(t, core.Config{TOTP: "new"})
	cfg := newConfig(t, c.Addr())
	cfg.StateDir = t.TempDir()
	n := startNode(t, cfg)
	await(t, func() bool { _, err := os.Stat(totpPath(cfg.StateDir)); return err == nil })
	n.end()
	kept, err := LoadTOTP(cfg.StateDir, "test")
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(kept.path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("secret file: %v %v", fi.Mode(), err)
	}
	cfg.TOTP = kept
	n = startNode(t, cfg)
	await(t, func() bool { return n.Stats().State == LinkUp })
}

func TestRejectedNodeWaitsLong(t *testing.T) {
	c := startCore(t, core.Config{Faults: core.Faults{Reject: "no such node"}})
	n := startNode(t, newConfig(t, c.Addr()))
	await(t, func() bool { return strings.Contains(n.Stats().LastError, "no such node") })
	if d := time.Until(n.Stats().NextDial); d < 25*time.Second {
		t.Errorf("next try in %v", d)
	}
	n.end() // must not wait for that
}

func TestSecondCoreServesWhenTheFirstIsAway(t *testing.T) {
	away := startCore(t, core.Config{})
	away.Close()
	rejects := startCore(t, core.Config{Faults: core.Faults{Reject: "not here"}})
	serves := startCore(t, core.Config{})
	n := startNode(t, newConfig(t, away.Addr(), rejects.Addr(), serves.Addr()))
	n.put()
	newCollector().until(t, serves.Watch(), 1)
	if got := n.Stats().Core; got != serves.Addr() {
		t.Errorf("serving Core: %s", got)
	}
}

func TestCoreRestartsFiftyTimesDuringAFlow(t *testing.T) {
	cfg := newConfig(t, "")
	c := startCore(t, core.Config{})
	addr := c.Addr()
	cfg.Cores = []string{addr}
	cfg.Heartbeat = 300 * time.Millisecond // longer than the widest gap
	startGoroutines, startFiles := runtime.NumGoroutine(), openFiles(t)
	n := startNode(t, cfg)
	all := newCollector()
	restarts := 50
	if testing.Short() {
		restarts = 10 // an emulated machine
	}
	for i := range restarts {
		w := c.Watch()
		for range 20 {
			n.put()
		}
		until(t, w, core.NodeRegistration, "")
		until(t, w, core.NodeStatusUpdate, "Running")
		until(t, w, core.NodeStatusUpdate, "Running") // heartbeats go on
		if i%2 == 0 {
			all.until(t, c.Watch(), len(all.seen)+1)
		}
		for _, m := range c.Messages() {
			all.add(t, &m)
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		c = startCore(t, core.Config{Listen: addr})
	}
	all.until(t, c.Watch(), n.seq)
	if st := n.ring.Stats(); st.Dropped != 0 || st.Unsettled != 0 {
		t.Errorf("ring: %+v", st)
	}
	n.end()
	c.Close()
	await(t, func() bool { return runtime.NumGoroutine() <= startGoroutines && openFiles(t) <= startFiles })
}

func openFiles(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func TestRubbishFromCoreIsToldOnceAndTheLinkLives(t *testing.T) {
	rubbish := []byte("rubbish\n{\"version\":2}\n{}\n[[[[\n" + strings.Repeat("x", 3*wire.MaxFrame) + "\n\xff\xfe\n")
	c := startCore(t, core.Config{Faults: core.Faults{Rubbish: rubbish}})
	w := c.Watch()
	cfg := newConfig(t, c.Addr())
	commands := make(chan wire.Command, 1)
	cfg.OnCommand = func(cmd wire.Command) { commands <- cmd }
	n := startNode(t, cfg)
	until(t, w, core.NodeEvent, "from Core")
	await(t, func() bool { return n.Stats().Broken == 6 })
	if err := c.Command(42, `"status"`); err != nil {
		t.Fatal(err)
	}
	if cmd := <-commands; cmd.Name != wire.CmdStatus {
		t.Errorf("command after rubbish: %+v", cmd)
	}
	if n.Stats().Connects != 1 {
		t.Error("the link did not live")
	}
}
