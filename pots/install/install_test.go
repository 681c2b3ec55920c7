package install

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"forager/pots/fetch"
	"forager/pots/process"
)

// someFiles are a repository with a pot of one script, that has an installer.
var someFiles = map[string]string{
	"potstore.json": `{"pots":[{"id":"x","type":"x","directory":"X","default_ports":{"http":8080},"setup":{"install":"./install.sh","entry_point":"run"}}]}`,
	"X/run":         "#!/bin/sh\n", "X/install.sh": "#!/bin/sh\n",
}

// house is an Installer in a directory of the test, with a git and a process
// of the test's.
type house struct {
	*Installer
	t     *testing.T
	files map[string]string
	fetch fetch.Config
	runs  []process.Spec
	run   func(process.Spec) error
	said  []string
	ports []uint16
	free  int64
}

func newHouse(t *testing.T) *house {
	state := t.TempDir()
	h := &house{t: t, files: someFiles, run: func(process.Spec) error { return nil }, free: 1 << 30}
	h.Installer = &Installer{
		State: state, Dir: filepath.Join(state, "pots"), EventPort: 9100,
		Fetch: func(_ context.Context, _ fetch.Source, c fetch.Config) (string, error) {
			h.fetch = c
			for name, content := range h.files {
				put(t, filepath.Join(c.Dir, name), content)
			}
			return "c0ffee", nil
		},
		Run:  func(_ context.Context, s process.Spec) error { h.runs = append(h.runs, s); return h.run(s) },
		Room: func(string) (int64, int64, error) { return 1 << 31, h.free, nil },
	}
	return h
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o755)); err != nil {
		t.Fatal(err)
	}
}

func (h *house) build() (*Built, error) {
	return h.Build(context.Background(), Order{
		ID: "p", Type: "x", Source: fetch.Source{URL: "https://example.org/x.git"}, Config: map[string]string{"http_port": "8081"},
		Progress: func(text string) { h.said = append(h.said, text) },
		Claim:    func(ports []uint16) error { h.ports = ports; return nil },
	})
}

// left lists the pots' directory, without what is in the pots.
func (h *house) left() string { return strings.Join(h.names(), " ") }

// A pot is built apart, told of its later place, and comes there in one step.
func TestBuildAndSwap(t *testing.T) {
	h := newHouse(t)
	put(t, filepath.Join(h.Place("p"), "old"), "")
	b, err := h.build()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(h.said, ", "); got != "fetch, dependencies: install script (step 1 of 1), configure" {
		t.Errorf("steps %s", got)
	}
	if want := filepath.Join(b.root, "X"); len(h.runs) != 1 || h.runs[0].Dir != want || h.runs[0].Args[0] != want+"/install.sh" || h.runs[0].Limits.Reserve == 0 {
		t.Errorf("ran %+v", h.runs)
	}
	place := filepath.Join(h.Place("p"), "X")
	p := b.Program
	if !slices.Equal(p.Args, []string{place + "/run"}) || p.Commit != "c0ffee" || p.Directory != "X" || !slices.Equal(p.Ports, []uint16{8081}) || !slices.Equal(h.ports, p.Ports) {
		t.Errorf("program %+v", p)
	}
	if err := b.Swap(); err != nil {
		t.Fatal(err)
	}
	b.Drop()
	if _, err := os.Stat(filepath.Join(h.Place("p"), "old")); err == nil || h.left() != "p" || !h.Has("p", &p) {
		t.Errorf("left %s, the old one: %v", h.left(), err)
	}
	h.EventPort = 9200
	s := h.Spec("p", &p, nil)
	if s.Dir != place || !slices.Equal(s.Bind, p.Ports) || !slices.Contains(s.Env, "HONEYBEE_EVENT_PORT=9200") || !slices.Contains(s.Env, "HONEYBEE_POT_ID=p") {
		t.Errorf("spec %+v", s)
	}
	if err := h.Remove("p"); err != nil || h.left() != "" {
		t.Errorf("removed: %v, left %s", err, h.left())
	}
}

