package process

import (
	"errors"
	"fmt"
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

// errNotYet holds the place of what the next commits bring.
var errNotYet = errors.New("process pots: not in this build")

// Child is a program that is started again when it dies.
type Child struct{}

// Start starts a program and watches it until Stop. With an error, which is
// that of a Spec or of a machine that can't run programs at all, nothing runs;
// what happens later is told by OnState.
//
// A program that dies is started again after 1 s doubling to 60 s, half of it
// at random, and is Failed when it died 5 times in 10 minutes. One whose
// ports do not answer within 60 s of its start, or that fills its disk, is
// Failed at once.
func Start(c Config) (*Child, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return nil, errNotYet
}

// Stop ends the program: SIGTERM to its process group, 5 s later SIGKILL to
// everything it started. It returns when nothing of it is left, and is safe to
// call twice.
func (c *Child) Stop() {}

// State returns what it does, why, and since when.
func (c *Child) State() (State, string, time.Time) { return Failed, "", time.Time{} }

// Metrics measures what it uses now.
func (c *Child) Metrics() Metrics { return Metrics{} }

// Prove returns what is closed as soon as the supervisor has shown that it
// lives.
func (c *Child) Prove() <-chan struct{} { return nil }

// Protection names what confines the program, and what this machine can't
// give, both as words for an operator: "own user", "pid namespace", …
func (c *Child) Protection() (inForce, missing []string) { return nil, nil }
