// Package install brings a pot that is a program of its own from its
// repository into the state directory, and knows how it runs there.
//
// A pot is built in a new directory beside the others, and comes to its place
// <dir>/<pot id> by one rename when everything is done: fetch, requirements,
// dependencies, configure. Whatever fails before leaves nothing behind and the
// old pot as it was. What foreign code does there (the installers of
// dependencies) runs as the pot's own user within the limits of package
// process; this package itself writes into the new directory through os.Root
// only, so that no link that such code made leads it elsewhere.
//
// Limits: maxBytes and maxFiles for a repository, a reserve of the file
// system's space that is left alone, maxTime for a whole install.
package install

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"forager/board"
	"forager/pots/fetch"
	"forager/pots/manifest"
	"forager/pots/process"
)

// Limits of an install.
const (
	// maxBytes and maxFiles are what a repository may hold: Cowrie's is 12 MB
	// in 700 files.
	maxBytes = 256 << 20
	maxFiles = 20000
	// fetchTime and maxTime are how long the fetch and the whole install may
	// take: small boards need ten minutes for Twisted alone.
	fetchTime = 10 * time.Minute
	maxTime   = 45 * time.Minute
)

// Installer builds pots in one directory.
type Installer struct {
	State     string         // the state directory: absolute
	Dir       string         // where the pots are, as the function Dir says
	Allow     []string       // globs of what may be fetched
	EventPort uint16         // of the intake, as pots are told
	Limits    process.Limits // for every pot and every step of an install
	Log       *board.Log

	linking sync.Mutex

	// For tests; nil: the real ones.
	Fetch func(context.Context, fetch.Source, fetch.Config) (commit string, err error)
	Run   func(context.Context, process.Spec) error
	Room  func(dir string) (total, free int64, err error)
}

// Order is what to install. All fields but Config and Output are required.
type Order struct {
	ID, Type string
	Source   fetch.Source
	Config   map[string]string
	UID      uint32               // the user that it belongs to and runs as; 0: ours
	Progress func(string)         // told each step as it begins; must not block
	Claim    func([]uint16) error // may the pot have these ports?
	Output   *process.Output      // takes what the steps print
}

// Program is how an installed pot runs: what is kept of its plan.
type Program struct {
	Commit    string // of the repository
	Directory string // of the pot within it
	UID       uint32
	Args, Env []string
	Ports     []uint16 // it runs when these answer
	Secrets   []string // keys of the config whose values are never shown
}

// Built is a pot that is complete and not in its place yet: Swap or Drop must
// be called.
type Built struct {
	Program Program
	Notes   []string // what the operator should know
	in      *Installer
	id      string
	box     string // the new directory, ours, that holds root
	root    string // the repository
}

// Build does everything but the swap. The error names the step that failed;
// nothing is left then.
func (in *Installer) Build(ctx context.Context, o Order) (*Built, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, fmt.Errorf("not done within %v", maxTime))
	defer cancel()
	b := &Built{in: in, id: o.ID}
	err := b.build(ctx, &o)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // whatever it ended first
	}
	if err != nil {
		b.Drop()
		return nil, err
	}
	return b, nil
}

func (b *Built) build(ctx context.Context, o *Order) error {
	commit, err := b.fetch(ctx, o)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	pot, err := manifest.Find(b.root, o.Type)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	here, there, err := b.plans(o, pot)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := require(ctx, o, here); err != nil {
		return fmt.Errorf("requirements: %w", err)
	}
	dir := filepath.Join(b.root, pot.Directory)
	if err := there.Write(b.root, pot.Directory, o.UID); err != nil { // the steps need its directories
		return fmt.Errorf("configure: %w", err)
	}
	if err := b.depend(ctx, o, here, dir); err != nil {
		return fmt.Errorf("dependencies: %w", err)
	}
	o.Progress("configure")
	if err := there.Write(b.root, pot.Directory, o.UID); err != nil { // in the place of what they wrote
		return fmt.Errorf("configure: %w", err)
	}
	b.Program = Program{
		Commit: commit, Directory: pot.Directory, UID: o.UID,
		Args: there.Args, Env: there.Env, Ports: there.Ports, Secrets: there.Secrets,
	}
	b.Notes = there.Notes
	return nil
}

// fetch gets the repository into a new directory, as the pot's user.
func (b *Built) fetch(ctx context.Context, o *Order) (commit string, err error) {
	if err := b.in.Prepare(o.UID); err != nil {
		return "", err
	}
	most, err := b.in.budget()
	if err != nil {
		return "", err
	}
	o.Progress("fetch")
	if b.box, err = os.MkdirTemp(b.in.Dir, newPrefix); err != nil {
		return "", err
	}
	if err := open(b.box); err != nil {
		return "", err
	}
	b.root = filepath.Join(b.box, "pot")
	do := fetch.Fetch
	if b.in.Fetch != nil {
		do = b.in.Fetch
	}
	return do(ctx, o.Source, fetch.Config{
		Dir: b.root, Allow: b.in.Allow, MaxBytes: most, MaxFiles: maxFiles, Timeout: fetchTime, UID: o.UID, Limits: b.in.limits(),
		Progress: func(text string) { o.Progress("fetch: " + text) },
	})
}

// plans returns the plan for where the pot is built, whose steps are run, and
// that for where it will be, which it is told of itself.
func (b *Built) plans(o *Order, pot *manifest.Pot) (here, there *manifest.Plan, err error) {
	w := manifest.Want{PotID: o.ID, EventPort: b.in.EventPort, Config: o.Config}
	w.Dir = filepath.Join(b.root, pot.Directory)
	if here, err = pot.Plan(w); err != nil {
		return nil, nil, err
	}
	w.Dir, w.At = filepath.Join(b.in.Place(o.ID), pot.Directory), w.Dir
	if there, err = pot.Plan(w); err != nil {
		return nil, nil, err
	}
	return here, there, o.Claim(there.Ports)
}

func require(ctx context.Context, o *Order, p *manifest.Plan) error {
	for _, r := range p.Requires {
		o.Progress("requirements: " + r.Program)
		if err := r.Check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// depend runs the plan's steps, as the pot's user and confined like the pot.
func (b *Built) depend(ctx context.Context, o *Order, p *manifest.Plan, dir string) error {
	for n, s := range p.Steps {
		o.Progress(fmt.Sprintf("dependencies: %s (step %d of %d)", s.Name, n+1, len(p.Steps)))
		err := b.in.run(ctx, s.Timeout, process.Spec{
			Name: s.Name, Args: s.Args, Env: p.Env, Dir: dir, UID: o.UID, Limits: b.in.limits(), Output: o.Output,
		})
		switch {
		case err == nil:
		case s.Optional && ctx.Err() == nil:
			b.in.Log.Warnf("install of pot %s: %s: %v", o.ID, s.Name, err)
		default:
			return err // it names the step
		}
	}
	return nil
}

func (in *Installer) run(ctx context.Context, most time.Duration, s process.Spec) error {
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, most, fmt.Errorf("not done within %v", most))
		defer cancel()
	}
	run := process.Run
	if in.Run != nil {
		run = in.Run
	}
	err := run(ctx, s)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
