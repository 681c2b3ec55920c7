package conn

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"forager/board"
	"forager/build/devcore/core"
)

// A board that boots in the past registers, but stamps nothing before its
// clock is set; here it never is, and the limit ends the wait.
func TestEventsWaitForTheClockRegistrationDoesNot(t *testing.T) {
	c := startCore(t, core.Config{})
	w := c.Watch()
	cfg := newConfig(t, c.Addr())
	cfg.Clock = board.NewClock(time.Now().AddDate(100, 0, 0), 5*time.Second, cfg.Log)
	cfg.Clock.DistrustKernel()
	n := startNode(t, cfg)
	n.put()
	until(t, w, core.NodeRegistration, "")
	until(t, w, core.NodeEvent, "Started")
	if cfg.Clock.Usable() {
		t.Fatal("the machine is too slow for this test's limit")
	}
	m := until(t, w, core.PotEvent, "")
	if !cfg.Clock.Usable() {
		t.Errorf("event before the clock could be used: %s", m.Raw)
	}
}

func TestOneTimeCodesWaitForTheClock(t *testing.T) {
	c := startCore(t, core.Config{})
	cfg := newConfig(t, c.Addr())
	var err error
	if cfg.TOTP, err = LoadTOTP(t.TempDir(), "x"); err != nil {
		t.Fatal(err)
	}
	cfg.Clock = board.NewClock(time.Now().AddDate(100, 0, 0), time.Hour, cfg.Log)
	cfg.Clock.DistrustKernel()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.open(ctx, s.peers[0]); err == nil {
		t.Error("registered")
	}
	if n := c.Stats().Connections; n != 0 {
		t.Errorf("%d connections before the clock was set", n)
	}
}

// An event is stamped by the clock as it is when the event is sent: taken in
// while the clock was wrong, it is right once the clock is.
func TestEventTimeFollowsTheClock(t *testing.T) {
	c := startCore(t, core.Config{})
	cfg := newConfig(t, c.Addr())
	n := startNode(t, cfg)
	before := time.Now()
	n.put()
	after := time.Now()
	m := until(t, c.Watch(), core.PotEvent, "")
	var e struct{ Timestamp time.Time }
	if err := json.Unmarshal(m.PotEvents()[0], &e); err != nil {
		t.Fatal(err)
	}
	if e.Timestamp.Before(before.Add(-time.Millisecond)) || e.Timestamp.After(after.Add(time.Millisecond)) {
		t.Errorf("stamped %v, happened between %v and %v", e.Timestamp, before, after)
	}
}
