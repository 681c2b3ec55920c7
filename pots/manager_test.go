package pots

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"forager/conn/wire"
)

func (n *node) wantStatus(id string, state wire.PotState, message string) {
	n.t.Helper()
	select {
	case s := <-n.status:
		if s.PotID != id || s.Status != state || !strings.Contains(s.Message, message) {
			n.t.Errorf("status %+v, want %s %s %q", s, id, state, message)
		}
	case <-time.After(patience):
		n.t.Fatalf("no status, want %s %s", id, state)
	}
}

// TestPortTaken: one pot fails and says why, the other runs, and the one that
// failed can be started later.
func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	mustNot(t, err)
	defer other.Close()
	n := newNode(t, Config{}).run()
	taken, err := ParseSpec("tcp id=taken listen=" + other.Addr().String())
	mustNot(t, err)
	free, err := ParseSpec("tcp id=free listen=127.0.0.1:0")
	mustNot(t, err)
	if err = n.m.Configure([]Spec{taken, free}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("error %v", err)
	}
	n.wantStatus("taken", wire.PotFailed, "listen="+other.Addr().String()+": address already in use (-pot)")
	n.wantStatus("free", wire.PotRunning, "")
	n.addr("free")
	if n.m.Start("taken") == nil {
		t.Error("started on a taken port")
	}
	n.wantStatus("taken", wire.PotFailed, "in use")
	other.Close()
	mustNot(t, n.m.Start("taken"))
	n.wantStatus("taken", wire.PotRunning, "")
}

// A pot that is removed while Run starts the others does not start: nobody
// would know it, nor stop it.
func TestRemovedDuringTheStart(t *testing.T) {
	n := newNode(t, Config{})
	mustNot(t, n.m.Configure([]Spec{
		{ID: "first", Type: "tcp", Listen: "127.0.0.1:0"}, {ID: "second", Type: "tcp", Listen: "127.0.0.1:0"},
	}))
	second := n.m.pots["second"]
	n.m.cfg.OnStatus = func(s wire.PotStatus) {
		if s.PotID == "first" && s.Status == wire.PotRunning {
			n.m.remove(second)
		}
	}
	n.run()
	if s := second.running(); s != nil {
		t.Errorf("it listens on %s", s.addr())
		s.stop()
	}
}

// TestConfigureAgain: what failed is tried again, what was stopped is not.
func TestConfigureAgain(t *testing.T) {
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	mustNot(t, err)
	defer other.Close()
	n := newNode(t, Config{}).run()
	n.pots("tcp id=stopped listen=127.0.0.1:0")
	mustNot(t, n.m.Stop("stopped"))
	specs := []Spec{
		{ID: "taken", Type: "tcp", Listen: other.Addr().String()}, {ID: "stopped", Type: "tcp", Listen: "127.0.0.1:0"},
	}
	if n.m.Configure(specs) == nil {
		t.Error("started on a taken port")
	}
	other.Close()
	mustNot(t, n.m.Configure(specs))
	n.addr("taken")
	if p, _ := n.m.Info("stopped"); p.State != wire.PotStopped {
		t.Errorf("%+v", p)
	}
}

