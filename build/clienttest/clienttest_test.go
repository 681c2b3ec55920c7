// Package clienttest has real clients attack the real program: OpenSSH, curl,
// hydra, nmap and adb, which build/deps.sh installs. What they did must be at
// Core.
package clienttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
const patience = 5 * time.Minute

// password is what the clients log in with.
const password = "s3cret"

// program is the binary under test, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "clienttest")
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

// text is a field's text.
func (e event) text(key string) string { return fmt.Sprint(e.Data[key]) }

// house is a node with pots, and the Core that hears it.
type house struct {
	t     *testing.T
	ctx   context.Context
	w     *core.Watcher
	pid   int
	ports map[string]string // by pot id
	marks int
	dir   string // for the clients
}

// open starts a node with a persona, the pots of these lines, all with an id=
// and without listen=, and one for marks.
func open(t *testing.T, persona string, pots ...string) *house {
	t.Helper()
	return openAs(t, "42", persona, pots...)
}

// openAs is open for a node with this id.
func openAs(t *testing.T, id, persona string, pots ...string) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	c, err := core.Start(core.Config{})
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	h := &house{t: t, ctx: ctx, w: c.Watch(), ports: map[string]string{}, dir: t.TempDir()}
	dir := t.TempDir()
	args := []string{"-core", c.Addr(), "-core-dialect", "spec", "-intake", "", "-control", filepath.Join(dir, "control"), "-state-dir", filepath.Join(dir, "state"), "-node-id", id, "-persona", persona}
	pots = append(pots, "tcp id=mark wait=10s")
	for _, p := range pots {
		args = append(args, "-pot", p+" listen=127.0.0.1:0")
	}
	cmd := exec.Command(program, args...)
	stderr, err := cmd.StderrPipe()
	check(t, err)
	check(t, cmd.Start())
	h.pid = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	h.listen(bufio.NewScanner(stderr), len(pots))
	h.askpass()
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

// askpass makes the program that OpenSSH asks for the password (ssh(1),
// SSH_ASKPASS).
func (h *house) askpass() {
	h.t.Helper()
	check(h.t, os.WriteFile(filepath.Join(h.dir, "askpass"), []byte("#!/bin/sh\necho \"$FORAGER_PASSWORD\"\n"), 0o700))
}

// client makes a command with what clients need in their environment.
func (h *house) client(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(h.ctx, name, args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "HOME="+h.dir, "LC_ALL=C", "SSH_AUTH_SOCK=", "DISPLAY=:0",
		"SSH_ASKPASS="+filepath.Join(h.dir, "askpass"), "SSH_ASKPASS_REQUIRE=force", "FORAGER_PASSWORD="+password)
	return cmd
}

// run runs a client with some input and returns what it printed and its exit
// code. It fails the test when the client can't be run at all.
func (h *house) run(input, name string, args ...string) (out string, code int) {
	h.t.Helper()
	cmd := h.client(name, args...)
	cmd.Stdin = strings.NewReader(input)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		h.t.Fatalf("%s: %v (build/deps.sh test installs it)", name, err)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

// options are those of every OpenSSH program.
func (h *house) options(port string) []string {
	return []string{"-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "Port=" + h.ports[port]}
}

// ssh runs ssh to the pot and returns what it printed, and the exit code.
func (h *house) ssh(input string, args ...string) (string, int) {
	h.t.Helper()
	return h.run(input, "ssh", append(h.options("ssh"), args...)...)
}

// events returns those since the last call but connects, ends and what clients
// say of themselves, once all that happened before is at Core: the ring keeps
// the order.
func (h *house) events() (list []event) {
	h.t.Helper()
	h.marks++
	mark := fmt.Sprintf("mark-%d", h.marks)
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+h.ports["mark"], patience)
	check(h.t, err)
	_, err = io.WriteString(c, mark)
	check(h.t, err)
	c.Close()
	for {
		m, err := h.w.Next(h.ctx)
		if err != nil {
			h.t.Fatalf("the mark did not come: %v", err)
		}
		for _, raw := range m.PotEvents() {
			var e event
			check(h.t, json.Unmarshal(raw, &e))
			if e.text("payload") == mark {
				return list
			}
			_, what, _ := strings.Cut(e.EventType, ".")
			switch what {
			case "session.connect", "session.closed", "client.version", "client.kex", "client.var", "client.size":
			default:
				list = append(list, e)
			}
		}
	}
}

// files counts the node's open files.
func (h *house) files() int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", h.pid))
	check(h.t, err)
	return len(list)
}

// want fails unless the events are these types, in this order.
func (h *house) want(list []event, types ...string) {
	h.t.Helper()
	var got []string
	for _, e := range list {
		got = append(got, e.EventType)
	}
	if strings.Join(got, " ") != strings.Join(types, " ") {
		h.t.Errorf("%v, want %v: %v", got, types, list)
	}
}
