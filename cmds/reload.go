package cmds

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"forager/board"
	"forager/cmds/config"
	"forager/pots"
)

// Reloader reads the configuration again and applies what can change while
// the node runs.
type Reloader struct {
	// Confined tells that a node which restarts itself stays in its sandbox.
	Confined bool

	load func() (*config.Config, error)
	pots Configurer
	log  *board.Log

	mu  sync.Mutex
	run *config.Config // what the process was started with
	now *config.Config // applied since, as far as it can be
}

// Configurer takes the -pot lines; a *pots.Manager.
type Configurer interface{ Configure([]pots.Spec) error }

// NewReloader makes a Reloader of a node that runs with c.
func NewReloader(c *config.Config, load func() (*config.Config, error), p Configurer, log *board.Log) *Reloader {
	return &Reloader{load: load, pots: p, log: log, run: c, now: c}
}

// live are the options that need no restart.
var live = []string{"pot", "log-level"}

// Reload tells in one line what was applied and what waits for a restart. The
// new configuration is judged whole before anything is touched: with an error
// the old one stays, except that a pot whose port is taken is an error of that
// pot alone.
func (r *Reloader) Reload() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, err := r.load()
	if err != nil {
		return "", fmt.Errorf("the old configuration stays: %w", err)
	}
	changed := next.Changed(r.now)
	r.now = next
	r.log.SetLevel(next.LogLevel)
	if slices.Contains(changed, "pot") {
		if err := r.pots.Configure(next.Pots); err != nil {
			return "", fmt.Errorf("configuration applied, but: %w", err)
		}
	}
	return r.tell(changed), nil
}

// Rehearse tells why a node that starts now would not come up.
func (r *Reloader) Rehearse() error {
	c, err := r.load()
	if err == nil {
		_, err = c.TLSConfig()
	}
	if err == nil && r.Confined {
		err = c.Outgrows(r.run)
	}
	return err
}

// tell words what happened. Options that wait for a restart are told as long
// as they differ from those the process runs with.
func (r *Reloader) tell(changed []string) string {
	var applied, waiting []string
	for _, name := range changed {
		if slices.Contains(live, name) {
			applied = append(applied, "-"+name)
		}
	}
	for _, name := range r.now.Changed(r.run) {
		if !slices.Contains(live, name) {
			waiting = append(waiting, "-"+name)
		}
	}
	text := "configuration read, nothing changed"
	switch {
	case len(applied) > 0:
		text = "configuration read, applied: " + strings.Join(applied, ", ")
	case len(waiting) > 0:
		text = "configuration read, nothing applied"
	}
	if len(waiting) > 0 {
		text += "; needs Restart: " + strings.Join(waiting, ", ")
	}
	return text
}
