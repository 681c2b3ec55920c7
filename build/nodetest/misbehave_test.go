package nodetest

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// While pots misbehave.
const (
	// heartbeatGap is the longest time between two heartbeats of one a second,
	// on a machine as busy as the one that tests.
	heartbeatGap = 4 * time.Second
	// nodeCeiling is what the node itself may have of private memory, in KiB:
	// the small class's.
	nodeCeiling = 24 << 10
)

// Pots that fork, eat memory, fill the disk, print without end, can't be ended,
// die at once: all at the same time. The node's heartbeat goes on, its memory
// stays, and after the stop nothing is left of them.
func TestMisbehavingPots(t *testing.T) {
	store := repository(t, "testdata/badstore")
	p := startProgramNode(t, store, "-heartbeat", "1s")
	ctx, cancel := context.WithCancel(t.Context())
	beats := make(chan time.Duration)
	go func() { beats <- longestGap(ctx, p.core.WatchNew()) }()

	bad := []struct{ name, becomes, says string }{
		{"mayfly", "Failed", "giving up"},
		{"filler", "Failed", "on disk"},
		{"eater", "Stopped", "emory"}, // started again
		{"forker", "Running", ""},
		{"printer", "Running", ""},
		{"stubborn", "Running", ""},
	}
	w := p.core.WatchNew()
	for _, b := range bad {
		p.back.command(installCommand(b.name, b.name, store, nil, true))
	}
	for _, b := range bad {
		p.reaches(w, b.name, b.becomes, b.says)
	}
	m := p.back.ask(`{"GetPotLogs":"forker"}`, `"pot_id":"forker"`)
	if !strings.Contains(m.Raw, "fork: ") { // its limit of processes
		t.Logf("the forker's log: %s", m.Raw)
	}
	if use := p.privateMemory(); use > nodeCeiling {
		t.Errorf("the node has %d KiB", use)
	}
	began := time.Now()
	for _, b := range bad {
		p.back.command(fmt.Sprintf(`{"StopPot":%q}`, b.name))
	}
	for _, b := range bad {
		p.reaches(w, b.name, "Stopped", "")
	}
	t.Logf("all stopped after %v; the node has %d KiB of private memory", time.Since(began), p.privateMemory())
	p.nothingRuns()
	cancel()
	if gap := <-beats; gap > heartbeatGap+p.back.stall() {
		t.Errorf("%v without a heartbeat", gap)
	} else {
		t.Logf("longest time between two heartbeats of 1s: %v", gap)
	}

	// The end of the node ends what won't end.
	w = p.core.WatchNew()
	p.back.command(`{"DeployPot":"stubborn"}`)
	p.reaches(w, "stubborn", "Running", "")
	began = time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
	t.Logf("the node ended %v after its signal", time.Since(began))
	p.nothingRuns()
}

// reaches waits, from the beginning of what w has seen, until a pot was told
// as state with text.
func (p *programNode) reaches(w *core.Watcher, pot, state, text string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 6*patience)
	defer cancel()
	again := *w
	_, err := again.Until(ctx, func(m core.Message) bool {
		return strings.Contains(m.Raw, `"pot_id":"`+pot+`"`) && strings.Contains(m.Raw, `"status":"`+state+`"`) && strings.Contains(m.Raw, text)
	})
	if err != nil {
		p.t.Errorf("pot %s did not become %s with %q: %v\nit is %s", pot, state, text, err, p.status("pot "+pot))
	}
}

func (p *programNode) privateMemory() (kib int) {
	p.t.Helper()
	text := p.status("memory private dirty")
	if _, err := fmt.Sscanf(text, "%d KiB", &kib); err != nil {
		p.t.Fatalf("memory %q", text)
	}
	return kib
}

// longestGap watches heartbeats until ctx ends.
func longestGap(ctx context.Context, w *core.Watcher) (longest time.Duration) {
	last := time.Now()
	for {
		m, err := w.Until(ctx, core.IsKind(core.NodeStatusUpdate))
		if err != nil {
			return max(longest, time.Since(last))
		}
		longest = max(longest, m.At.Sub(last))
		last = m.At
	}
}

// An install that does not end is answered for meanwhile, waits for nobody,
// and is ended by StopPot and by the end of the node. Nothing is left of it.
func TestEndOfInstalls(t *testing.T) {
	store := repository(t, "testdata/badstore")
	p := startProgramNode(t, store)
	installing := func(id string) {
		t.Helper()
		w := p.core.WatchNew()
		p.back.command(installCommand(id, "slow", store, nil, true))
		until(t, w, `"pot_id":"`+id+`","pot_type":"slow","status":"Installing","message":"dependencies: install script`)
	}
	installing("s-1")
	installing("s-2")
	before := p.tree()
	w := p.core.WatchNew()
	p.back.command(installCommand("s-3", "slow", store, nil, true)) // two are at work
	until(t, w, `"pot_id":"s-3","pot_type":"slow","status":"Installing","message":"waits for its turn"`)
	for _, command := range []string{`{"GetPotStatus":"s-1"}`, `{"GetPotInfo":"s-1"}`, `{"GetPotMetrics":"s-1"}`, `{"DeployPot":"s-1"}`, `{"GetPotLogs":"s-1"}`} {
		sent := time.Now()
		m := p.back.ask(command, `"pot_id":"s-1","pot_type":"slow","status":"Installing"`)
		if took := m.At.Sub(sent); took > answerTime+p.back.stall() {
			t.Errorf("%s: answered after %v", command, took)
		}
	}
	p.back.ask(`{"GetPotLogs":"s-1"}`, "unpacking for ever")
	p.back.ask(installCommand("s-1", "slow", store, nil, true), `"status":"Installing"`) // the same is one
	if after := p.tree(); len(before) < 10 || len(after) != len(before) {
		t.Errorf("the same install again: %d files, then %d", len(before), len(after))
	}
	for _, id := range []string{"s-3", "s-1"} {
		sent := time.Now()
		m := p.back.ask(`{"StopPot":"`+id+`"}`, `"pot_id":"`+id+`","pot_type":"slow","status":"Stopped","message":"the installation was stopped`)
		t.Logf("%s stopped within %v", id, m.At.Sub(sent))
	}
	p.back.ask(`{"GetPotStatus":"s-1"}`, `no such pot \"s-1\"`)
	w = p.core.WatchNew()
	p.signal(syscall.SIGTERM)
	until(t, w, `"pot_id":"s-2","pot_type":"slow","status":"Failed","message":"the node is stopping`)
	if code := p.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
	p.nothingRuns()
	for path := range p.tree() {
		if strings.Contains(path, "slow/") {
			t.Errorf("left: %s", path)
		}
	}
}
