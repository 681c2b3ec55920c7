//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forager/conn/wire"
)

// corpusFile has three lines of ordinary length, and one that is too short.
func corpusFile(t *testing.T) (path string, lines []string) {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	fmt.Fprintln(w, `{"eventid":"cowrie.session.closed"}`)
	for i := range 3 {
		line := fmt.Sprintf(`{"eventid":"cowrie.login.failed","sensor":"s%d","timestamp":"2026-01-15T10:30:00.%d00000Z","n":1.50,"message":%q}`,
			i, i+1, strings.Repeat("x", shortest))
		lines = append(lines, line)
		fmt.Fprintln(w, line)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "lines.gz")
	if err := os.WriteFile(path, z.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, lines
}

// stream is what a node makes of the lines, seven events, with its heartbeats.
func stream(lines []string) (frames []string) {
	frames = append(frames, string(wire.AppendNodeStatus(nil, 42, wire.NodeRunning)))
	for i := range 7 {
		at := time.Date(2026, 1, 15, 10, 30, 0, (i%3+1)*1e8, time.UTC)
		frames = append(frames, string(wire.AppendPotEvent(nil, &wire.PotEvent{
			NodeID: 42, PotID: fmt.Appendf(nil, "s%d", i%3), PotType: []byte("cowrie"), EventType: []byte("cowrie.login.failed"),
			Time: at.UnixNano(), Boot: 7, Seq: uint64(i + 1), Data: []byte(lines[i%3]),
		})))
	}
	return append(frames, string(wire.AppendNodeStatus(nil, 42, wire.NodeRunning)))
}

// TestReport: whatever is lost, doubled or changed on the way shows.
func TestReport(t *testing.T) {
	path, lines := corpusFile(t)
	for name, c := range map[string]struct {
		want   string
		change func(f []string) []string
	}{
		"as sent":         {"", func(f []string) []string { return f }},
		"keys moved":      {"", replace(2, `"n":1.50,"message"`, `"n": 1.50, "message"`)},
		"lost":            {"missing or twice", func(f []string) []string { return append(f[:3:3], f[4:]...) }},
		"twice":           {"missing or twice", func(f []string) []string { return append(append(f[:3:3], f[2]), f[3:]...) }},
		"the last lost":   {"6 events", func(f []string) []string { return append(f[:7:7], f[8]) }},
		"another run":     {"missing or twice", replace(4, `"7-4"`, `"8-4"`)},
		"a value changed": {"data differs", replace(2, "xxx", "xxy")},
		"a number eased":  {"data differs", replace(2, "1.50", "1.5")},
		"a field lost":    {"data differs", replace(2, `"n":1.50,`, "")},
		"the pot changed": {"pot or type", replace(1, `"pot_id":"s0"`, `"pot_id":"s1"`)},
		"the time":        {"time differs", replace(1, "00.100Z", "00.200Z")},
		"no JSON":         {"invalid", replace(2, `"n":1.50`, `"n":1.5.0`)},
	} {
		t.Run(name, func(t *testing.T) {
			var r report
			if err := r.read([]byte(strings.Join(c.change(stream(lines)), "")), path); err != nil {
				t.Fatal(err)
			}
			err := r.check(7)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func replace(frame int, old, new string) func([]string) []string {
	return func(f []string) []string {
		f[frame] = strings.Replace(f[frame], old, new, 1)
		return f
	}
}

func TestLoad(t *testing.T) {
	path, lines := corpusFile(t)
	l, err := newLoad(path, 7)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := l.writeTo(&got); err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat(strings.Join(lines, "\n")+"\n", 2) + lines[0] + "\n"
	if got.String() != want || l.size != len(want) {
		t.Errorf("%d bytes, it says %d, want %d", got.Len(), l.size, len(want))
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	printTable(&b, []row{limit("a", 1.234, 1, "µs", "x"), limit("bcd", 12.34, 100, "ms", ""), {what: "e", ours: "123"}})
	want := `| what | forager | target      | met | others |
| ---- | ------- | ----------- | --- | ------ |
| a    | 1.23 µs | at most 1   | NO  | x      |
| bcd  | 12.3 ms | at most 100 | yes |        |
| e    | 123     |             |     |        |
`
	if b.String() != want {
		t.Errorf("got\n%s", &b)
	}
}

// TestProc: this process's own figures are there and grow.
func TestProc(t *testing.T) {
	pid := os.Getpid()
	before, err := cpuTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	m, err := memoryOf(pid)
	if err != nil || m.rss < m.dirty || m.dirty <= 0 {
		t.Errorf("memory %+v, %v", m, err)
	}
	if n, err := switches(pid); err != nil || n <= 0 {
		t.Errorf("%d switches, %v", n, err)
	}
	if after, _ := cpuTime(pid); after <= before {
		t.Errorf("processor time %v, then %v", before, after)
	}
}
