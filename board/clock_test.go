package board

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	built := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var log bytes.Buffer
	c := NewClock(built, 2*time.Minute, NewLog(&log, LevelInfo))
	synced, wall, passed := false, time.Unix(5, 0), time.Duration(0)
	c.synced = func() bool { return synced }
	c.now = func() time.Time { return wall }
	c.since = func() time.Duration { return passed }
	if c.Sane() || c.Usable() || c.Usable() {
		t.Fatal("1970 is believed")
	}
	if n := strings.Count(log.String(), "-clock-wait"); n != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
	passed = 2*time.Minute - 1
	if c.Usable() {
		t.Error("not waited for long enough")
	}
	wall = built.Add(time.Second)
	if !c.Sane() {
		t.Error("a time after the build is not believed")
	}
	wall, synced = time.Unix(9, 0), true
	if !c.Sane() || !c.Usable() {
		t.Error("a synchronized clock is not believed")
	}
	synced = false
	if c.Sane() || !c.Usable() {
		t.Error("usable must stay, and sane must not")
	}
}

func TestClockIsNotWaitedForLongerThanTheLimit(t *testing.T) {
	c := NewClock(time.Now().AddDate(100, 0, 0), 0, nil)
	c.synced = func() bool { return false }
	if c.Sane() || !c.Usable() {
		t.Error("limit of 0 waits")
	}
	if !(*Clock)(nil).Usable() || !(*Clock)(nil).Sane() {
		t.Error("no clock must be a good one")
	}
}

func TestKernelSyncedAnswers(t *testing.T) {
	t.Logf("the kernel says synchronized: %v", kernelSynced()) // either is right; it must not fail
}
