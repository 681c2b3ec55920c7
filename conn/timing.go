package conn

import "time"

// timing is how long the session waits for what can't be observed.
type timing struct {
	// settleSpec and settleCore are how long events that Core's kernel has
	// acknowledged must live on before they are forgotten: in a dialect known
	// to be understood, and with a strict Core or one not known yet.
	settleSpec, settleCore time.Duration
	// learn is how long after the first PotEvent of a connection a close may
	// still be Core's answer to it: the strict Core's close can wait for the
	// slowest other node's heartbeat, 30 s.
	learn time.Duration
	// ack is how long Core may take from the connection to the
	// RegistrationAck; the documents' advice.
	ack time.Duration
	// write is how long Core may take nothing: a strict Core stops reading
	// for a heartbeat of its slowest node, 30 s.
	write time.Duration
	// say is how long the goodbye's frames may take; half of that is for those
	// that may wait.
	say time.Duration
	// stable is how long a connection must have lived for its end to be
	// everybody's: Core restarts, and all its nodes lose it at once. They come
	// back spread over spread, so that no second sees more than a twentieth of
	// them.
	stable, spread time.Duration
	// backoffFirst and backoffMax are the first and the longest wait between
	// connections.
	backoffFirst, backoffMax time.Duration
}

var usualTiming = timing{
	settleSpec:   2 * time.Second,
	settleCore:   60 * time.Second,
	learn:        60 * time.Second,
	ack:          10 * time.Second,
	write:        40 * time.Second,
	say:          2 * time.Second,
	stable:       30 * time.Second,
	spread:       40 * time.Second,
	backoffFirst: time.Second,
	backoffMax:   60 * time.Second,
}

// settleTime is how long an acknowledged event of this connection must live
// on.
func (l *link) settleTime() time.Duration {
	if l.peer.learn.dialect == Spec {
		return l.s.cfg.timing.settleSpec
	}
	return l.s.cfg.timing.settleCore
}
