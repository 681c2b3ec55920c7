package pots

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"forager/conn/wire"
	"forager/pots/fetch"
	"forager/pots/install"
)

// Limits of installs.
const (
	// maxInstalls run at once, the others wait: pip takes all the memory and
	// all of the processor that a board has.
	maxInstalls = 2
	// stepGap is the shortest time between two updates of one install.
	stepGap = time.Second
)

// How an install ends before its time.
var (
	// ErrInstallStopped: StopPot ended the first install of a pot, and nothing
	// is left of it. Its last state has been told.
	ErrInstallStopped = errors.New("the installation was stopped, nothing is left of it")
	errReplaced       = errors.New("another installation of the pot takes its place")
	errNodeStops      = errors.New("the node is stopping, the installation is not done")
)

// job is one install of a program, from the command to its end. The instance
// that has the id meanwhile holds it: the pot that will be replaced, or one
// that stands for a pot to come.
type job struct {
	next   *instance // what will have the id
	ports  []uint16  // that next will have; under Manager.mu
	start  atomic.Bool
	cancel context.CancelCauseFunc
	done   chan struct{}

	mu    sync.Mutex // held while a step is told, so that none is told after the end
	told  time.Time
	later *time.Timer
	ended bool
}

// installProgram begins an install and returns. What becomes of it is told by
// the pot's states.
func (m *Manager) installProgram(s Spec, autoStart bool) error {
	if m.installer == nil {
		return fmt.Errorf("pot %s: programs need a state directory (-state-dir)", quote(s.ID))
	}
	if err := fetch.Allowed(s.Source.URL, m.cfg.Allow); err != nil {
		return fmt.Errorf("pot %s: %w", quote(s.ID), err)
	}
	next, err := m.newInstance(s, false)
	if err != nil {
		return err
	}
	there, err := m.begin(next, autoStart)
	if err != nil {
		return fmt.Errorf("pot %s: %w", quote(s.ID), err)
	}
	if there && autoStart {
		return m.Start(s.ID)
	}
	return nil
}

// begin starts a job unless one does the same already, or the pot is there
// as it should be.
func (m *Manager) begin(next *instance, autoStart bool) (there bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	inst, err := m.holderFor(next)
	if err != nil {
		return false, err
	}
	inst.mu.Lock()
	defer inst.mu.Unlock()
	before := inst.job
	if before != nil && before.next.spec.Equal(next.spec) {
		before.start.Store(before.start.Load() || autoStart)
		return false, nil
	}
	if before == nil && !inst.fresh && inst.spec.Equal(next.spec) {
		return true, nil
	}
	j := &job{next: next, done: make(chan struct{}), told: time.Now()}
	j.start.Store(autoStart)
	next.log, next.count, next.uid = inst.log, inst.count, m.userFor(inst)
	inst.job, inst.step = j, "waits for its turn"
	var ctx context.Context
	ctx, j.cancel = context.WithCancelCause(context.Background())
	if before != nil {
		before.cancel(errReplaced)
	}
	m.jobs.Go(func() { m.install(ctx, j, before) })
	return false, nil
}

// holderFor returns the pot that has the id, which is made when there is none
// and can't run. m.mu is held.
func (m *Manager) holderFor(next *instance) (*instance, error) {
	id := next.spec.ID
	inst := m.pots[id]
	switch {
	case !m.running:
		return nil, errNodeStops
	case inst != nil && inst.configured:
		return nil, errors.New("the id is that of a configured pot (-pot)")
	case inst != nil:
		return inst, nil
	case len(m.pots) >= MaxPots:
		return nil, fmt.Errorf("a node has at most %d pots", MaxPots)
	}
	inst, err := m.newInstance(next.spec, false)
	inst.fresh = true
	m.pots[id] = inst
	return inst, err
}

// holder returns the pot that holds a job; nil: another job took its place.
func (m *Manager) holder(j *job) *instance {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.holderLocked(j)
}

func (m *Manager) holderLocked(j *job) *instance {
	inst := m.pots[j.next.spec.ID]
	if inst == nil {
		return nil
	}
	inst.mu.Lock()
	defer inst.mu.Unlock()
	if inst.job != j {
		return nil
	}
	return inst
}

// install is a job's goroutine.
func (m *Manager) install(ctx context.Context, j, before *job) {
	defer close(j.done)
	defer j.cancel(nil)
	if before != nil {
		<-before.done
	}
	err := m.inLane(ctx, func() error {
		built, err := m.installer.Build(ctx, m.order(j))
		if err == nil {
			err = m.takePlace(ctx, j, built)
		}
		return err
	})
	if err != nil {
		m.abandon(j, err)
	}
}

// inLane waits until fewer than maxInstalls are at work, and a crash's
// leftovers are gone.
func (m *Manager) inLane(ctx context.Context, do func() error) error {
	select {
	case <-m.cleaned:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case m.lane <- struct{}{}:
		defer func() { <-m.lane }()
		return do()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *Manager) order(j *job) install.Order {
	s := &j.next.spec
	return install.Order{
		ID: s.ID, Type: s.Type, Source: fetch.Source(s.Source), Config: s.Options, UID: j.next.uid,
		Progress: func(text string) { m.step(j, text) },
		Claim:    func(ports []uint16) error { return m.claim(j, ports) },
		Output:   j.next.out(),
	}
}

// step tells how far a job is: at once, or when a second has passed since the
// last time.
func (m *Manager) step(j *job, text string) {
	inst := m.holder(j)
	if inst == nil {
		return
	}
	inst.mu.Lock()
	inst.step = text
	inst.mu.Unlock()
	inst.log.add(time.Since(m.cfg.Epoch), []byte(string(wire.PotInstalling)+" "+text))
	j.mu.Lock()
	defer j.mu.Unlock()
	wait := stepGap - time.Since(j.told)
	switch {
	case j.ended || j.later != nil:
	case wait > 0:
		j.later = time.AfterFunc(wait, func() { j.tell(inst) })
	default:
		j.told = time.Now()
		inst.tell()
	}
}

// tell is for a step that had to wait.
func (j *job) tell(inst *instance) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.later = nil
	if !j.ended {
		j.told = time.Now()
		inst.tell()
	}
}

