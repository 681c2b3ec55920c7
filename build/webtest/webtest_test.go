// Package webtest has real web clients attack the real program: curl and
// hydra, which build/deps.sh installs. What they did must be at Core.
package webtest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// patience is how long anything may take before a test gives up.
const patience = 2 * time.Minute

// program is the binary under test, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "webtest")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "forager")
		build := exec.Command("go", "build", "-o", program, "forager")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// event is a PotEvent at Core.
type event struct {
	EventType string         `json:"event_type"`
	Data      map[string]any `json:"data"`
}

// house is a node with pots, and the Core that hears it.
type house struct {
	t     *testing.T
	ctx   context.Context
	w     *core.Watcher
	ports map[string]string // by pot id
	marks int
}

// open starts a node with the pots of these lines, all with an id= and without
// listen=.
func open(t *testing.T, pots ...string) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c, err := core.Start(core.Config{})
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	h := &house{t: t, ctx: ctx, w: c.Watch(), ports: map[string]string{}}
	dir := t.TempDir()
	args := []string{"-core", c.Addr(), "-core-dialect", "spec", "-intake", "", "-control", filepath.Join(dir, "control"), "-state-dir", filepath.Join(dir, "state"), "-node-id", "42"}
	for _, p := range pots {
		args = append(args, "-pot", p+" listen=127.0.0.1:0")
	}
	cmd := exec.Command(program, args...)
	stderr, err := cmd.StderrPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.listen(bufio.NewScanner(stderr), len(pots))
	return h
}

// listen reads from the node's log where its pots are, and goes on reading.
func (h *house) listen(log *bufio.Scanner, pots int) {
	h.t.Helper()
	for len(h.ports) < pots {
		if !log.Scan() {
			h.t.Fatal("the node ended")
		}
		var id, typ, addr string
		if n, _ := fmt.Sscanf(log.Text(), "info: pot %s %s on %s", &id, &typ, &addr); n == 3 {
			_, port, err := net.SplitHostPort(addr)
			check(h.t, err)
			h.ports[strings.TrimSuffix(id, ":")] = port
		} else if strings.HasPrefix(log.Text(), "error") {
			h.t.Fatal(log.Text())
		}
	}
	go func() {
		for log.Scan() {
		}
	}()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a client and returns what it printed. It fails the test when the
// client can't be run at all.
func (h *house) run(name string, args ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.ctx, name, args...)
	cmd.Dir = h.t.TempDir() // hydra leaves a file for -R
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		h.t.Fatalf("%s: %v (build/deps.sh test installs it)", name, err)
	}
	return string(out)
}

// curl asks a pot and returns what it printed.
func (h *house) curl(args ...string) string {
	h.t.Helper()
	return h.run("curl", append([]string{"-sk", "-m", "30", "-A", "test-agent"}, args...)...)
}

func (h *house) url(scheme, pot, path string) string {
	return scheme + "://127.0.0.1:" + h.ports[pot] + path
}

// events returns those since the last call but connects and ends, once all that
// happened before is at Core: the ring keeps the order.
func (h *house) events() (list []event) {
	h.t.Helper()
	h.marks++
	mark := fmt.Sprintf("/mark-%d", h.marks)
	for id := range h.ports {
		if id == "http" {
			h.curl(h.url("http", id, mark))
		}
	}
	for {
		m, err := h.w.Next(h.ctx)
		if err != nil {
			h.t.Fatalf("the mark did not come: %v", err)
		}
		for _, raw := range m.PotEvents() {
			var e event
			check(h.t, json.Unmarshal(raw, &e))
			if e.Data["url"] == mark {
				return list
			}
			if !strings.HasSuffix(e.EventType, ".session.connect") && !strings.HasSuffix(e.EventType, ".session.closed") {
				list = append(list, e)
			}
		}
	}
}
