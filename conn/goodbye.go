package conn

import (
	"context"
	"fmt"
	"time"

	"forager/conn/wire"
)

// farewellTime is from NodeDrop to closing; the documents' advice.
const farewellTime = time.Second

// goodbye says that the node stops, each frame its own read at Core, and
// gives Core a second to close first. Before that go the pots' last words and
// events, as many as half the time takes, and what is lost.
func (l *link) goodbye() error {
	say := l.s.cfg.timing.say
	l.s.pulse.Busy(say + farewellTime + slack)
	l.end = time.Now().Add(say)
	ctx, cancel := context.WithDeadline(context.Background(), l.end)
	defer cancel()
	half, enough := context.WithDeadline(ctx, l.end.Add(-say/2))
	defer enough()
	if err := l.sayLosses(ctx); err != nil {
		return err
	}
	if err := l.sayRest(half); err != nil && half.Err() == nil {
		return err
	}
	text, left := l.leftBehind()
	if text != "" {
		if err := l.say(ctx, l.paceAlways, &urgent{kind: failure, text: text}); err != nil {
			return err
		}
	}
	for _, u := range []urgent{{kind: nodeStatus, state: wire.NodeStopped}, {kind: stopped}, {kind: drop}} {
		if err := l.say(ctx, l.paceAlways, &u); err != nil {
			return err
		}
	}
	l.farewell()
	l.s.mu.Lock() // TellLeft need not say it again
	defer l.s.mu.Unlock()
	l.s.left = left
	return nil
}

func (l *link) sayLosses(ctx context.Context) error {
	for _, text := range l.s.losses() {
		if err := l.say(ctx, l.pace, &urgent{kind: failure, text: text}); err != nil {
			return err
		}
	}
	return nil
}

// sayRest sends the pots' last words and then events, until ctx ends. It
// writes no more events than Core's kernel takes, so that none is in the way of
// the last frames.
func (l *link) sayRest(ctx context.Context) error {
	for ctx.Err() == nil {
		u, ok := l.s.lane.take()
		if !ok {
			break
		}
		if err := l.say(ctx, l.pace, &u); err != nil {
			return err
		}
	}
	for n := 1; n > 0 && ctx.Err() == nil && !l.s.handsOver(); {
		if err := l.paceAlways(ctx); err != nil {
			return err
		}
		var err error
		if n, err = l.sendEvents(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) farewell() {
	t := time.NewTimer(farewellTime)
	defer t.Stop()
	select {
	case err := <-l.dead:
		l.dead <- err
	case <-t.C:
	}
}

// leftBehind logs and returns what of the events ends with the node, as far as
// that is known now: empty when Core's kernel takes them all before the goodbye.
// left is how many the ring holds all the same.
func (l *link) leftBehind() (text string, left uint64) {
	l.settleNow(time.Now())
	st := l.s.cfg.Ring.Stats()
	if st.Held == 0 || l.s.handsOver() || st.Spool.Budget > 0 && st.Spool.Off == "" {
		return "", 0
	}
	unsent := min(st.Unread+l.pending(), st.Held)
	if unsent == 0 {
		return "", st.Held
	}
	text = fmt.Sprintf("%d events end with this run: %d not sent, %d sent just now and perhaps not arrived; a spool keeps them (-spool-size)",
		st.Held, unsent, st.Held-unsent)
	l.s.cfg.Log.Warnf("%s", text)
	return text, st.Held
}

// pending is how many events are read from the ring and not sent.
func (l *link) pending() (n uint64) {
	for i := range l.window {
		if !l.window[i].sent {
			n++
		}
	}
	if l.held {
		n++
	}
	return n + uint64(l.batch.Left())
}

func (s *Session) handsOver() bool { return s.cfg.Keeps != nil && s.cfg.Keeps() }

// TellLeft logs how many events end with the node, unless goodbye has: no Core
// took them, and neither a spool nor the next process keeps them. It is called
// when the session and the spool have ended.
func (s *Session) TellLeft() {
	s.mu.Lock()
	said := s.left
	s.mu.Unlock()
	if n := s.cfg.Ring.Unsaved(); n > said && !s.handsOver() {
		s.cfg.Log.Warnf("%d events end with this run: Core does not have them for certain, and no spool keeps them (-spool-size)", n)
	}
}
