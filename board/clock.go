package board

import (
	"sync"
	"time"
)

// Clock tells whether the machine's clock can be believed. Boards without a
// battery start in 1970, or when the firmware was built, and are set when the
// network is up. A nil Clock is always believed.
type Clock struct {
	built  time.Time
	limit  time.Duration
	log    *Log
	since  func() time.Duration // the start, on the monotonic clock
	now    func() time.Time
	synced func() bool

	mu       sync.Mutex
	usable   bool
	answered bool
}

// NewClock makes a Clock that believes a time after built, or one that the
// kernel says is synchronized, and after limit any.
func NewClock(built time.Time, limit time.Duration, log *Log) *Clock {
	start := time.Now()
	since := func() time.Duration { return time.Since(start) }
	return &Clock{built: built, limit: limit, log: log, since: since, now: time.Now, synced: kernelSynced}
}

// DistrustKernel makes the build's date alone decide, for a test that must not
// depend on the machine's clock.
func (c *Clock) DistrustKernel() { c.synced = func() bool { return false } }

// Sane tells whether the time is later than the program's build, or the kernel
// says that it is synchronized (adjtimex(2)).
func (c *Clock) Sane() bool {
	return c == nil || c.now().After(c.built) || c.synced()
}

// Usable tells whether the time may be used: it is sane, or was waited for
// long enough. It stays true once it was; the log says which it is.
func (c *Clock) Usable() bool {
	if c == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.usable {
		return true
	}
	switch {
	case c.Sane():
		c.usable = true
		if c.answered {
			c.log.Infof("the clock is set")
		}
	case c.since() >= c.limit:
		c.usable = true
		c.log.Errorf("the clock is not set after %v: going on with %s (-clock-wait)",
			c.limit, c.now().UTC().Format(time.RFC3339))
	case !c.answered:
		c.log.Warnf("the clock says %s, before this program was built: waiting for it to be set, at most %v (-clock-wait)",
			c.now().UTC().Format(time.RFC3339), c.limit)
	}
	c.answered = true
	return c.usable
}
