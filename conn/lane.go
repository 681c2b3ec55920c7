package conn

import (
	"sync"
	"unicode/utf8"

	"forager/conn/wire"
)

// laneSize is how many urgent frames wait at most; GetInstalledPots answers
// with one for each of at most 64 pots.
const laneSize = 128

// urgent is one frame of the urgent lane, not yet encoded: how long it may be
// depends on the connection it goes out on.
type urgent struct {
	kind    urgentKind
	state   wire.NodeState
	pot     wire.PotStatus
	text    string
	lasting bool // survives the end of the connection it was meant for
}

type urgentKind int

const (
	nodeStatus urgentKind = iota
	potStatus
	alarm
	failure
	started
	stopped
	drop
)

// lane is the bounded queue of urgent frames. When full the oldest goes and
// is counted.
type lane struct {
	ready chan struct{}

	mu      sync.Mutex
	queue   []urgent
	dropped uint64
}

func newLane() lane { return lane{ready: make(chan struct{}, 1)} }

func (q *lane) put(u urgent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == laneSize {
		copy(q.queue, q.queue[1:])
		q.queue = q.queue[:laneSize-1]
		q.dropped++
	}
	q.queue = append(q.queue, u)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *lane) take() (urgent, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.queue = nil
		return urgent{}, false
	}
	u := q.queue[0]
	q.queue[0] = urgent{}
	q.queue = q.queue[1:]
	return u, true
}

// fresh drops what was meant for a connection that is gone: an answer is
// worth nothing to a Core that did not ask.
func (q *lane) fresh() {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.queue[:0]
	for _, u := range q.queue {
		if u.lasting {
			kept = append(kept, u)
		}
	}
	q.queue = kept
}

func (q *lane) drops() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// PotStatus sends a PotStatusUpdate; its NodeID is filled in.
func (s *Session) PotStatus(p wire.PotStatus) {
	p.NodeID = s.cfg.Node.NodeID
	s.lane.put(urgent{kind: potStatus, pot: p})
}

// NodeStatus sends a NodeStatusUpdate out of turn.
func (s *Session) NodeStatus(state wire.NodeState) {
	s.lane.put(urgent{kind: nodeStatus, state: state})
}

// Fail tells Core that the node can't go on, now and at each heartbeat, until
// still returns false; then that it runs. still must not block.
func (s *Session) Fail(still func() bool) {
	s.mu.Lock()
	s.failed = still
	s.mu.Unlock()
	s.NodeStatus(wire.NodeFailed)
}

// running is Running, or Failed while that lasts.
func (s *Session) running() wire.NodeState {
	s.mu.Lock()
	failed := s.failed
	s.mu.Unlock()
	if failed != nil && failed() {
		return wire.NodeFailed
	}
	return wire.NodeRunning
}

// Alarm sends a NodeEvent Alarm, on the next connection if there is none.
func (s *Session) Alarm(text string) { s.lane.put(urgent{kind: alarm, text: text, lasting: true}) }

// Error sends a NodeEvent Error, on the next connection if there is none.
func (s *Session) Error(text string) { s.lane.put(urgent{kind: failure, text: text, lasting: true}) }

// append encodes u. A message that makes the frame longer than limit bytes is
// cut at its end, and an ellipsis says so. A byte takes at most six in JSON, so
// a sixth of what is over must go; a few rounds leave little room unused.
func (u *urgent) append(dst []byte, nodeID uint64, limit int) []byte {
	start := len(dst)
	for {
		dst = u.encode(dst[:start], nodeID)
		over := len(dst) - start - limit
		text := u.message()
		if over <= 0 || *text == "" {
			return dst
		}
		*text = cut(*text, len(*text)-max(over/6, 1)-len("…"))
	}
}

func (u *urgent) encode(dst []byte, nodeID uint64) []byte {
	switch u.kind {
	case nodeStatus:
		return wire.AppendNodeStatus(dst, nodeID, u.state)
	case potStatus:
		return wire.AppendPotStatus(dst, &u.pot)
	case alarm:
		return wire.AppendAlarm(dst, u.text)
	case failure:
		return wire.AppendError(dst, u.text)
	case started:
		return wire.AppendStarted(dst)
	case stopped:
		return wire.AppendStopped(dst)
	case drop:
		return wire.AppendDrop(dst)
	}
	panic("BUG: urgent frame of unknown kind")
}

func (u *urgent) message() *string {
	if u.kind == potStatus {
		return &u.pot.Message
	}
	return &u.text
}

// cut shortens s to at most n bytes, between runes, and marks the cut.
func cut(s string, n int) string {
	if n <= 0 {
		return ""
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
