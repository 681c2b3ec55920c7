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
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// What Find and Plan may fail with; the error's text says more.
var (
	ErrNoPot    = errors.New("no such pot in the repository")
	ErrManifest = errors.New("manifest not understood") // broken, too large, a path that leaves the repository
	ErrInstall  = errors.New("install not allowed")     // a step that is not one of the known plain forms
	ErrConfig   = errors.New("config not allowed")      // an unknown key, a value out of its form
	ErrRequired = errors.New("requirement not met")     // a program or extension is missing or of another version
)

// Limits of a manifest.
const (
	// MaxSize is the largest manifest in bytes.
	MaxSize = 1 << 20
	// maxDepth is how deep its objects and arrays may nest.
	maxDepth = 32
	// maxPots, maxPorts and maxList are the longest lists.
	maxPots, maxPorts, maxList = 256, 32, 64
	// maxText is the longest text that is kept, in bytes; maxName the longest
	// id, type, key or name of a port.
	maxText, maxName = 1024, 64
	// maxPath is the longest path in bytes.
	maxPath = 512
)

// The manifests, in the order in which they are looked for.
const (
	storeFile = "potstore.json"
	ownFile   = "forager.json"
)

// Pot is one pot of a repository, as Find saw it.
type Pot struct {
	ID, Type  string
	Directory string        // of the pot, relative to the repository, with slashes; "." is the repository
	Source    string        // the file that says so: potstore.json, forager.json; empty: what the files show
	Requires  []Requirement // programs and their versions
	Ports     []Port        // default_ports, by name
	Keys      []string      // supported_config_keys; nil: it does not say
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
func Find(root, typ string) (*Pot, error) {
	if !plainName(typ) {
		return nil, fmt.Errorf("%w: type %s: want 1 to %d of A-Z a-z 0-9 . _ -", ErrNoPot, quote(typ), maxName)
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for _, name := range []string{storeFile, ownFile} {
		data, err := readFile(r, name, MaxSize)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrManifest, name, err)
		}
		p, err := find(data, typ)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.Source = name
		return p, p.isThere(r)
	}
	return shown(r, typ)
}

// find returns the pot of a type in a manifest's text.
func find(data []byte, typ string) (*Pot, error) {
	doc, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	i := slices.IndexFunc(doc.pots, func(p Pot) bool { return p.Type == typ })
	if i < 0 {
		i = slices.IndexFunc(doc.pots, func(p Pot) bool { return p.ID == typ })
	}
	switch {
	case i >= 0:
		p := doc.pots[i]
		if p.Keys == nil {
			p.Keys = doc.keys
		}
		return &p, p.check()
	case slices.Contains(doc.coming, typ):
		return nil, fmt.Errorf("%w: %s is announced there, and not yet present", ErrNoPot, typ)
	}
	var have []string
	for _, p := range doc.pots {
		have = append(have, quote(p.Type))
	}
	return nil, fmt.Errorf("%w: it holds %s, not %s", ErrNoPot, strings.Join(have, ", "), quote(typ))
}

// check looks at what a pot says of itself.
func (p *Pot) check() error {
	if !plainName(p.Type) {
		return fmt.Errorf("%w: type %s: want 1 to %d of A-Z a-z 0-9 . _ -", ErrManifest, quote(p.Type), maxName)
	}
	if p.Directory == "" {
		p.Directory = "."
	}
	paths := []struct{ key, value string }{
		{"directory", p.Directory}, {"setup.config", p.Setup.Config}, {"setup.output_plugin", p.Setup.OutputPlugin},
		{"setup.entry_point", p.Setup.EntryPoint}, {"setup.forwarder", p.Setup.Forwarder},
	}
	for _, f := range paths {
		if f.value == "" {
			continue
		}
		if err := checkPath(f.value); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrManifest, f.key, err)
		}
	}
	p.Directory = path.Clean(p.Directory)
	if slices.ContainsFunc(p.Ports, func(q Port) bool { return slices.Contains(reserved, q.Name+portSuffix) }) {
		return fmt.Errorf("%w: default_ports: event is the node's own", ErrManifest)
	}
	_, err := readInstall(p.Setup.Install)
	for _, r := range p.Requires {
		if _, e := parseRange(r.Version); err == nil && e != nil {
			err = fmt.Errorf("%w: requirements: %s: %w", ErrManifest, r.Program, e)
		}
	}
	return err
}

// isThere checks that the pot's directory is one.
func (p *Pot) isThere(r *os.Root) error {
	info, err := r.Stat(filepath.FromSlash(p.Directory))
	if err != nil || !info.IsDir() {
		return fmt.Errorf("%w: %s: directory %s is not there", ErrManifest, p.Source, quote(p.Directory))
	}
	return nil
}

// shown makes a pot of what the files of a repository without a manifest
// show.
func shown(r *os.Root, typ string) (*Pot, error) {
	p := &Pot{ID: typ, Type: typ, Directory: "."}
	p.Setup.EntryPoint = shownEntry(r)
	if isFile(r, requirementsFile) {
		p.Setup.Install = "pip install -r " + requirementsFile
	}
	if recipeOf(typ) == nil && p.Setup.EntryPoint == "" {
		return nil, fmt.Errorf("%w: neither %s nor %s, and none of %s", ErrNoPot, storeFile, ownFile, strings.Join(entryPoints, ", "))
	}
	return p, nil
}

// requirementsFile lists what a Python program needs, for pip.
const requirementsFile = "requirements.txt"

// entryPoints are the files that show how a pot is run.
var entryPoints = []string{"main.py", "run.py", "server.py", "standalone.php"}

func shownEntry(r *os.Root) string {
	for _, name := range entryPoints {
		if isFile(r, name) {
			return name
		}
	}
	return ""
}

func isFile(r *os.Root, name string) bool {
	info, err := r.Stat(filepath.FromSlash(name))
	return err == nil && info.Mode().IsRegular()
}

// readFile reads at most most bytes of a regular file. A pipe would not end.
func readFile(r *os.Root, name string, most int64) ([]byte, error) {
	f, err := r.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return data, err
}

// checkPath tells why a path that a stranger wrote can't be used: it must be
// plain and stay below where it starts.
func checkPath(s string) error {
	switch {
	case len(s) > maxPath:
		return fmt.Errorf("%s: longer than %d bytes", quote(s), maxPath)
	case !filepath.IsLocal(s) || strings.HasPrefix(s, "-"):
		return fmt.Errorf("%s: want a path below the pot's directory", quote(s))
	}
	for i := range len(s) {
		if c := s[i]; !plain(c) && c != '/' {
			return fmt.Errorf("%s: want A-Z a-z 0-9 . _ - + and /", quote(s))
		}
	}
	return nil
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-' || c == '+'
}

// plainName tells whether s can be a type or a pot's id.
func plainName(s string) bool {
	if s == "" || len(s) > maxName || s[0] == '.' || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if !plain(s[i]) || s[i] == '+' {
			return false
		}
	}
	return true
}

// quote makes a stranger's text fit for an error.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
