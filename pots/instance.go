package pots

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"forager/conn/wire"
	"forager/pots/install"
	"forager/pots/process"
)

// instance is one pot of the house: its spec, its state, its counters and log,
// which outlive every start and stop.
type instance struct {
	m          *Manager
	spec       Spec
	id, typ    []byte // as events want them
	salt       uint64 // its own, for tables that others' pots share
	configured bool
	handler    Handler
	log        *potLog   // of the id: a pot that replaces another goes on with it
	count      *counters // the same
	bugs       atomic.Uint32
	fresh      bool   // it only holds the id of a pot that is being installed
	uid        uint32 // of a program; under Manager.mu

	op   sync.Mutex  // held during an operation
	gone bool        // under op: removed from the house
	want atomic.Bool // it should run

	mu      sync.Mutex // held for moments
	state   wire.PotState
	message string
	since   time.Time
	service service
	program *install.Program // how it runs, if it is one
	output  *process.Output  // of a program, and of the steps of its install
	job     *job             // what will replace it
	step    string           // how far that is
}

// service is what a started pot is: a listener, or whatever else a type may
// need to run.
type service interface {
	addr() string
	stop()                  // returns when nothing of it is left
	prove() <-chan struct{} // closed when it has shown that it lives
}

// counters are Counters while they count.
type counters struct {
	conns, refused, ignored, events, summed, bytesIn, logins atomic.Uint64
	open                                                     atomic.Int64
}

// newInstance makes a pot that does not run yet. With an error it is one that
// can't.
func (m *Manager) newInstance(s Spec, configured bool) (*instance, error) {
	inst := &instance{
		m: m, spec: s, id: []byte(s.ID), typ: []byte(s.Type), configured: configured,
		state: wire.PotStopped, since: time.Now(),
		salt: rand.Uint64(), log: new(potLog), count: new(counters),
	}
	err := s.check()
	if err == nil && s.IsProgram() {
		inst.handler = program{}
	} else if err == nil {
		inst.handler, err = build(Setup{
			Spec: s, Persona: m.cfg.Persona, NodeID: m.cfg.NodeID, StateDir: m.cfg.StateDir, Log: m.cfg.Log,
		})
	}
	if err != nil {
		return inst, fmt.Errorf("pot %s: %w", quote(s.ID), err)
	}
	return inst, nil
}

// startIfRunning starts the pot, or leaves that to Run.
func (i *instance) startIfRunning() error {
	if !i.m.isRunning() {
		return nil
	}
	return i.start()
}

// start needs op.
func (i *instance) start() error {
	if s := i.running(); s != nil {
		if i.info().State != wire.PotFailed {
			return nil
		}
		s.stop() // a program that died too often
	}
	if i.handler == nil {
		return fmt.Errorf("pot %s: %s", quote(i.spec.ID), i.info().Message)
	}
	open := listen
	if h, ok := i.handler.(starter); ok {
		open = h.start
	}
	s, err := open(i)
	if err != nil {
		err = fmt.Errorf("pot %s: %w (-pot)", quote(i.spec.ID), err)
		i.fail(err)
		return err
	}
	if _, tells := s.(*run); !tells { // a program runs when its ports answer
		i.set(wire.PotRunning, "", s)
	}
	i.m.cfg.Log.Infof("pot %s: %s on %s", i.spec.ID, i.spec.Type, s.addr())
	return nil
}

// restart needs op: the service has been stopped, and runs again.
func (i *instance) restart() error {
	i.mu.Lock()
	i.service = nil
	i.mu.Unlock()
	return i.start()
}

// stop needs op.
func (i *instance) stop() {
	s := i.running()
	if s == nil {
		if i.info().State == wire.PotFailed && i.handler != nil {
			i.set(wire.PotStopped, "", nil)
		}
		return
	}
	s.stop()
	i.set(wire.PotStopped, "", nil)
	i.m.cfg.Log.Infof("pot %s: stopped", i.spec.ID)
}

func (i *instance) fail(err error) {
	i.set(wire.PotFailed, err.Error(), nil)
	i.m.cfg.Log.Errorf("%v", err)
}

// contain is deferred where packets without a connection are worked on, so that
// a bug costs only the one at hand.
func (i *instance) contain() {
	if bug := recover(); bug != nil {
		i.tellBug(bug)
	}
}

// tellBug tells what was recovered: the 1st, 2nd, 4th, 8th… time, for an
// attacker may have found it.
func (i *instance) tellBug(bug any) {
	if n := i.bugs.Add(1); n&(n-1) == 0 {
		i.m.complain(fmt.Errorf("pot %s: BUG: %v", i.spec.ID, bug))
	}
}

// set changes the state and tells it.
func (i *instance) set(state wire.PotState, message string, s service) {
	i.mu.Lock()
	i.state, i.message, i.service, i.since = state, message, s, time.Now()
	i.mu.Unlock()
	i.log.add(time.Since(i.m.cfg.Epoch), []byte(string(state)+" "+message))
	i.tell()
}

// become is set for a service whose state changes by itself; one that is not
// the pot's any more changes nothing.
func (i *instance) become(s service, state wire.PotState, message string) {
	i.mu.Lock()
	news := i.service == s && (i.state != state || i.message != message)
	i.mu.Unlock()
	if !news {
		return
	}
	if state == wire.PotFailed {
		i.m.cfg.Log.Errorf("pot %s: %s", i.spec.ID, message)
	}
	i.set(state, message, s)
}

// tell tells the state to whom it concerns.
func (i *instance) tell() {
	info := i.info()
	i.tellAs(info.Type, info.State, info.Message)
}

// maxMessage is how many bytes of a reason are told: the last lines of a
// program can be longer.
const maxMessage = 2048

func (i *instance) tellAs(typ string, state wire.PotState, message string) {
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	if i.m.cfg.OnStatus != nil {
		i.m.cfg.OnStatus(wire.PotStatus{PotID: i.spec.ID, PotType: typ, Status: state, Message: message})
	}
}

func (i *instance) running() service {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.service
}

func (i *instance) info() Info {
	i.mu.Lock()
	defer i.mu.Unlock()
	info := Info{
		Spec: i.spec, State: i.state, Message: i.message, Since: i.since, Configured: i.configured,
		Counters: Counters{
			Conns: i.count.conns.Load(), Open: uint64(max(i.count.open.Load(), 0)),
			Refused: i.count.refused.Load(), Ignored: i.count.ignored.Load(),
			Events: i.count.events.Load(), Summed: i.count.summed.Load(),
			BytesIn: i.count.bytesIn.Load(), Logins: i.count.logins.Load(),
		},
	}
	if i.service != nil {
		info.Addr = i.service.addr()
	}
	if r, ok := i.service.(*run); ok {
		info.Protections, info.Missing = r.protection()
	}
	if i.program != nil {
		info.Program = *i.program
		info.Listen = portList(i.program.Ports)
	}
	if i.job != nil {
		info.Spec, info.State, info.Message = i.job.next.spec, wire.PotInstalling, i.step
	}
	return info
}

// operate calls do while no other operation on the pot goes on. It is not
// done when the pot has been removed or replaced.
func (i *instance) operate(do func(*instance) error) (done bool, err error) {
	i.op.Lock()
	defer i.op.Unlock()
	if i.gone {
		return false, nil
	}
	return true, do(i)
}
