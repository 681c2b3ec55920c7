package shell

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dropper is a file of testdata/droppers: what is typed, invented after public
// descriptions, and what must be in the events.
type dropper struct {
	persona string
	fake    bool
	urls    []string
	files   []string // the end of the event: path, hash, size
	runs    []string
	lines   []string
}

func readDropper(t testing.TB, path string) dropper {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(raw), "\n---\n")
	if !ok {
		t.Fatalf("%s: no ---", path)
	}
	d := dropper{lines: strings.Split(strings.TrimSuffix(body, "\n"), "\n")}
	for line := range strings.Lines(head) {
		f := strings.Fields(line)
		switch f[0] {
		case "persona":
			d.persona = f[1]
		case "fake":
			d.fake = true
		case "url":
			d.urls = append(d.urls, f[1])
		case "run":
			d.runs = append(d.runs, f[1])
		case "file":
			d.files = append(d.files, fmt.Sprintf("filename=%q shasum=%q size=%s ", f[1], f[2], f[3]))
		}
	}
	return d
}

// TestDroppers: every payload address and the hash of every dropped file is in
// the events, and no address twice without a reason.
func TestDroppers(t *testing.T) {
	paths, err := filepath.Glob("testdata/droppers/*.txt")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		d := readDropper(t, path)
		s := open(t, d.persona, func(c *Config) { c.Fake = d.fake })
		out := s.run(d.lines...)
		s.Close()
		events := strings.Join(s.events, "\n")
		for _, u := range d.urls {
			if !strings.Contains(events, fmt.Sprintf("session.file_download url=%q ", u)) {
				t.Errorf("%s: no %s in\n%s\n%s", path, u, events, out)
			}
		}
		for _, e := range s.told("session.file_download") {
			if !listed(e, d.urls) {
				t.Errorf("%s: told, but not listed: %s", path, e)
			}
		}
		for _, f := range d.files {
			if !strings.Contains(events, "session.file_upload "+f) {
				t.Errorf("%s: no %s in\n%s\n%s", path, f, events, out)
			}
		}
		for _, r := range d.runs {
			if !strings.Contains(events, fmt.Sprintf("command.run filename=%q", r)) {
				t.Errorf("%s: %s did not run in\n%s\n%s", path, r, events, out)
			}
		}
		if len(s.told("command.limit")) > 0 {
			t.Errorf("%s: a limit: %s", path, s.told("command.limit"))
		}
	}
}

func listed(event string, urls []string) bool {
	for _, u := range urls {
		if strings.Contains(event, fmt.Sprintf("url=%q ", u)) {
			return true
		}
	}
	return false
}
