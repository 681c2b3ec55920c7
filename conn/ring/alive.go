package ring

import "context"

// Alive returns nil when the ring's lock can be had.
func (r *Ring) Alive(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return nil
}

// Alive returns nil once the spool has shown that it makes progress, or an
// error soon after ctx has ended. A write to flash has writeTime, until which
// the spool need not answer.
func (s *Spool) Alive(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.pulse.Alive(ctx)
}
