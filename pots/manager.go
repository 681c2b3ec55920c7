package pots

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"forager/board"
	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots/install"
)

// Errors of the Manager that callers tell apart.
var (
	// ErrUnknownPot: no pot has this id.
	ErrUnknownPot = errors.New("no such pot")
	// ErrNotKept: the pot is as it was asked to be, but that could not be
	// written down, so it will not outlive the node.
	ErrNotKept = errors.New("not kept over a restart")
)

// Config is what a Manager needs. Ring is required.
type Config struct {
	Ring     *ring.Ring
	Epoch    time.Time // the node's start; events' monotonic time counts from it
	StateDir string    // empty: installed pots are not kept
	Limits   Limits
	Persona  string
	NodeID   uint64
	Allow    []string             // globs of what may be fetched for pots that are programs
	Memory   int64                // bytes of the machine, which a program may have a part of; 0: unknown
	Agent    bool                 // no pot that is a program runs here
	Users    bool                 // give each program a user of its own, which only root can
	Ignore   []netip.Prefix       // the operator's own scanners: closed at once, counted, not told
	OnStatus func(wire.PotStatus) // every change of a pot's state; NodeID is not set. Must not block, nor change pots
	OnError  func(text string)    // what the operator and Core should know beside that; must not block
	Log      *board.Log

	EventPort   uint16 // of the intake; 0: it is off
	OutputBytes int    // of a program's last lines that are kept; 0: DefaultOutput
}

// Manager owns the pots: those of the -pot lines and those that were
// installed. Its methods may be called by many goroutines; two operations on
// one pot are done one after the other.
type Manager struct {
	cfg    Config
	guard  *guard
	budget *budget
	store  *store
	ready  chan struct{} // closed when Run has bound what it could

	floodWindow time.Duration
	sessions    atomic.Uint64 // the next session id, before it is mixed

	installer *install.Installer // nil: no state directory
	lane      chan struct{}      // holds a token for each install at work
	cleaned   chan struct{}      // closed when nothing of a crash is left
	jobs      sync.WaitGroup
	unknown   bool // which pots are installed: the file was broken

	mu      sync.Mutex // before instance.mu
	pots    map[string]*instance
	running bool
}

