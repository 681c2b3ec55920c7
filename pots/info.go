package pots

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"forager/board"
	"forager/conn/wire"
	"forager/pots/install"
)

// Info is what is known of a pot.
type Info struct {
	Spec
	State      wire.PotState
	Message    string // why, when it failed
	Addr       string // where it listens; empty when it does not
	Since      time.Time
	Configured bool // from a -pot line; else installed
	Counters   Counters

	// Of a pot that is a program:
	Program              install.Program // how it runs
	Protections, Missing []string        // what holds it while it runs, and what this machine can't do
}

// Counters count since the node's start.
type Counters struct {
	Conns   uint64 // connections taken
	Open    uint64 // of them open now
	Refused uint64 // connections closed at once by a limit
	Ignored uint64 // connections and datagrams from the addresses of Config.Ignore
	Events  uint64
	Summed  uint64 // events that only summaries tell of (<type>.flood)
	BytesIn uint64
	Logins  uint64 // user and password tries
}

// List returns all pots by id.
func (m *Manager) List() []Info {
	var list []Info
	for _, inst := range m.all() {
		list = append(list, inst.info())
	}
	return list
}

// Info returns one pot.
func (m *Manager) Info(id string) (Info, bool) {
	m.mu.Lock()
	inst := m.pots[id]
	m.mu.Unlock()
	if inst == nil {
		return Info{}, false
	}
	return inst.info(), true
}

// Logs returns a pot's last lines, oldest first: at most 64 of at most 200
// bytes behind their time, printable; of a program behind them what it, or its
// installation, printed last.
func (m *Manager) Logs(id string) ([]string, bool) {
	m.mu.Lock()
	inst := m.pots[id]
	m.mu.Unlock()
	if inst == nil {
		return nil, false
	}
	lines := inst.log.lines(m.cfg.Epoch)
	if out := inst.printed(); out != nil {
		lines = append(lines, out.Lines(logLines)...)
	}
	return lines, true
}

// Alive asks every part that runs to prove that it does. The error names the
// pots that have not when ctx ends. Nothing of it costs anything between two
// calls: an idle accept loop is woken once and goes back to sleep.
func (m *Manager) Alive(ctx context.Context) error {
	var dead []string
	proofs := make(map[string]<-chan struct{})
	for _, inst := range m.all() {
		if s := inst.running(); s != nil {
			proofs[inst.spec.ID] = s.prove()
		}
	}
	for id, proof := range proofs {
		if board.Await(ctx, proof) != nil {
			dead = append(dead, id)
		}
	}
	if dead == nil {
		return nil
	}
	slices.Sort(dead)
	return fmt.Errorf("no answer from %s", strings.Join(dead, ", "))
}
