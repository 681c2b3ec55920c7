package ring

import (
	"context"
	"time"
)

// A pot on this machine can be asked to wait; an attacker's event cannot. So
// the intake, and only the intake, calls WaitRoom before it takes more lines:
// while a session drains the ring, a burst of lines then waits in the sender's
// socket instead of pushing events out.

// roomNum/roomDen of the ring may hold events never read before WaitRoom
// makes its caller wait.
const roomNum, roomDen = 1, 2

// SetLive tells whether a session is draining the ring.
func (r *Ring) SetLive(live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = live
	r.flash.nudge()
	r.wakeWaiters()
}

// WaitRoom returns when the ring has room for more, when no session drains
// it, when ctx ends, or after at most limit.
func (r *Ring) WaitRoom(ctx context.Context, limit time.Duration) {
	room := r.crowded()
	if room == nil {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	for room != nil {
		select {
		case <-room:
			room = r.crowded()
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// crowded returns nil when there is room, else a channel that is closed when
// there may be.
func (r *Ring) crowded() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isCrowded() {
		return nil
	}
	if r.room == nil {
		r.room = make(chan struct{})
	}
	return r.room
}

func (r *Ring) isCrowded() bool {
	return r.live && r.head.off-r.cursor.off > uint64(len(r.mem))*roomNum/roomDen
}

// wakeWaiters lets those who wait for room look again when there is some.
func (r *Ring) wakeWaiters() {
	if r.room != nil && !r.isCrowded() {
		close(r.room)
		r.room = nil
	}
}