// end makes the last step that was told the last one.
func (j *job) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	if j.later != nil {
		j.later.Stop()
	}
}

// takePlace puts what was built in the place of what was there, and starts it
// if that is wanted.
func (m *Manager) takePlace(ctx context.Context, j *job, built *install.Built) error {
	inst := m.holder(j)
	if inst == nil {
		built.Drop()
		return errReplaced
	}
	inst.op.Lock()
	defer inst.op.Unlock()
	if inst.gone { // removed while we waited; who has the id now keeps it
		built.Drop()
		return errReplaced
	}
	stopped := false // by us: only what has ended may start again
	if s := inst.running(); s != nil && ctx.Err() == nil {
		stopped = true
		s.stop()
	}
	err := context.Cause(ctx)
	if err == nil {
		err = built.Swap()
	}
	if err != nil {
		built.Drop()
		if stopped {
			_ = inst.restart()
		}
		return err
	}
	next := j.next
	next.op.Lock()
	defer next.op.Unlock()
	next.program = &built.Program
	next.want.Store(j.start.Load() || !inst.fresh && inst.want.Load())
	j.end()
	m.replace(inst, j)
	if err := m.save(next.spec.ID); err != nil && m.cfg.OnError != nil {
		m.cfg.OnError(err.Error()) // it is logged
	}
	for _, note := range built.Notes {
		m.complain(fmt.Errorf("pot %s: %s", next.spec.ID, note))
	}
	if next.want.Load() {
		_ = next.startIfRunning() // its state tells
	} else {
		next.set(wire.PotStopped, "", nil)
	}
	return nil
}

// replace gives inst's id to j's pot, and the job that waits for the end of j
// with it.
func (m *Manager) replace(inst *instance, j *job) {
	inst.gone = true
	m.mu.Lock()
	defer m.mu.Unlock()
	inst.mu.Lock()
	defer inst.mu.Unlock()
	if inst.job != j {
		j.next.job, j.next.step = inst.job, inst.step
	}
	inst.job, inst.service = nil, nil // whoever has waited to stop it finds it stopped
	m.pots[j.next.spec.ID] = j.next
}

// abandon ends a job that came to nothing. A pot that was there stays as it
// was; of one that was to come nothing is left.
func (m *Manager) abandon(j *job, why error) {
	j.end()
	m.mu.Lock()
	inst := m.holderLocked(j)
	if inst == nil { // another job goes on, and tells
		m.mu.Unlock()
		return
	}
	inst.mu.Lock()
	inst.job, inst.step = nil, ""
	inst.mu.Unlock()
	if inst.fresh {
		delete(m.pots, j.next.spec.ID)
	}
	m.mu.Unlock()

	state, text := wire.PotFailed, why.Error()
	if errors.Is(why, ErrInstallStopped) {
		state = wire.PotStopped
	}
	if !inst.fresh {
		info := inst.info()
		state, text = info.State, fmt.Sprintf("not installed: %s; the pot stays as it was", text)
	}
	m.cfg.Log.Warnf("pot %s: not installed: %v", j.next.spec.ID, why)
	if errors.Is(why, errNodeStops) {
		return // it has been told
	}
	inst.log.add(time.Since(m.cfg.Epoch), []byte("not installed: "+why.Error()))
	inst.tellAs(j.next.spec.Type, state, text)
}

// endInstall ends an install that goes on, and waits for its end. It tells
// whether a pot is left.
func (m *Manager) endInstall(id string) (left bool) {
	m.mu.Lock()
	inst := m.pots[id]
	m.mu.Unlock()
	if inst == nil {
		return false
	}
	inst.mu.Lock()
	j := inst.job
	inst.mu.Unlock()
	if j == nil {
		return true
	}
	j.cancel(ErrInstallStopped)
	<-j.done
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pots[id] != nil
}

// startLater makes a pot that is being installed start at the end of it, and
// tells whether there is nothing to start before.
func (m *Manager) startLater(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	inst := m.pots[id]
	if inst == nil {
		return false
	}
	inst.mu.Lock()
	defer inst.mu.Unlock()
	if inst.job != nil {
		inst.job.start.Store(true)
	}
	return inst.job != nil && inst.fresh
}

// endInstalls ends all of them; none begins any more. It tells so at once: on
// a slow board the node's goodbye is said before all is ended.
func (m *Manager) endInstalls() {
	for _, inst := range m.all() {
		inst.mu.Lock()
		j := inst.job
		inst.mu.Unlock()
		if j == nil {
			continue
		}
		j.end()
		j.cancel(errNodeStops)
		if inst.fresh {
			inst.tellAs(j.next.spec.Type, wire.PotFailed, errNodeStops.Error())
		}
	}
	m.jobs.Wait()
}
