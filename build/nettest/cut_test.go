package nettest

import (
	"os"
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

// cutLink drops every packet on Core's side, in both directions.
func (l *lab) cutLink() {
	l.in(l.core, "nft", "add", "table", "inet", "cut")
	for _, hook := range []string{"input", "output"} {
		l.in(l.core, "nft", "add", "chain", "inet", "cut", hook, "{ type filter hook "+hook+" priority 0; policy accept; }")
		l.in(l.core, "nft", "add", "rule", "inet", "cut", hook, "iifname != lo oifname != lo drop")
	}
}

func (l *lab) mendLink() { l.in(l.core, "nft", "delete", "table", "inet", "cut") }
