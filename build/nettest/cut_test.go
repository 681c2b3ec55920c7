package nettest

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// A link that drops every packet for a while, without a word to either end,
// loses nothing, and the node is back within a backoff step of the link.
func TestCutLinkLosesNothing(t *testing.T) {
	cuts := []time.Duration{time.Second, 30 * time.Second}
	if os.Getenv("FORAGER_LONG") != "" {
		cuts = append(cuts, 5*time.Minute)
	}
	for _, cut := range cuts {
		for _, dialect := range []string{"spec", "core"} {
			t.Run(cut.String()+" "+dialect, func(t *testing.T) {
				t.Parallel()
				testCut(t, cut, dialect)
			})
		}
	}
	for _, dialect := range []string{"spec", "core"} {
		t.Run("for good "+dialect, func(t *testing.T) {
			t.Parallel()
			testGone(t, dialect)
		})
	}
}

func testCut(t *testing.T, cut time.Duration, dialect string) {
	l := newLab(t)
	core := l.startCore(map[string][]string{"core": {"-strict"}}[dialect]...)
	l.startNode(t.TempDir(), "-core-dialect", dialect)
	core.await("NodeStatusUpdate", "Running")
	l.feed(1, 50, 10*time.Millisecond)
	l.cutLink()
	l.feed(51, 50, cut/50)
	l.mendLink()
	mended := time.Now()
	l.feed(101, 50, 10*time.Millisecond)
	core.numbers(150)
	t.Logf("all there %v after the link", time.Since(mended).Round(100*time.Millisecond))
}

// testGone cuts the link for good. The node that ends meanwhile does so in
// time, and what the first Core has not got is at the second in the end.
func testGone(t *testing.T, dialect string) {
	l := newLab(t)
	strict := map[string][]string{"core": {"-strict"}}[dialect]
	core := l.startCore(strict...)
	state := t.TempDir()
	args := []string{"-core-dialect", dialect, "-core", "127.0.0.1:9001", "-spool-size", "256K"}
	node := l.startNode(state, args...)
	core.await("NodeStatusUpdate", "Running")
	l.feed(1, 50, 10*time.Millisecond)
	l.cutLink()
	l.feed(51, 50, 100*time.Millisecond)

	_ = node.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-node.ended:
	case <-time.After(patience):
		t.Fatal("the node does not end while the link is gone")
	}
	second := l.startCoreAt(l.node, "127.0.0.1", strict...)
	l.startNode(state, args...)
	l.feed(101, 50, 10*time.Millisecond)
	got := newTally()
	for len(core.lines) > 0 {
		got.add(t, <-core.lines)
	}
	first := len(got.seen)
	second.complete(got, 150)
	if first == 0 || first > 50 {
		t.Errorf("%d events came before the link was gone, not some of 50: nothing is tested", first)
	}
}

// cutLink drops every packet on Core's side, in both directions.
func (l *lab) cutLink() {
	l.in(l.core, "nft", "add", "table", "inet", "cut")
	for _, hook := range []string{"input", "output"} {
		l.in(l.core, "nft", "add", "chain", "inet", "cut", hook, "{ type filter hook "+hook+" priority 0; policy accept; }")
		l.in(l.core, "nft", "add", "rule", "inet", "cut", hook, "iifname != lo oifname != lo drop")
	}
}

func (l *lab) mendLink() { l.in(l.core, "nft", "delete", "table", "inet", "cut") }
