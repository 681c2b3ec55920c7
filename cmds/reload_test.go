package cmds

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forager/board"
	"forager/cmds/config"
	"forager/pots"
)

type fakeConfigurer struct {
	calls int
	specs []pots.Spec
	err   error
}

func (f *fakeConfigurer) Configure(specs []pots.Spec) error {
	f.calls, f.specs = f.calls+1, specs
	return f.err
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.conf")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (*config.Config, error) { return config.Load([]string{"-c", path}) }
	write("heartbeat 10s\n")
	first, err := load()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := board.NewLog(&said, first.LogLevel)
	house := &fakeConfigurer{}
	r := NewReloader(first, load, house, log)

	steps := []struct {
		file   string
		broken error // Configure's
		want   string
		err    string
		pots   int // configured in all
		calls  int
	}{
		{file: "heartbeat 10s\npot tcp\n", err: "f.conf:2"},
		{file: "colour red\n", err: "the old configuration stays"},
		{file: "heartbeat 10s\n", want: "configuration read, nothing changed"},
		{file: "heartbeat 10s\nlog-level debug\n", want: "configuration read, applied: -log-level"},
		{file: "heartbeat 20s\nlog-level debug\n", want: "configuration read, nothing applied; needs Restart: -heartbeat"},
		{file: "heartbeat 20s\npot tcp listen=:1\n", want: "configuration read, applied: -pot, -log-level; needs Restart: -heartbeat", pots: 1, calls: 1},
		{file: "heartbeat 10s\npot tcp listen=:2\n", broken: errors.New("port taken"), err: "configuration applied, but: port taken", pots: 1, calls: 2},
		{file: "heartbeat 10s\npot tcp listen=:2\n", want: "configuration read, nothing changed", pots: 1, calls: 2},
		{file: "heartbeat 10s\n", want: "configuration read, applied: -pot", calls: 3},
	}
	for _, s := range steps {
		write(s.file)
		house.err = s.broken
		got, err := r.Reload()
		if got != s.want || (err != nil) != (s.err != "") {
			t.Errorf("%q: %q, %v", s.file, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), s.err) {
			t.Errorf("%q: %v", s.file, err)
		}
		if house.calls != s.calls || len(house.specs) != s.pots {
			t.Errorf("%q: %d calls, %d pots", s.file, house.calls, len(house.specs))
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), "-c") {
		t.Errorf("without its file: %v", err)
	}
	if log.Level() != board.LevelInfo {
		t.Errorf("log level %v", log.Level())
	}
}
