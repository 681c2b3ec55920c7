package pots

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"forager/conn/wire"
	"forager/pots/install"
	"forager/pots/process"
)

// Potstore is where a program comes from whose source is not named.
const Potstore = "https://github.com/H0neyBe/honeybee_potstore.git"

// Users of pots that are programs, when the node is root: one each, from
// firstUser on. The range is that of 64 users between those of systemd's
// DynamicUser (61184 to 65519, systemd.exec(5)), which a machine that has them
// gives out by random and looks before whether one is in use.
const firstUser = 61184

// programEnd is how long programs have to end when the node does, which has
// its goodbye to say within seconds.
const programEnd = 500 * time.Millisecond

// proofTime is how long the supervisor of a program may be at work on
// something else: a start takes 30 s at most, a look at 200,000 files on slow
// flash about a minute.
const proofTime = 3 * time.Minute

// Source is the repository of a pot that is a program.
type Source struct {
	URL    string // empty: the pot is built in
	Branch string // empty: the repository's default
}

// IsProgram tells whether the pot is a program of its own.
func (s *Spec) IsProgram() bool { return s.Source.URL != "" }

// NewProgram makes the spec of a pot that is a program from an InstallPot's
// content. Whether its source may be fetched, Install tells.
func NewProgram(id, typ string, source Source, config map[string]string) (Spec, error) {
	if source.URL == "" {
		source.URL = Potstore
	}
	s := Spec{ID: id, Type: typ, Source: source, Options: config}
	if len(config) == 0 {
		s.Options = nil
	}
	err := CheckID(id)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return Spec{}, fmt.Errorf("pot %s: %w", quote(id), err)
	}
	return s, nil
}

// checkProgram looks at what does not need the repository.
func (s *Spec) checkProgram() error {
	if CheckID(s.Type) != nil {
		return fmt.Errorf("honeypot type %s: want 1 to %d of A-Z a-z 0-9 . _ -, not starting with a dot", quote(s.Type), maxID)
	}
	if len(s.Source.URL) > maxValue || len(s.Source.Branch) > maxValue {
		return fmt.Errorf("a source longer than %d bytes", maxValue)
	}
	for key, value := range s.Options {
		if strings.ContainsFunc(key+value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("option %s: a control character in %s", quote(key), quote(value))
		}
	}
	return nil
}

// program is the handler of such a pot, which has no connections of ours.
type program struct{}

func (program) Serve(*Conn) { panic("BUG: a connection for a pot that is a program") }

func (program) start(i *instance) (service, error) {
	if i.m.installer == nil {
		return nil, errors.New("there is no state directory for programs (-state-dir)")
	}
	if i.m.cfg.Agent {
		return nil, errors.New("this node is an Agent, which runs no programs (-node-type)")
	}
	p := i.installed()
	if p == nil {
		return nil, errors.New("it is not installed")
	}
	if !i.m.installer.Has(i.spec.ID, p) {
		return nil, errors.New("its directory is gone: install it again")
	}
	r := &run{i: i, ports: p.Ports}
	i.set(wire.PotInstalling, "start", r)
	child, err := process.Start(process.Config{
		Spec: i.m.installer.Spec(i.spec.ID, p, i.out()), Ports: p.Ports, OnState: r.changed, Log: i.m.cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.child = child
	r.mu.Unlock()
	return r, nil
}

// run is one start of a program, with its restarts after deaths.
type run struct {
	i     *instance
	ports []uint16

	mu    sync.Mutex
	child *process.Child
	proof <-chan struct{} // that the supervisor was asked for
	asked time.Time
}

// changed is told what becomes of the program. While it is dead, and will be
// started again, it is Stopped, and the message tells the rest.
func (r *run) changed(s process.State, text string) {
	switch {
	case s == process.Running:
		r.i.become(r, wire.PotRunning, text)
	case s == process.Failed:
		r.i.become(r, wire.PotFailed, text)
	case s == process.Starting && text != "":
		r.i.become(r, wire.PotStopped, text)
	case s == process.Starting:
		r.i.become(r, wire.PotInstalling, "start")
	}
}

func (r *run) process() *process.Child {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.child
}

func (r *run) protection() (inForce, missing []string) {
	if c := r.process(); c != nil {
		return c.Protection()
	}
	return nil, nil
}

func (r *run) addr() string { return portList(r.ports) }

func (r *run) stop() { r.process().Stop() }

// killPrograms kills what has not ended on its own.
func (m *Manager) killPrograms() {
	for _, inst := range m.all() {
		if r, ok := inst.running().(*run); ok && r.process() != nil {
			go r.process().Kill()
		}
	}
}

// prove gives the supervisor of the program proofTime to show that it lives:
// it may be starting the program, or looking at a tree of files that an
// attacker has made as slow as he could, and that must not end in a reset of
// the machine. Until then the channel is a closed one.
func (r *run) prove() <-chan struct{} {
	c := r.process()
	r.mu.Lock()
	defer r.mu.Unlock()
	if c != nil && (r.proof == nil || isClosed(r.proof)) {
		r.proof, r.asked = c.Prove(), time.Now()
	}
	if r.proof != nil && time.Since(r.asked) > proofTime {
		return r.proof
	}
	proof := make(chan struct{})
	close(proof)
	return proof
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// portList writes ports as addresses without a host.
func portList(ports []uint16) string {
	var b []byte
	for n, p := range ports {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, ':')
		b = strconv.AppendUint(b, uint64(p), 10)
	}
	return string(b)
}

// installed is how the program of a pot runs, nil while there is none.
func (i *instance) installed() *install.Program {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.program
}

// out takes what the program and the steps of its install print.
func (i *instance) out() *process.Output {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.output == nil {
		i.output = process.NewOutput(i.m.cfg.OutputBytes)
	}
	return i.output
}

// printed is what the program printed, or its installation that goes on; nil:
// there is none.
func (i *instance) printed() *process.Output {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.job != nil {
		i = i.job.next
		i.mu.Lock()
		defer i.mu.Unlock()
	}
	return i.output
}

// Usage is what a program takes, its processes together.
type Usage = process.Metrics

// Usage measures a pot that is a program and runs; it reads a few files of
// /proc for each of its processes.
func (m *Manager) Usage(id string) (Usage, bool) {
	m.mu.Lock()
	inst := m.pots[id]
	m.mu.Unlock()
	if inst == nil {
		return Usage{}, false
	}
	r, ok := inst.running().(*run)
	if !ok || r.process() == nil {
		return Usage{}, false
	}
	return r.process().Metrics(), true
}

// OnlyProgram returns the pot that is a program and runs, when it is the only
// one.
func (m *Manager) OnlyProgram() (id string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, inst := range m.pots {
		if inst.programRuns() {
			if ok {
				return "", false
			}
			id, ok = name, true
		}
	}
	return id, ok
}

func (i *instance) programRuns() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, is := i.service.(*run)
	return is && i.state != wire.PotFailed
}

// CountEvents returns where the events of an installed program are counted
// that come by the intake; nil of any other pot.
func (m *Manager) CountEvents(id []byte) *atomic.Uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if inst := m.pots[string(id)]; inst != nil && inst.spec.IsProgram() {
		return &inst.count.events
	}
	return nil
}
