package main

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// entry is a file or a directory of an archive.
type entry struct {
	path string // clean, without a leading slash
	mode int64  // permission bits
	dir  bool
	data []byte
}

// readManifest reads a manifest and the files that it names.
func readManifest(name string, vars map[string]string) ([]entry, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	text, err := expand(string(b), vars)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var entries []entry
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		e, err := readEntry(line, vars)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func readEntry(line string, vars map[string]string) (entry, error) {
	words := strings.Fields(line)
	if len(words) != 3 {
		return entry{}, fmt.Errorf("%q is not MODE PATH SOURCE", line)
	}
	mode, err := strconv.ParseUint(words[0], 8, 12)
	if err != nil {
		return entry{}, fmt.Errorf("mode %q: %w", words[0], err)
	}
	e := entry{path: strings.TrimPrefix(words[1], "/"), mode: int64(mode), dir: words[2] == "-"}
	if e.path != path.Clean(e.path) || e.path == "." || strings.HasPrefix(e.path, "../") {
		return entry{}, fmt.Errorf("path %q is not a clean one", words[1])
	}
	if e.dir {
		return e, nil
	}
	source, fill := strings.CutPrefix(words[2], "=")
	if e.data, err = os.ReadFile(source); err != nil || !fill {
		return e, err
	}
	text, err := expand(string(e.data), vars)
	if err != nil {
		return entry{}, fmt.Errorf("%s: %w", source, err)
	}
	e.data = []byte(text)
	return e, nil
}

var variable = regexp.MustCompile(`\$\{[A-Za-z_]+\}`)

// expand replaces every ${NAME}. One that is not set is an error.
func expand(text string, vars map[string]string) (string, error) {
	var missing string
	text = variable.ReplaceAllStringFunc(text, func(s string) string {
		name := s[2 : len(s)-1]
		value, ok := vars[name]
		if !ok {
			missing = name
		}
		return value
	})
	if missing != "" {
		return "", fmt.Errorf("${%s} is not set", missing)
	}
	return text, nil
}

// withParents adds the directories that no line names, with mode 0755, and
// sorts: a directory comes before what is in it.
func withParents(entries []entry) ([]entry, error) {
	known := make(map[string]bool)
	for _, e := range entries {
		if known[e.path] {
			return nil, fmt.Errorf("%s is there twice", e.path)
		}
		known[e.path] = true
	}
	for _, e := range entries {
		for dir := path.Dir(e.path); dir != "." && !known[dir]; dir = path.Dir(dir) {
			known[dir] = true
			entries = append(entries, entry{path: dir, mode: 0o755, dir: true})
		}
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].path < entries[j].path })
	return entries, nil
}