// NewManager loads the installed pots from the state directory. A broken file
// there is set aside and reported; it is no error.
func NewManager(cfg Config) (*Manager, error) {
	if cfg.Ring == nil {
		panic("BUG: pots without a ring")
	}
	if cfg.Epoch.IsZero() {
		cfg.Epoch = time.Now()
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.OutputBytes <= 0 {
		cfg.OutputBytes = DefaultOutput
	}
	m := &Manager{
		cfg: cfg, guard: newGuard(cfg.Limits), store: newStore(cfg.StateDir),
		ready: make(chan struct{}), pots: make(map[string]*instance), floodWindow: floodWindow,
		installer: newInstaller(&cfg), lane: make(chan struct{}, maxInstalls), cleaned: make(chan struct{}),
	}
	m.budget = newBudget(cfg.Ring.Stats().Size, cfg.Limits.Conns, &m.floodWindow, m.tellFloods)
	m.sessions.Store(rand.Uint64())
	kept, err := m.store.load()
	if err != nil {
		m.complain(err)
		m.unknown = true
	}
	for _, k := range kept {
		inst, err := m.newInstance(k.spec, false)
		if err != nil { // another version of the program wrote it: keep it, tell it
			inst.fail(err)
		}
		inst.want.Store(k.want)
		if k.program != nil {
			inst.program, inst.uid = k.program, k.program.UID
		}
		m.pots[k.spec.ID] = inst
	}
	return m, nil
}

// complain tells the operator and Core.
func (m *Manager) complain(err error) {
	m.cfg.Log.Errorf("%v", err)
	if m.cfg.OnError != nil {
		m.cfg.OnError(err.Error())
	}
}

// Run starts the pots that should run, waits for ctx and stops them all.
func (m *Manager) Run(ctx context.Context) error {
	m.mu.Lock()
	m.running = true
	m.mu.Unlock()
	m.clean()
	for _, inst := range m.all() { // one may be removed or replaced before its turn
		_, _ = inst.operate(func(inst *instance) error {
			if !inst.want.Load() {
				return nil
			}
			return inst.start() // its state tells
		})
	}
	close(m.ready)
	<-ctx.Done()
	m.mu.Lock()
	m.running = false
	m.mu.Unlock()
	m.stopAll()
	return nil
}

// Ready is closed when Run has bound every port that it could.
func (m *Manager) Ready() <-chan struct{} { return m.ready }

func (m *Manager) stopAll() {
	var wg sync.WaitGroup
	hurry := time.AfterFunc(programEnd, m.killPrograms)
	defer hurry.Stop()
	wg.Go(m.endInstalls)
	for _, inst := range m.all() {
		wg.Go(func() {
			inst.op.Lock()
			defer inst.op.Unlock()
			inst.stop()
		})
	}
	wg.Wait()
	for _, inst := range m.all() { // what an install that ended just now has started
		inst.op.Lock()
		inst.stop()
		inst.op.Unlock()
	}
}

// Configure takes the -pot lines: it starts new pots, stops and forgets those
// that are gone, restarts those that changed and tries those again that
// failed. One that Stop stopped stays so. What is wrong with some of them is
// the error; the others are as asked. Before Run nothing is bound.
func (m *Manager) Configure(specs []Spec) error {
	specs, err := Resolve(specs, m.isInstalled)
	errs := []error{err}
	for _, inst := range m.all() {
		if inst.configured && !slices.ContainsFunc(specs, inst.spec.Equal) {
			m.remove(inst)
		}
	}
	for _, s := range specs {
		errs = append(errs, m.configure(s))
	}
	return errors.Join(errs...)
}

func (m *Manager) configure(s Spec) error {
	inst, err := m.newInstance(s, true)
	if err != nil {
		return err
	}
	inst.want.Store(true)
	if _, err := m.add(inst); err != nil {
		return err
	}
	return m.with(s.ID, func(inst *instance) error {
		if !inst.want.Load() {
			return nil
		}
		return inst.startIfRunning()
	})
}

// Install makes a pot that outlives the node, or gives an installed one
// another spec. The same spec twice is one install. Of a pot that should run
// (autoStart) and can't, the error is the reason and the pot stays, Failed. An
// error that is ErrNotKept means that all is well but the state directory.
// Of a pot that is a program only the beginning is waited for: nil means that
// it is being installed, or is there already.
func (m *Manager) Install(s Spec, autoStart bool) error {
	if err := CheckID(s.ID); err != nil {
		return err
	}
	if s.IsProgram() {
		return m.installProgram(s, autoStart)
	}
	inst, err := m.newInstance(s, false)
	if err != nil {
		return err
	}
	m.endInstall(s.ID)
	inst.want.Store(autoStart)
	old, err := m.add(inst)
	if err == nil && old != nil && !old.spec.Equal(s) {
		inst.want.Store(autoStart || old.want.Load())
		m.remove(old)
		_, err = m.add(inst)
	}
	if err != nil {
		return err
	}
	err = m.with(s.ID, func(inst *instance) error {
		if autoStart {
			inst.want.Store(true)
		}
		if inst.want.Load() {
			return inst.startIfRunning()
		}
		inst.tell()
		return nil
	})
	return errors.Join(err, m.save(s.ID))
}

// Start runs a pot (DeployPot); one that runs already stays as it is. The wish
// outlives the node for installed pots.
func (m *Manager) Start(id string) error {
	if m.startLater(id) {
		return nil
	}
	return m.wish(id, true, (*instance).startIfRunning)
}

// Stop stops a pot and closes its connections (StopPot). It ends an install as
// well: ErrInstallStopped when there is no pot then.
func (m *Manager) Stop(id string) error {
	if had := m.isInstalled(id); had && !m.endInstall(id) {
		return fmt.Errorf("pot %s: %w", quote(id), ErrInstallStopped)
	}
	return m.wish(id, false, func(inst *instance) error { inst.stop(); return nil })
}

// Restart stops and starts a pot (RestartPot).
func (m *Manager) Restart(id string) error {
	if m.startLater(id) {
		return nil
	}
	return m.wish(id, true, func(inst *instance) error {
		inst.stop()
		return inst.startIfRunning()
	})
}

func (m *Manager) wish(id string, want bool, do func(*instance) error) error {
	changed := false
	err := m.with(id, func(inst *instance) error {
		changed = inst.want.Swap(want) != want && !inst.configured
		return do(inst)
	})
	if changed {
		err = errors.Join(err, m.save(id))
	}
	return err
}

// with calls do while no other operation on the pot goes on.
func (m *Manager) with(id string, do func(*instance) error) error {
	for {
		m.mu.Lock()
		inst := m.pots[id]
		m.mu.Unlock()
		if inst == nil {
			return fmt.Errorf("pot %s: %w", quote(id), ErrUnknownPot)
		}
		if done, err := inst.operate(do); done {
			return err
		} // else another one has the id now
	}
}

// add puts a pot into the house, unless its id is taken: then it returns the
// one that has it, or an error when that one is of the other kind.
func (m *Manager) add(inst *instance) (old *instance, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := inst.spec.ID
	old = m.pots[id]
	switch {
	case old != nil && old.configured && !inst.configured:
		return nil, fmt.Errorf("pot %s: the id is that of a configured pot (-pot)", quote(id))
	case old != nil && !old.configured && inst.configured:
		return nil, fmt.Errorf("pot %s: the id is that of an installed pot; give the line another id= (-pot)", quote(id))
	case old != nil:
		return old, nil
	case len(m.pots) >= MaxPots:
		return nil, fmt.Errorf("pot %s: a node has at most %d pots", quote(id), MaxPots)
	}
	m.pots[id] = inst
	return nil, nil
}

// remove stops a pot and forgets it.
func (m *Manager) remove(inst *instance) {
	inst.op.Lock()
	defer inst.op.Unlock()
	if inst.gone {
		return
	}
	inst.stop()
	inst.gone = true
	if inst.spec.IsProgram() {
		if err := m.installer.Remove(inst.spec.ID); err != nil {
			m.cfg.Log.Warnf("pot %s: its directory stays: %v (-state-dir)", inst.spec.ID, err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pots[inst.spec.ID] == inst {
		delete(m.pots, inst.spec.ID)
	}
}

func (m *Manager) isInstalled(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	inst := m.pots[id]
	return inst != nil && !inst.configured
}

func (m *Manager) isRunning() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// nextSession returns a session id of 48 bits. An odd factor is a bijection on
// them, so ids look random and none comes twice in one run of the node.
func (m *Manager) nextSession() uint64 {
	return m.sessions.Add(1) * 0x9e3779b97f4b & (1<<48 - 1)
}

// ignores tells whether an address is the operator's own.
func (m *Manager) ignores(a netip.Addr) bool {
	for _, p := range m.cfg.Ignore {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (m *Manager) tellFloods(all []*flooded) {
	for _, f := range all {
		f.tell(time.Since(m.cfg.Epoch))
	}
}

// all returns the pots by id.
func (m *Manager) all() []*instance {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*instance, 0, len(m.pots))
	for _, inst := range m.pots {
		list = append(list, inst)
	}
	slices.SortStableFunc(list, func(a, b *instance) int { return strings.Compare(a.spec.ID, b.spec.ID) })
	return list
}

// save writes the installed pots down.
func (m *Manager) save(id string) error {
	err := m.store.save(func() (kept []keptPot) {
		for _, inst := range m.all() {
			if !inst.configured && !inst.fresh {
				kept = append(kept, keptPot{inst.spec, inst.want.Load(), inst.installed()})
			}
		}
		return kept
	})
	if err != nil {
		err = fmt.Errorf("pot %s: %w: %w (-state-dir)", quote(id), ErrNotKept, err)
		m.cfg.Log.Errorf("%v", err)
	}
	return err
}
