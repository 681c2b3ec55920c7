package conn

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"forager/build/devcore/core"
	"forager/conn/ring"
	"forager/conn/wire"
)

func TestLossIsToldOnce(t *testing.T) {
	c := startCore(t, core.Config{})
	w := c.Watch()
	cfg := newConfig(t, c.Addr())
	cfg.Ring.CountLoss([]byte("p-9"), 3)
	startNode(t, cfg)
	until(t, w, core.NodeEvent, `3 events lost, 3 since the start (\"p-9\" 3); 3 broken lines or too large"`)
}

func TestLossIsToldWithItsCause(t *testing.T) {
	for _, tt := range []struct {
		now, before ring.Loss
		want        string
	}{
		{ring.Loss{Refused: 6}, ring.Loss{}, `6 events lost, 6 since the start ("a\n\x1b[2J" 6); 6 broken lines or too large`},
		{
			ring.Loss{Refused: 6, Pushed: 5, Damaged: 2}, ring.Loss{Refused: 6, Pushed: 1},
			`6 events lost, 13 since the start ("a\n\x1b[2J" 6); 4 gave way to newer ones, a larger ring or spool holds more (-ring-size, -spool-size)` +
				`; 2 not readable on flash any more`,
		},
	} {
		if got := lossText(tt.now, tt.before, map[string]uint64{"a\n\x1b[2J": 6}); got != tt.want {
			t.Errorf("%+v: got  %s\nwant %s", tt.now, got, tt.want)
		}
	}
}

func TestDroppedReportsAreToldOnceForEachGrowth(t *testing.T) {
	s, err := New(newConfig(t, "192.0.2.1:1"))
	if err != nil {
		t.Fatal(err)
	}
	fill := func(n int) {
		for range n {
			s.PotStatus(wire.PotStatus{})
		}
	}
	said := func(want ...string) {
		t.Helper()
		if got := s.losses(); !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	fill(laneSize)
	said()
	fill(3)
	said("3 answers or reports to Core dropped, 3 since the start")
	said()
	fill(2)
	said("2 answers or reports to Core dropped, 5 since the start")
}

func TestLossNamesNotMorePotsThanALineHolds(t *testing.T) {
	lost := make(map[string]uint64)
	for i := range maxLossPots + 2 {
		lost[fmt.Sprint(i)] = uint64(i)
	}
	if got := byPot(lost); !strings.HasPrefix(got, `"9" 9, "8" 8, `) || !strings.HasSuffix(got, `"2" 2, 2 more`) {
		t.Error(got)
	}
}
