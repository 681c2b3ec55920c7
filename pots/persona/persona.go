// Package persona owns what the pots pretend to be: one choice gives all of
// them the names, banners, pages, /proc contents and files of one device.
//
// A Template is a device model, read from a small text file (see parse.go for
// the format); those in data/ are embedded, an operator can add one. A Persona
// is one device of that model: what differs between two of them (serial, MAC,
// memory, uptime, host name, process ids) is derived from the node's id by a
// hash, so that two nodes differ and one stays itself across restarts.
//
// It never opens a path that an attacker names and never changes after For: all
// sessions share it. Limits: see parse.go; Read gives at most what is asked.
package persona

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

//go:embed data/*.persona
var data embed.FS

// suffix is how persona files end.
const suffix = ".persona"

// Default is the persona when none is named.
const Default = "router"

// ErrUnknown is what Load returns for a name that is neither built in nor a
// file.
var ErrUnknown = errors.New("no such persona")

// Template is a device model. It is safe for many goroutines.
type Template struct {
	Name string

	values  map[string]string // "set" and "text" sections, not expanded
	root    *Node
	files   map[string]*Node // by path
	process []processLine

	mu   sync.Mutex
	last *Persona // what For made last: all pots of a node ask for one id
}

// Names returns the built-in personas, sorted.
func Names() []string {
	entries, err := data.ReadDir("data")
	if err != nil {
		panic("BUG: embedded personas: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), suffix))
	}
	return names
}

// loaded keeps the built-in templates and the last file, so that ten pots of
// one persona share one tree.
var loaded = struct {
	sync.Mutex
	builtin map[string]*Template
	file    *Template
	path    string
	stamp   int64 // modification time and size of path
}{builtin: map[string]*Template{}}

// Load returns the template of a name or of a path to a file: a name with a
// slash or ending in .persona is a path, any other is built in or
// extraDir/NAME.persona. An empty name is the default, an empty extraDir none.
// Errors name the file and the line.
func Load(name, extraDir string) (*Template, error) {
	if name == "" {
		name = Default
	}
	loaded.Lock()
	defer loaded.Unlock()
	if strings.Contains(name, "/") || strings.HasSuffix(name, suffix) {
		return loadFile(name)
	}
	if extraDir != "" {
		path := filepath.Join(extraDir, name+suffix)
		if _, err := os.Stat(path); err == nil {
			return loadFile(path)
		}
	}
	return loadBuiltin(name)
}

func loadBuiltin(name string) (*Template, error) {
	if t := loaded.builtin[name]; t != nil {
		return t, nil
	}
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("persona %.64q: %w: not one of %s, nor a path to a file (-persona)",
			name, ErrUnknown, strings.Join(Names(), ", "))
	}
	raw, err := data.ReadFile("data/" + name + suffix)
	if err != nil {
		panic("BUG: embedded persona: " + err.Error())
	}
	t, err := Parse(name, string(raw))
	if err != nil {
		panic("BUG: embedded persona " + name + ": " + err.Error())
	}
	loaded.builtin[name] = t
	return t, nil
}

func loadFile(path string) (*Template, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("persona: %w (-persona)", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("persona %.200q: want a regular file (-persona)", path)
	}
	stamp := info.ModTime().UnixNano() ^ info.Size()
	if loaded.file != nil && loaded.path == path && loaded.stamp == stamp {
		return loaded.file, nil
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("persona %.200q: %w (-persona)", path, err)
	}
	name := strings.TrimSuffix(filepath.Base(path), suffix)
	t, err := Parse(name, string(raw))
	if err != nil {
		return nil, fmt.Errorf("persona %.200q: %w (-persona)", path, err)
	}
	loaded.file, loaded.path, loaded.stamp = t, path, stamp
	return t, nil
}
