package pots

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"forager/conn/wire"
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
	log        potLog
	count      counters

	op   sync.Mutex  // held during an operation
	gone bool        // under op: removed from the house
	want atomic.Bool // it should run

	mu      sync.Mutex // held for moments
	state   wire.PotState
	message string
	since   time.Time
	service service
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
		salt: rand.Uint64(),
	}
	var err error
	if err = s.check(); err == nil {
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
	if i.running() != nil {
		return nil
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
	i.set(wire.PotRunning, "", s)
	i.m.cfg.Log.Infof("pot %s: %s on %s", i.spec.ID, i.spec.Type, s.addr())
	return nil
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

// set changes the state and tells it.
func (i *instance) set(state wire.PotState, message string, s service) {
	i.mu.Lock()
	i.state, i.message, i.service, i.since = state, message, s, time.Now()
	i.mu.Unlock()
	i.log.add(time.Since(i.m.cfg.Epoch), []byte(string(state)+" "+message))
	i.tell()
}

// tell tells the state to whom it concerns.
func (i *instance) tell() {
	if i.m.cfg.OnStatus == nil {
		return
	}
	info := i.info()
	i.m.cfg.OnStatus(wire.PotStatus{
		PotID: info.ID, PotType: info.Type, Status: info.State, Message: info.Message,
	})
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
	return info
}
