package cmds

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forager/conn/wire"
	"forager/pots"
)

// recorder is a session: it keeps what would go to Core, one line each.
type recorder struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func newRecorder() *recorder { return &recorder{more: make(chan struct{}, 1)} }

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *recorder) PotStatus(p wire.PotStatus) {
	if n := len(wire.AppendPotStatus(nil, &p)); n > wire.MaxStrictFrame {
		panic(fmt.Sprintf("a frame of %d bytes", n))
	}
	r.add("pot %d %s %s %s %s", p.NodeID, p.PotID, p.PotType, p.Status, p.Message)
}
func (r *recorder) NodeStatus(s wire.NodeState) { r.add("node %s", s) }
func (r *recorder) Alarm(text string)           { r.add("alarm %s", text) }
func (r *recorder) Error(text string)           { r.add("error %s", text) }

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// wait waits until there are n answers.
func (r *recorder) wait(t *testing.T, n int) []string {
	t.Helper()
	for {
		if lines := r.all(); len(lines) >= n {
			return lines
		}
		select {
		case <-r.more:
		case <-time.After(10 * time.Second):
			t.Fatalf("want %d answers, have %q", n, r.all())
		}
	}
}

// fakePots are pots without sockets. A pot in gates waits for its gate at
// every operation; one in broken fails.
type fakePots struct {
	mu     sync.Mutex
	pots   map[string]*pots.Info
	logs   map[string][]string
	gates  map[string]chan struct{}
	broken map[string]error
	usage  map[string]pots.Usage
	calls  []string
	begun  chan string // told of each operation before its gate
}

func newFakePots(ids ...string) *fakePots {
	f := &fakePots{
		pots: make(map[string]*pots.Info), logs: make(map[string][]string), begun: make(chan string, 1024),
		gates: make(map[string]chan struct{}), broken: make(map[string]error),
	}
	for _, id := range ids {
		f.pots[id] = &pots.Info{Spec: pots.Spec{ID: id, Type: "telnet", Listen: ":23"}, State: wire.PotStopped}
	}
	return f
}

func (f *fakePots) do(what, id string, state wire.PotState) error {
	f.begun <- what + " " + id
	if gate := f.gates[id]; gate != nil {
		<-gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, what+" "+id)
	p := f.pots[id]
	if p == nil {
		return fmt.Errorf("pot %q: %w", id, pots.ErrUnknownPot)
	}
	if err := f.broken[id]; err != nil {
		p.State, p.Message = wire.PotFailed, err.Error()
		return err
	}
	p.State, p.Message = state, ""
	return nil
}

func (f *fakePots) Start(id string) error   { return f.do("start", id, wire.PotRunning) }
func (f *fakePots) Stop(id string) error    { return f.do("stop", id, wire.PotStopped) }
func (f *fakePots) Restart(id string) error { return f.do("restart", id, wire.PotRunning) }

func (f *fakePots) Install(s pots.Spec, autoStart bool) error {
	f.mu.Lock()
	if f.pots[s.ID] == nil && (!s.IsProgram() || f.broken[s.ID] == nil) {
		f.pots[s.ID] = &pots.Info{Spec: s, State: wire.PotStopped}
	}
	p := f.pots[s.ID]
	if err := f.broken[s.ID]; s.IsProgram() && err == nil {
		p.Spec, p.State, p.Message = s, wire.PotInstalling, "waits for its turn"
	}
	f.mu.Unlock()
	if s.IsProgram() {
		return f.broken[s.ID]
	}
	if autoStart {
		return f.Start(s.ID)
	}
	return nil
}

func (f *fakePots) List() (all []pots.Info) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.pots {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b pots.Info) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func (f *fakePots) Info(id string) (pots.Info, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pots[id]; p != nil {
		return *p, true
	}
	return pots.Info{}, false
}

func (f *fakePots) Logs(id string) ([]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs[id], f.pots[id] != nil
}

func (f *fakePots) Usage(id string) (pots.Usage, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.usage[id]
	return u, ok
}

// house is a dispatcher among fakes, running until the test ends.
type house struct {
	*Dispatcher
	pots    *fakePots
	answers *recorder
	end     func() // ends Run and waits for it
}

func newHouse(t *testing.T, change func(*Config), ids ...string) *house {
	t.Helper()
	h := &house{pots: newFakePots(ids...), answers: newRecorder()}
	cfg := Config{
		NodeID: 42, NodeType: wire.Full, Pots: h.pots, Answers: h.answers,
		Stop: func() {}, Restart: func() {}, Reload: func() (string, error) { return "reloaded", nil },
	}
	if change != nil {
		change(&cfg)
	}
	h.Dispatcher = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	h.end = func() { cancel(); <-done }
	t.Cleanup(h.end)
	return h
}