// Each step names itself when it fails, and leaves nothing but the old pot.
func TestBuildFails(t *testing.T) {
	without := func(name string) map[string]string {
		files := make(map[string]string)
		for n, c := range someFiles {
			if n != name {
				files[n] = c
			}
		}
		return files
	}
	for name, tt := range map[string]struct {
		change func(*house)
		want   string
	}{
		"no room": {func(h *house) { h.free = 1<<31/10 + leastRoom - 1 }, "fetch: no space: "},
		"fetch": {func(h *house) {
			h.Fetch = func(context.Context, fetch.Source, fetch.Config) (string, error) { return "", fetch.ErrNetwork }
		}, "fetch: no way"},
		"manifest":      {func(h *house) { h.files = without("potstore.json") }, "manifest: "},
		"configuration": {func(h *house) { h.files = without("X/run") }, "configuration: "},
		"step": {func(h *house) {
			h.run = func(process.Spec) error {
				return &process.ExitError{Name: "x", Reason: "exit status 9", Lines: []string{"alas"}}
			}
		}, "dependencies: x: exit status 9: alas"},
	} {
		h := newHouse(t)
		put(t, filepath.Join(h.Place("p"), "old"), "")
		tt.change(h)
		if b, err := h.build(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %+v, %v, want %q", name, b, err, tt.want)
		}
		if h.left() != "p" {
			t.Errorf("%s: left %s", name, h.left())
		}
	}
}

// The end of the context is the reason, whatever it ended.
func TestBuildCancelled(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("enough")
	h.run = func(process.Spec) error { cancel(why); return errors.New("killed (signal 9)") }
	_, err := h.Build(ctx, Order{
		ID: "p", Type: "x", Progress: func(string) {}, Claim: func([]uint16) error { return nil },
	})
	if !errors.Is(err, why) || h.left() != "" {
		t.Errorf("%v, left %s", err, h.left())
	}
}

// Without an exchange the swap has two steps; a crash between them is mended.
func TestReplaceAndMend(t *testing.T) {
	h := newHouse(t)
	put(t, filepath.Join(h.Place("p"), "old"), "")
	b, err := h.build()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.replace(h.Place("p")); err != nil {
		t.Fatal(err)
	}
	b.Drop()
	if _, err := os.Stat(filepath.Join(h.Place("p"), "X")); err != nil || h.left() != "p" {
		t.Errorf("%v, left %s", err, h.left())
	}
	known := func(id string) bool { return id == "p" || id == "q" }
	for _, name := range []string{".old-p/older", ".old-q/kept", ".old-r/x", ".new-1/pot/x", "nobody/x", "q.broken/x"} {
		put(t, h.Place(name), "")
	}
	if err := errors.Join(h.Mend(known), h.Clean(known)); err != nil || h.left() != "p q" {
		t.Errorf("%v, left %s", err, h.left())
	}
	for _, name := range []string{"p/X", "q/kept"} {
		if _, err := os.Stat(h.Place(name)); err != nil {
			t.Error(err)
		}
	}
}

// The pots take no more than their part of the file system.
func TestBudget(t *testing.T) {
	for _, tt := range []struct {
		total, free, want int64
	}{
		{16 << 20, 8 << 20, 0}, // the reserve is 8 MiB at least
		{16 << 20, 12 << 20, 4 << 20},
		{1 << 30, 1 << 30 / 10, 0},
		{1 << 30, 1<<30/10 + 5<<20, 5 << 20},
		{1 << 40, 1 << 39, maxBytes},
		{1 << 30, 0, 0},
	} {
		in := Installer{Room: func(string) (int64, int64, error) { return tt.total, tt.free, nil }}
		got, err := in.budget()
		if (err != nil) != (tt.want == 0) || err == nil && got != tt.want {
			t.Errorf("%d of %d free: %d, %v, want %d", tt.free, tt.total, got, err, tt.want)
		}
	}
	in := Installer{Dir: t.TempDir()}
	if total, free, err := in.room(); err != nil || total <= 0 || free > total {
		t.Errorf("here %d of %d, %v", free, total, err)
	}
}

// Where users can't come to the state directory, the pots are elsewhere, and
// the state directory leads there.
func TestDirElsewhere(t *testing.T) {
	state := filepath.Join(t.TempDir(), "closed", "state")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if dir := Dir(state, false); dir != filepath.Join(state, "pots") {
		t.Errorf("without users: %s", dir)
	}
	if dir := Dir(state, true); filepath.Dir(dir) != elsewhere || dir == Dir(state+"2", true) {
		t.Errorf("with users: %s", dir)
	}
	if dir := Dir("/var/lib/forager", true); dir != "/var/lib/forager/pots" {
		t.Errorf("in a place for all: %s", dir)
	}
	in := Installer{State: state, Dir: filepath.Join(t.TempDir(), "p")}
	for range 2 { // many at a time
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := in.Prepare(0); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	put(t, filepath.Join(state, "pots", "a"), "")
	if _, err := os.Stat(filepath.Join(in.Dir, "a")); err != nil {
		t.Error(err)
	}
}
