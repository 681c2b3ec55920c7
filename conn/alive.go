package conn

import (
	"context"
	"errors"
	"time"
)

// slack is how much later than its deadline a system call may return on a busy
// board.
const slack = 10 * time.Second

// readTime is how long one message from Core may keep the reader: commands are
// only queued there.
const readTime = 10 * time.Second

// Alive returns nil once the session has shown that it makes progress, or an
// error soon after ctx has ended. A dial and a write have deadlines, until
// which the session need not answer.
func (s *Session) Alive(ctx context.Context) error {
	if s.read.Over() {
		return errors.New("the reader does not come back from a message of Core's")
	}
	return s.pulse.Alive(ctx)
}
