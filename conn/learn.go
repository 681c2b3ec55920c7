package conn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// learnAlive notes that this connection has outlived timing.learn.
func (l *link) learnAlive(now time.Time) {
	if left, learning := l.learnsIn(now); !learning || left > 0 {
		return
	}
	l.learned = true
	if l.peer.learn.survived() {
		l.taught()
	}
}

// learnsIn is how long this connection must still live to teach something;
// false when it can't or has.
func (l *link) learnsIn(now time.Time) (time.Duration, bool) {
	if l.learned || l.first.IsZero() {
		return 0, false
	}
	return max(0, l.first.Add(l.s.cfg.timing.learn).Sub(now)), true
}

// learnFrom notes how this connection ended.
func (l *link) learnFrom(err error) {
	if l.learned || l.first.IsZero() || !closedByPeer(err) {
		return
	}
	if time.Since(l.first) >= l.s.cfg.timing.learn {
		l.learnAlive(time.Now())
		return
	}
	if l.peer.learn.closed() {
		l.taught()
	}
}

func (l *link) taught() {
	l.s.cfg.Log.Infof("Core %s: dialect %s", l.peer.addr, &l.peer.learn)
	l.s.set(func(st *Stats) { st.Dialect = l.peer.learn.String() })
	l.s.saveDialects()
}

// firstUp is true at the first registration of this run of the node.
func (s *Session) firstUp() bool { return s.Stats().Connects == 1 }

// maxLossPots is how many pots a report of loss names.
const maxLossPots = 8

// tellLoss reports events lost since the last report, once.
func (l *link) tellLoss() {
	s := l.s
	lost := s.cfg.Ring.Lost()
	if lost == s.lossTold {
		return
	}
	n := lost - s.lossTold
	s.lossTold = lost
	text := fmt.Sprintf("%d events lost, %d since the start (%s); a larger ring holds more (-ring-size)",
		n, lost, byPot(s.cfg.Ring.Stats().ByPot))
	s.cfg.Log.Warnf("%s", text)
	s.Error(text)
}

// byPot lists the pots that lost most.
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
		fmt.Fprintf(&b, "%s %d", pot, lost[pot])
	}
	return b.String()
}
