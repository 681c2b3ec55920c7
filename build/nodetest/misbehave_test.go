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
	until(t, p.core.Watch(), `"pot_id":"mayfly"`)
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
	if gap := <-beats; gap > heartbeatGap {
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
