// Package manifest reads what a fetched repository says it holds, and turns
// one pot of it into a plan: what the machine must have, what to build, what
// to write, how to run it.
//
// A repository is a stranger's: it is read through os.Root, within limits, and
// nothing it says becomes a shell's word. What a manifest can't say of a known
// honeypot is in recipes.go, as data. The package starts nothing but
// "PROGRAM --version" (Requirement.Check) and writes nothing but a plan's own
// directories and files (Plan.Write).
package manifest

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// What Find and Plan may fail with; the error's text says more.
var (
	ErrNoPot    = errors.New("no such pot in the repository")
	ErrManifest = errors.New("manifest not understood") // broken, too large, a path that leaves the repository
	ErrInstall  = errors.New("install not allowed")     // a step that is not one of the known plain forms
	ErrConfig   = errors.New("config not allowed")      // an unknown key, a value out of its form
	ErrRequired = errors.New("requirement not met")     // a program or extension is missing or of another version
)

// Pot is one pot of a repository, as Find saw it.
type Pot struct {
	ID, Type  string
	Directory string // of the pot, relative to the repository, with slashes; "." is the repository
	Source    string // the file that says so: potstore.json, forager.json; empty: what the files show
	Requires  []Requirement
	Ports     []Port // default_ports, by name
	Keys      []string
	Setup     Setup
	EventPort uint16 // where it is made to deliver events; 0: it does not say
}

// Port is one of default_ports.
type Port struct {
	Name   string
	Number uint16
}

// Setup is the manifest's setup, its paths checked to stay in the directory.
type Setup struct{ Install, Config, OutputPlugin, EntryPoint, Forwarder string }

// Find looks for the pot of a type in the repository at root: in
// potstore.json (by type, else by id), else in forager.json, else in what the
// files show.
func Find(root, typ string) (*Pot, error) { return nil, ErrNoPot }

// Want is what the node wants of a pot.
type Want struct {
	PotID     string
	Dir       string            // absolute: the repository's directory joined with Pot.Directory
	EventPort uint16            // the intake's
	Config    map[string]string // InstallPot's config
}

// Plan is how a pot is installed and run. Every path in Args, Env and Steps is
// below Want.Dir or the system's; a pot that moves gets a new plan by another
// call with the new Dir. Keep Args, Env and Ports instead of reading a manifest
// again in a directory that a pot has been able to write to.
type Plan struct {
	Requires []Requirement // Check them before anything else
	Dirs     []string      // below Dir, to make before the steps; Write does
	Files    []File        // below Dir, to write before the start; Write does
	Steps    []Step        // in order, with Env, in Dir
	Args     []string      // argv, in the foreground, in Dir; Args[0] is absolute
	Env      []string      // all of it, PATH and the HONEYBEE_ variables included
	Ports    []uint16      // that must answer before it is Running; below 1024 needs CAP_NET_BIND_SERVICE. May be empty
	Secrets  []string      // keys of Config whose values are never shown
	Notes    []string      // what the operator should know
}

// Step is one program of an install.
type Step struct {
	Name     string   // "dependencies"
	Args     []string // argv, no shell
	Timeout  time.Duration
	Optional bool // its failure is told, and no reason to stop
}

// File is a file to write.
type File struct {
	Path string // relative to Dir
	Mode fs.FileMode
	Data string
}

// Plan makes the plan of a pot that lies in w.Dir.
func (p *Pot) Plan(w Want) (*Plan, error) { return nil, ErrNoPot }

// Write makes the directories and files of the plan in dir and gives them to
// uid (0: to nobody else). It follows no link out of dir.
func (p *Plan) Write(dir string, uid uint32) error { return nil }

// Requirement is a program that a pot needs.
type Requirement struct {
	Program    string   // "python3"
	Version    string   // ">=3.7", as the manifest writes it; empty: any
	Extensions []string // of PHP
}

// Check runs the program for its version (and PHP for its extensions) and
// tells what is there and what is wanted; the error is ErrRequired.
func (r Requirement) Check(ctx context.Context) error { return ErrRequired }
