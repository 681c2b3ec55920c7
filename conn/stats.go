package conn

import "time"

// LinkState is where the session stands.
type LinkState string

// The states of the link.
const (
	LinkDown        LinkState = "down"
	LinkDialling    LinkState = "dialling"
	LinkRegistering LinkState = "registering"
	LinkUp          LinkState = "up"
)

// Stats is what the session shows of itself.
type Stats struct {
	State         LinkState
	Since         time.Time // of State up or down
	Core          string    // the address dialled last
	Local         string    // our end of the connection
	TLS           bool
	Dialect       string    // "spec", "core", and whether that was learned, set or is being tried
	LastHeartbeat time.Time // when the last NodeStatusUpdate was written
	LastError     string    // why the last connection ended
	NextDial      time.Time // when down

	Connects  uint64 // registrations accepted
	Frames    uint64 // frames written
	Events    uint64 // events written, repeats included
	Commands  uint64 // commands received
	Broken    uint64 // broken frames from Core
	LaneDrops uint64 // urgent frames dropped because the lane was full
}

// Stats returns a copy.
func (s *Session) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.LaneDrops = s.lane.drops()
	return st
}

func (s *Session) set(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
}
