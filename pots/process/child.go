package process

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"forager/board"
)

// State is what a Child does.
type State uint8

// The states.
const (
	Starting State = iota // the program was started, and not all ports answer yet; or it died, and waits for its next start
	Running               // all ports answer; without ports: the program runs
	Failed                // for good: only a new Start helps
	Stopped               // by Stop
)

func (s State) String() string { return [...]string{"Starting", "Running", "Failed", "Stopped"}[s] }

// Config is a program that should go on running.
type Config struct {
	Spec
	Ports []uint16 // of TCP, that must answer before it is Running

	// OnState is told every change, in order, with its reason: "" or one line
	// for an operator, with the last lines of output when it died. It must not
	// wait for Stop.
	OnState func(State, string)
	Log     *board.Log

	// Clock is for tests; nil is the system's.
	Clock Clock
}

// Clock is where the supervisor has its time from.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

// Child is a program that is started again when it dies.
type Child struct {
	cfg   Config
	limit watch // what was looked at; the supervisor's alone

	stopping chan struct{} // closed by Stop
	stopOnce sync.Once
	hurry    chan struct{} // closed by Kill
	killOnce sync.Once
	done     chan struct{} // nothing is left
	wake     chan struct{} // there is a proof to answer
	work     board.Limit   // what keeps the supervisor from answering

	mu       sync.Mutex // held for moments
	state    State
	message  string
	since    time.Time
	life     *life         // nil: does not run
	cpu      time.Duration // of the lives before
	restarts int
	words    confinement   // of this life, or the last
	proof    chan struct{} // that was asked for; nil: none
	ended    bool          // the supervisor has
}

// Start starts a program and watches it until Stop. With an error, which is
// that of the Spec, nothing runs; what happens later is told by OnState.
//
// A program that dies is started again after 1 s doubling to 60 s, half of it
// at random, and is Failed when it died 5 times in 10 minutes. One that was
// Running and whose ports answer no more is as good as dead. One whose
// ports do not answer within 60 s of its start, or that has more on disk than
// it may, is Failed at once.
func Start(c Config) (*Child, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Output == nil {
		c.Output = NewOutput(0) // for the reason of a death
	}
	child := &Child{
		cfg: c, limit: newWatch(&c.Spec), since: c.Clock.Now(),
		stopping: make(chan struct{}), hurry: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	go child.supervise()
	return child, nil
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Stop ends the program: SIGTERM to its process group, 5 s later SIGKILL to
// everything it started. It returns when nothing of it is left, and is safe to
// call twice.
func (c *Child) Stop() {
	c.stopOnce.Do(func() { close(c.stopping) })
	<-c.done
}

// Kill is Stop without the 5 s: what has not ended yet is killed.
func (c *Child) Kill() {
	c.killOnce.Do(func() { close(c.hurry) })
	c.Stop()
}

// State returns what it does, why, and since when.
func (c *Child) State() (State, string, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state, c.message, c.since
}

// Metrics measures what it uses now. It reads /proc, for some milliseconds.
func (c *Child) Metrics() Metrics {
	c.mu.Lock()
	l := c.life
	m := Metrics{CPU: c.cpu, Restarts: c.restarts}
	c.mu.Unlock()
	if l == nil {
		return m
	}
	u := l.use(0)
	m.PID, m.Memory, m.Processes = u.pid, u.memory, u.processes
	m.CPU += u.cpu
	m.Connections = established(c.cfg.Ports)
	m.Uptime = time.Since(l.began)
	return m
}

// Prove returns what is closed as soon as the supervisor has shown that it
// lives; of one that has ended, or that starts or ends a program and has time
// left for that, at once.
func (c *Child) Prove() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.proof == nil {
		c.proof = make(chan struct{})
		if c.work.Runs() {
			proof := c.proof
			close(proof)
			c.proof = nil
			return proof
		}
		if c.ended {
			close(c.proof)
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	return c.proof
}

// busy is called by the supervisor before it does what may take so long, which
// is progress; c.work.End after it.
func (c *Child) busy(most time.Duration) {
	c.work.Begin(most)
	c.answer(false)
}

// answer is called by the supervisor when it is awake.
func (c *Child) answer(ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended = ended; c.proof != nil {
		close(c.proof)
		if !ended {
			c.proof = nil
		}
	}
}

// Protection names what confines the program, and what this machine can't
// give, both as words for an operator: "pid namespace", "private /proc", "read-only /tmp",
// "Landlock" (with its ABI when it is in force), "own user", "no new
// privileges", "system calls", "process limit", "nice". Before the first start both are empty.
func (c *Child) Protection() (inForce, missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.words.have), slices.Clone(c.words.miss)
}
