package conn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"forager/conn/wire"
)

// What the strict Core takes; measured, protocol rules 1 and 4.
const (
	// gap is the least time between two writes: at 20 ms every run lived, at
	// 10 ms some did not.
	gap = 25 * time.Millisecond
	// paceFirst and paceMax are how soon the send queue is looked at again.
	paceFirst = time.Millisecond
	paceMax   = 20 * time.Millisecond
)

// pace waits until one more frame may be written. A Core known to take many
// frames in one read needs no wait.
func (l *link) pace(ctx context.Context) error {
	if l.peer.learn.dialect == Spec {
		return nil
	}
	return l.paceAlways(ctx)
}

// paceAlways waits until Core's kernel has all that was written and gap has
// passed, so that one read of Core's holds one frame. A link that is dead has
// timing.write; it comes around every gap meanwhile, which shows that the
// session lives.
func (l *link) paceAlways(ctx context.Context) error {
	wait, poll := l.peer.learn.gap()-time.Since(l.wrote), paceFirst
	for {
		l.s.pulse.Beat()
		if wait <= 0 {
			n, err := unsent(l.raw.Conn)
			if err != nil && !errors.Is(err, errors.ErrUnsupported) {
				return fmt.Errorf("reading the send queue: %w", err)
			}
			if n == 0 {
				return nil
			}
			if time.Since(l.wrote) > l.s.cfg.timing.write {
				return fmt.Errorf("core acknowledges nothing: %w", os.ErrDeadlineExceeded)
			}
			wait, poll = poll, min(2*poll, paceMax)
		}
		if err := l.idle(ctx, wait); err != nil {
			return err
		}
		wait = l.peer.learn.gap() - time.Since(l.wrote)
	}
}

// fineSleep is how much of a wait is left to the kernel: Go's timers end up to
// a millisecond late, which is one event in 25.
const fineSleep = 2 * time.Millisecond

// idle sleeps for d unless the connection or ctx ends first.
func (l *link) idle(ctx context.Context, d time.Duration) error {
	if d <= fineSleep {
		sleepFine(d)
		return ctx.Err()
	}
	end := time.Now().Add(d)
	t := time.NewTimer(d - fineSleep)
	defer t.Stop()
	select {
	case <-t.C:
		sleepFine(time.Until(end))
		return nil
	case err := <-l.dead:
		return l.ended(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tlsOverhead is what TLS 1.3 adds to a record with AES-GCM or ChaCha20: five
// bytes of header, one of type, 16 of tag (RFC 8446 section 5.2).
const tlsOverhead = 22

// frameLimit is the largest frame in bytes for this connection: for a strict
// Core one read, and one segment of the path, since a frame that arrives in
// two reads closes the connection.
func (l *link) frameLimit() int {
	if l.peer.learn.dialect == Spec {
		return wire.MaxFrame
	}
	limit := wire.MaxStrictFrame
	if l.maxFrame != 0 {
		return l.maxFrame
	}
	if n := segment(l.raw.Conn); n > 0 {
		if l.s.cfg.TLS != nil {
			n -= tlsOverhead
		}
		limit = min(limit, n)
	}
	return max(limit, minFrame)
}

// minFrame is what the node's own frames need at least; the smallest TCP
// segment that IPv4 promises is 536 bytes (RFC 9293 section 3.7.1).
const minFrame = 512