func TestConfigure(t *testing.T) {
	n := newNode(t, Config{}).run()
	stays := "tcp id=stays listen=127.0.0.1:0 banner=hello"
	n.pots(stays, "tcp id=changes listen=127.0.0.1:0", "tcp id=goes listen=127.0.0.1:0 banner=hello")
	for _, id := range []string{"stays", "changes", "goes"} {
		n.wantStatus(id, wire.PotRunning, "")
	}
	before, _ := n.m.Info("stays")
	guest := dial(t, n.addr("goes"))
	guest.until("hello")

	n.pots(stays, "tcp id=changes listen=127.0.0.1:0 max=9", "telnet listen=127.0.0.1:0")
	n.wantStatus("changes", wire.PotStopped, "")
	n.wantStatus("goes", wire.PotStopped, "")
	n.wantStatus("changes", wire.PotRunning, "")
	n.wantStatus("telnet", wire.PotRunning, "")
	guest.rest()
	if after, _ := n.m.Info("stays"); after.Since != before.Since || after.Addr != before.Addr {
		t.Errorf("%+v became %+v", before, after)
	}
	if _, ok := n.m.Info("goes"); ok {
		t.Error("is still there")
	}
	if p, _ := n.m.Info("changes"); p.Options["max"] != "9" || !p.Configured {
		t.Errorf("%+v", p)
	}
	mustNot(t, n.m.Configure(nil))
	if list := n.m.List(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestStartStopRestart(t *testing.T) {
	n := newNode(t, Config{})
	n.pots2("tcp listen=127.0.0.1:0 banner=hello")
	if p, _ := n.m.Info("tcp"); p.State != wire.PotStopped || p.Addr != "" {
		t.Errorf("before Run: %+v", p)
	}
	n.run()
	n.wantStatus("tcp", wire.PotRunning, "")
	mustNot(t, n.m.Start("tcp")) // runs already
	guest := dial(t, n.addr("tcp"))
	guest.until("hello")
	mustNot(t, n.m.Restart("tcp"))
	guest.rest()
	n.wantStatus("tcp", wire.PotStopped, "")
	n.wantStatus("tcp", wire.PotRunning, "")
	mustNot(t, n.m.Stop("tcp"))
	mustNot(t, n.m.Stop("tcp"))
	n.wantStatus("tcp", wire.PotStopped, "")
	if p, _ := n.m.Info("tcp"); p.State != wire.PotStopped || p.Counters.Conns != 1 || p.Counters.Events != 2 {
		t.Errorf("%+v", p)
	}
	for name, do := range map[string]func(string) error{"start": n.m.Start, "stop": n.m.Stop, "restart": n.m.Restart} {
		if err := do("../x\n"); !errors.Is(err, ErrUnknownPot) || !strings.Contains(err.Error(), `"../x\n"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := n.m.Logs("nobody"); ok {
		t.Error("logs of nobody")
	}
}

// pots2 configures before Run.
func (n *node) pots2(line string) {
	n.t.Helper()
	s, err := ParseSpec(line)
	mustNot(n.t, err)
	mustNot(n.t, n.m.Configure([]Spec{s}))
}

func TestInstall(t *testing.T) {
	n := newNode(t, Config{StateDir: t.TempDir()}).run()
	n.pots("tcp id=flag listen=127.0.0.1:0")
	n.wantStatus("flag", wire.PotRunning, "")
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{ID: "flag", Type: "tcp", Listen: "127.0.0.1:0"}, "that of a configured pot"},
		{Spec{ID: "../x", Type: "tcp", Listen: "127.0.0.1:0"}, "pot id"},
		{Spec{ID: "x", Type: "cowrie", Listen: "127.0.0.1:0"}, "not one of"},
		{Spec{ID: "x", Type: "tcp", Listen: "127.0.0.1:0", Options: map[string]string{"max": "0"}}, "option max"},
	} {
		if err := n.m.Install(c.spec, true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.spec, err)
		}
	}
	p := Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}
	mustNot(t, n.m.Install(p, false))
	n.wantStatus("p", wire.PotStopped, "")
	mustNot(t, n.m.Install(p, true))
	n.wantStatus("p", wire.PotRunning, "")
	before, _ := n.m.Info("p")
	mustNot(t, n.m.Install(p, true))
	if after, _ := n.m.Info("p"); after.Since != before.Since || len(n.m.List()) != 2 {
		t.Errorf("the same install twice: %+v, then %+v", before, after)
	}
	p.Options = map[string]string{"max": "9"}
	mustNot(t, n.m.Install(p, false)) // another spec: it ran, it runs again
	n.wantStatus("p", wire.PotStopped, "")
	n.wantStatus("p", wire.PotRunning, "")

	flag, err := ParseSpec("tcp id=p listen=127.0.0.1:0")
	mustNot(t, err)
	if err := n.m.Configure([]Spec{flag}); err == nil || !strings.Contains(err.Error(), "that of an installed pot") {
		t.Errorf("a flag for an installed pot: %v", err)
	}
	n.addr("p")
}

func TestTooManyPots(t *testing.T) {
	n := newNode(t, Config{})
	for i := range MaxPots {
		mustNot(t, n.m.Install(Spec{ID: fmt.Sprint("p", i), Type: "tcp", Listen: "127.0.0.1:0"}, false))
	}
	if err := n.m.Install(Spec{ID: "x", Type: "tcp", Listen: "127.0.0.1:0"}, false); err == nil || !strings.Contains(err.Error(), "at most 64") {
		t.Error(err)
	}
}

// TestManyOperationsAtOnce is for the race detector.
func TestManyOperationsAtOnce(t *testing.T) {
	n := newNode(t, Config{StateDir: t.TempDir()}).run()
	p := Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}
	mustNot(t, n.m.Install(p, true))
	var wg sync.WaitGroup
	for k := range 6 {
		wg.Go(func() {
			for range 20 {
				switch k {
				case 0:
					_ = n.m.Start("p")
				case 1:
					_ = n.m.Stop("p")
				case 2:
					_ = n.m.Restart("p")
				case 3:
					_ = n.m.Install(Spec{ID: "p", Type: "telnet", Listen: "127.0.0.1:0"}, true)
				case 4:
					n.m.List()
					n.m.Logs("p")
					n.m.Alive(context.Background())
				case 5:
					for _, i := range n.m.List() { // none while one replaces the other
						if c, err := net.Dial("tcp", i.Addr); err == nil {
							c.Close()
						}
					}
				}
				for len(n.status) > 0 {
					<-n.status
				}
			}
		})
	}
	wg.Wait()
}

// stuck is a service that does not prove anything.
type stuck struct{}

func (stuck) addr() string           { return "" }
func (stuck) stop()                  {}
func (stuck) prove() <-chan struct{} { return make(chan struct{}) }

func TestAlive(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots(sayHello, "telnet listen=127.0.0.1:0")
	for range 3 {
		if dead := n.m.Alive(context.Background()); dead != nil {
			t.Errorf("dead: %v", dead)
		}
		dial(t, addr).until("hello") // it still accepts
	}
	inst := n.m.pots["telnet"]
	real := inst.running()
	inst.mu.Lock()
	inst.service = stuck{}
	inst.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if dead := n.m.Alive(ctx); dead == nil || dead.Error() != "no answer from telnet" {
		t.Errorf("dead: %v", dead)
	}
	inst.mu.Lock()
	inst.service = real
	inst.mu.Unlock()
}

func TestLogs(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("telnet listen=127.0.0.1:0")
	c := dial(t, addr)
	c.until("login: ")
	c.send("root\r\n" + strings.Repeat("é", 300) + "\r\n")
	c.until("login: ")
	c.Close()
	await(t, "the end", func() bool { p, _ := n.m.Info("telnet"); return p.Counters.Open == 0 && p.Counters.Events == 3 })
	lines, _ := n.m.Logs("telnet")
	if len(lines) != 4 {
		t.Fatalf("%q", lines)
	}
	for i, want := range []string{"Running", "session.connect 127.0.0.1", `login.failed 127.0.0.1 "username":"root","password":"éé`, "session.closed 127.0.0.1 \"duration\":"} {
		at, text, _ := strings.Cut(lines[i], " ")
		if _, err := time.Parse(time.RFC3339, at); err != nil || !strings.HasPrefix(text, want) || len(text) > logWidth {
			t.Errorf("%q, want %q", lines[i], want)
		}
	}
	var l potLog
	for i := range 3*logLines + 1 {
		l.add(time.Duration(i)*time.Second, []byte(fmt.Sprint(i)))
	}
	got := l.lines(time.Now())
	if len(got) != logLines || !strings.HasSuffix(got[0], fmt.Sprint(" ", 2*logLines+1)) || !strings.HasSuffix(got[logLines-1], fmt.Sprint(" ", 3*logLines)) {
		t.Errorf("%d lines, %q … %q", len(got), got[0], got[len(got)-1])
	}
}
