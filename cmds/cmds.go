// Package cmds is what Core may ask of the node, one file a command, and what
// an operator may ask of a running one (the control socket).
//
// The session hands commands to Dispatcher.Do, which never waits: they go
// into bounded queues, one for each pot and one for the node, and a few
// goroutines that live only while there is work carry them out. So two
// commands on one pot are done in order, a slow one holds up no other pot,
// and none holds up the session. The install of a program only begins here:
// what becomes of it the pot's states tell, and commands on it are answered
// meanwhile. Every command gets an answer: a status, or a
// NodeEvent Error that says why not.
//
// The package never opens a connection to anybody, and nothing that Core sent
// becomes a path or a program. Limits: maxQueues queues of maxQueue commands,
// maxParallel at once; answers of one frame of the strict Core.
package cmds

import (
	"context"
	"fmt"
	"sync"

	"forager/board"
	"forager/conn/wire"
	"forager/pots"
)

// Limits of the queues.
const (
	maxQueue    = 16               // commands that wait for one pot, or for the node
	maxQueues   = 1 + pots.MaxPots // the node's own and the pots'
	maxParallel = 8                // pots worked on at once: a stop takes seconds when a program won't end
	nodeQueue   = ""               // no pot has this id
)

// Answers is where answers go; a *conn.Session. Its methods never block.
type Answers interface {
	PotStatus(wire.PotStatus)
	NodeStatus(wire.NodeState)
	Alarm(text string)
	Error(text string)
}

// Pots is what commands do with pots; a *pots.Manager.
type Pots interface {
	Install(s pots.Spec, autoStart bool) error
	Start(id string) error
	Stop(id string) error
	Restart(id string) error
	List() []pots.Info
	Info(id string) (pots.Info, bool)
	Logs(id string) ([]string, bool)
	Usage(id string) (pots.Usage, bool) // of a program that runs
}

// Config is what a Dispatcher needs; only Log may be nil.
type Config struct {
	NodeID   uint64
	NodeType wire.NodeType
	Pots     Pots
	Answers  Answers

	Stop     func()                 // begins the node's end; must not wait for it
	Restart  func()                 // the same, and the node comes back
	Rehearse func() error           // tells why it would not; nil: nobody knows
	Reload   func() (string, error) // reads the configuration again and tells what was done
	Log      *board.Log
}

// Dispatcher carries out commands.
type Dispatcher struct {
	cfg      Config
	failures board.Pace

	mu      sync.Mutex
	queues  map[string]*queue
	ready   []string // queues with work that nobody has taken
	workers int
	running bool
	stats   Stats
	wg      sync.WaitGroup
}

type queue struct {
	commands []wire.Command
	taken    bool // in ready, or in a worker's hands
	work     board.Limit
}

// Stats counts since the start.
type Stats struct {
	Done    uint64 // carried out
	Refused uint64 // for another node, unknown or malformed
	Full    uint64 // refused because a queue was full
}

// New makes a Dispatcher.
func New(cfg Config) *Dispatcher {
	return &Dispatcher{cfg: cfg, queues: make(map[string]*queue)}
}

// Stats returns a copy.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// Do takes a command and returns at once. What can't be done is answered with
// a NodeEvent Error.
func (d *Dispatcher) Do(c wire.Command) {
	if err := d.check(&c); err != nil {
		d.count(func(s *Stats) { s.Refused++ })
		d.fail(err)
		return
	}
	if !d.enqueue(c) {
		d.fail(fmt.Errorf("%s: too many commands wait for %s, this one is dropped", c.Name, subject(&c)))
	}
}

// check tells why a command must not be done.
func (d *Dispatcher) check(c *wire.Command) error {
	_, ours := commands[c.Name]
	switch {
	case c.NodeID != 0 && c.NodeID != d.cfg.NodeID:
		return fmt.Errorf("command %s is for node %d, this is node %d", quote(c.Name), c.NodeID, d.cfg.NodeID)
	case !c.Known || !ours:
		return fmt.Errorf("unknown command %s", quote(c.Name))
	case c.Err != nil:
		return fmt.Errorf("command refused: %w", c.Err)
	}
	return nil
}

func subject(c *wire.Command) string {
	if c.PotID == nodeQueue {
		return "the node"
	}
	return "pot " + quote(c.PotID)
}

func (d *Dispatcher) enqueue(c wire.Command) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.queues[c.PotID]
	if q == nil && len(d.queues) < maxQueues {
		q = new(queue)
		d.queues[c.PotID] = q
	}
	if q == nil || len(q.commands) >= maxQueue {
		d.stats.Full++
		return false
	}
	q.commands = append(q.commands, c)
	if !q.taken {
		q.taken = true
		d.ready = append(d.ready, c.PotID)
		d.hire()
	}
	return true
}

// hire starts a worker if there is work for one more; d.mu is held.
func (d *Dispatcher) hire() {
	if d.running && d.workers < maxParallel && len(d.ready) > 0 {
		d.workers++
		d.wg.Go(d.work)
	}
}

// work carries out one command after the other, of one queue after the other,
// until none is ready.
func (d *Dispatcher) work() {
	for {
		id, c, ok := d.next()
		if !ok {
			return
		}
		d.cfg.Log.Debugf("command %s for %s", c.Name, subject(&c))
		commands[c.Name](d, &c)
		d.done(id)
	}
}

func (d *Dispatcher) next() (id string, c wire.Command, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running || len(d.ready) == 0 {
		d.workers--
		return "", c, false
	}
	id, d.ready = d.ready[0], d.ready[1:]
	q := d.queues[id]
	c, q.commands = q.commands[0], q.commands[1:]
	q.work.Begin(timeOf(c.Name))
	return id, c, true
}

// done puts the queue back behind the others, or away when it is empty.
func (d *Dispatcher) done(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Done++
	d.queues[id].work.End()
	if len(d.queues[id].commands) == 0 {
		delete(d.queues, id)
		return
	}
	d.ready = append(d.ready, id)
	d.hire()
}

// Run carries out commands until ctx ends; those that still wait then are
// answered, those at work are waited for. What came before Run is done first.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.mu.Lock()
	d.running = true
	for range maxParallel {
		d.hire()
	}
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	d.running = false
	d.mu.Unlock()
	d.wg.Wait()
	d.refuseRest()
	if n := d.failures.Unsaid(); n > 0 {
		d.cfg.Log.Warnf("commands: %d more failed", n)
	}
	return nil
}

func (d *Dispatcher) refuseRest() {
	d.mu.Lock()
	rest := d.queues
	d.queues, d.ready = make(map[string]*queue), nil
	d.mu.Unlock()
	for _, q := range rest {
		for i := range q.commands {
			d.fail(fmt.Errorf("%s for %s: not done, the node is stopping", q.commands[i].Name, subject(&q.commands[i])))
		}
	}
}

func (d *Dispatcher) count(change func(*Stats)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.stats)
}
