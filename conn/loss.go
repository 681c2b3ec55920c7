package conn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"forager/conn/ring"
)

// What is lost is said once, in the log and to Core: how much, of which pots,
// and why.

// maxLossPots is how many pots a report of loss names.
const maxLossPots = 8

// tellLoss reports what was lost since the last report.
func (s *Session) tellLoss() {
	for _, text := range s.losses() {
		s.Error(text)
	}
}

// losses logs what was lost since the last time, and returns that for Core.
// Only Run's goroutine calls it.
func (s *Session) losses() (texts []string) {
	if lost := s.cfg.Ring.Lost(); lost != s.lossTold {
		texts = append(texts, lossText(lost, s.lossTold, s.cfg.Ring.Stats().ByPot))
		s.lossTold = lost
	}
	if drops := s.lane.drops(); drops != s.dropsTold {
		texts = append(texts, fmt.Sprintf("%d answers or reports to Core dropped, %d since the start: at most %d wait", drops-s.dropsTold, drops, laneSize))
		s.dropsTold = drops
	}
	for _, text := range texts {
		s.cfg.Log.Warnf("%s", text)
	}
	return texts
}

func lossText(now, before ring.Loss, pots map[string]uint64) string {
	text := fmt.Sprintf("%d events lost, %d since the start (%s)", now.All()-before.All(), now.All(), byPot(pots))
	for _, cause := range []struct {
		n   uint64
		why string
	}{
		{now.Refused - before.Refused, "broken lines or too large"},
		{now.Pushed - before.Pushed, "gave way to newer ones, a larger ring or spool holds more (-ring-size, -spool-size)"},
		{now.Damaged - before.Damaged, "not readable on flash any more"},
	} {
		if cause.n > 0 {
			text += fmt.Sprintf("; %d %s", cause.n, cause.why)
		}
	}
	return text
}

// byPot lists the pots that lost most. Their ids may come from anybody's
// lines.
func byPot(lost map[string]uint64) string {
	pots := make([]string, 0, len(lost))
	for pot := range lost {
		pots = append(pots, pot)
	}
	slices.SortStableFunc(pots, func(a, b string) int {
		return cmp.Or(cmp.Compare(lost[b], lost[a]), cmp.Compare(a, b))
	})
	var b strings.Builder
	for i, pot := range pots {
		if i == maxLossPots {
			fmt.Fprintf(&b, ", %d more", len(pots)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q %d", pot, lost[pot])
	}
	return b.String()
}
