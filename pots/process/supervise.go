package process

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"
)

// Times of the supervisor.
const (
	lookTime  = 2 * time.Second        // between two looks at memory and processes
	termTime  = 5 * time.Second        // from SIGTERM to SIGKILL
	killTime  = 5 * time.Second        // from SIGKILL to the keeper's own end
	slack     = 30 * time.Second       // more than any of this should take, on a busy board with slow flash
	portTime  = time.Minute            // for all ports to answer
	probeTime = 100 * time.Millisecond // first wait between two looks at the ports, growing
	probeMost = time.Second

	looksPerPort = 15 // looks at memory for one at the ports of a program that is Running: half a minute
	muteMost     = 2  // times that one may be silent then: a program that listens anew is no dead one

	waitFirst = time.Second // between a death and the next start, doubling
	waitMost  = time.Minute
	steady    = 5 * time.Minute // after a life so long the wait begins anew

	deathsMost = 5 // within deathTime are too many
	deathTime  = 10 * time.Minute
)

// tailLines and tailWidth are how much of a program's last words go with the
// reason of its end.
const (
	tailLines = 5
	tailWidth = 200
)

// end is how a life ended.
type end struct {
	reason string // "": Stop ended it
	fatal  bool   // a restart would not help
}

// supervise is the child's life.
func (c *Child) supervise() {
	runtime.LockOSThread() // the keeper dies with the thread that started it, which ends with this function
	defer close(c.done)
	defer c.answer(true)
	var deaths []time.Time // at most deathsMost
	for wait := waitFirst; ; {
		born := c.cfg.Clock.Now()
		e := c.live()
		if e.reason == "" {
			c.set(Stopped, "")
			return
		}
		now := c.cfg.Clock.Now()
		if now.Sub(born) >= steady {
			wait = waitFirst
		}
		deaths = recent(append(deaths, now), now)
		if e.fatal || len(deaths) >= deathsMost {
			if !e.fatal {
				e.reason = fmt.Sprintf("died %d times in %v, at last: %s", len(deaths), deathTime, e.reason)
			}
			c.set(Failed, e.reason)
			c.rest(nil)
			return
		}
		pause := wait/2 + rand.N(wait/2+1)
		wait = min(2*wait, waitMost)
		c.set(Starting, fmt.Sprintf("%s; next start in %v", e.reason, pause.Round(100*time.Millisecond)))
		if !c.rest(c.cfg.Clock.After(pause)) {
			c.set(Stopped, "")
			return
		}
		c.mu.Lock()
		c.restarts++
		c.mu.Unlock()
	}
}

// recent leaves out deaths that are long ago.
func recent(deaths []time.Time, now time.Time) []time.Time {
	for len(deaths) > 0 && now.Sub(deaths[0]) > deathTime {
		deaths = deaths[1:]
	}
	return deaths
}

// rest waits until the time comes, or Stop, and answers who asks meanwhile.
func (c *Child) rest(until <-chan time.Time) (goOn bool) {
	for {
		select {
		case <-c.stopping:
			return false
		case <-until:
			return true
		case <-c.wake:
			c.answer(false)
		}
	}
}

// live runs the program once.
func (c *Child) live() end {
	select {
	case <-c.stopping:
		return end{}
	default:
	}
	c.set(Starting, "")
	c.busy(startTime + killTime + slack)
	l, err := begin(&c.cfg.Spec)
	c.work.End()
	if err != nil {
		return end{reason: err.Error()}
	}
	c.mu.Lock()
	c.life, c.words = l, l.confinement
	c.mu.Unlock()
	e := c.watch(l)
	c.busy(termTime + 2*killTime + slack)
	defer c.work.End()
	if e.reason == "" {
		l.tell(frameTerm)
		select {
		case <-l.done:
		case <-c.hurry:
		case <-c.cfg.Clock.After(termTime):
		}
	}
	if !l.finish() {
		c.cfg.Log.Errorf("pot %s: a process is left that can't be killed", c.cfg.Name)
	}
	c.mu.Lock()
	c.life = nil
	if l.over() {
		c.cpu += l.cpu
	}
	c.mu.Unlock()
	if e.reason != "" {
		if lines := c.cfg.Output.tail(); len(lines) > 0 {
			e.reason += ": " + strings.Join(lines, " | ")
		}
	}
	return e
}

// watch waits for what ends a life: itself, a limit, silent ports or Stop.
func (c *Child) watch(l *life) end {
	clock := c.cfg.Clock
	late := clock.Now().Add(portTime)
	probe, look := clock.After(0), clock.After(lookTime)
	looks, mute := 0, 0
	for wait := probeTime; ; {
		select {
		case <-c.stopping:
			return end{}
		case <-l.done:
			return end{reason: l.status}
		case <-c.wake:
			c.answer(false)
		case <-look:
			c.busy(slack)
			reason, fatal := c.limit.look(l)
			c.work.End()
			if reason != "" {
				return end{reason, fatal}
			}
			if looks++; probe == nil && looks%looksPerPort == 0 {
				if port := silent(c.cfg.Ports, c.cfg.UID, l.process.Pid); port == 0 {
					mute = 0
				} else if mute++; mute == muteMost {
					return end{reason: fmt.Sprintf("port %d answers no more", port)}
				}
			}
			look = clock.After(lookTime)
		case <-probe:
			port := silent(c.cfg.Ports, c.cfg.UID, l.process.Pid)
			switch {
			case port == 0:
				c.set(Running, "")
				probe = nil
				continue
			case !clock.Now().Before(late):
				return end{reason: fmt.Sprintf("port %d does not answer after %v", port, portTime), fatal: true}
			}
			probe = clock.After(wait)
			wait = min(wait*3/2, probeMost)
		}
	}
}

// set changes the state and tells it.
func (c *Child) set(s State, message string) {
	c.mu.Lock()
	c.state, c.message, c.since = s, message, c.cfg.Clock.Now()
	c.mu.Unlock()
	if c.cfg.OnState != nil {
		c.cfg.OnState(s, message)
	}
}

// tail is a program's last words.
func (o *Output) tail() []string {
	if o == nil {
		return nil
	}
	lines := o.Lines(tailLines)
	for i, line := range lines {
		lines[i] = line[:min(len(line), tailWidth)]
	}
	return lines
}
