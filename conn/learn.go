package conn

import "time"

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
