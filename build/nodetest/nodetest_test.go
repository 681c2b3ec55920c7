// Package nodetest runs the real program: flags, files, sockets, signals and
// restarts, against a Core in the test's own process.
package nodetest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// patience is how long anything may take before a test gives up.
const patience = 20 * time.Second

// program is the binary under test, built once; upgrade is the same with
// another version.
var program, upgrade string

const (
	programVersion = "1.2.3-test"
	upgradeVersion = "1.2.4-test"
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "nodetest")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil { // for nodes of other users
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		program, upgrade = filepath.Join(dir, "forager"), filepath.Join(dir, "upgrade")
		for path, version := range map[string]string{program: programVersion, upgrade: upgradeVersion} {
			build := exec.Command("go", "build", "-o", path, "-ldflags", "-X main.version="+version, "forager")
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
				return 1
			}
		}
		return m.Run()
	}())
}

// forager runs a subcommand to its end.
func forager(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(clean(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// clean is the environment without settings of the node.
func clean() (env []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "FORAGER_") {
			env = append(env, e)
		}
	}
	return env
}

// node is a running forager.
type node struct {
	t       *testing.T
	cmd     *exec.Cmd
	control string
	more    chan struct{} // has a token when the log has grown
	done    chan struct{} // closed at the log's end

	mu  sync.Mutex
	log strings.Builder
}

// start runs the node at path with args and a control socket of its own, and
// returns at once.
func start(t *testing.T, path string, args ...string) *node {
	t.Helper()
	n := &node{t: t, control: filepath.Join(t.TempDir(), "control"), more: make(chan struct{}, 1), done: make(chan struct{})}
	n.cmd = exec.Command(path, append([]string{"-control", n.control, "-intake", ""}, args...)...)
	n.cmd.Env = clean()
	stderr, err := n.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go n.read(stderr)
	t.Cleanup(func() {
		_ = n.cmd.Process.Kill()
		<-n.done
		_ = n.cmd.Wait()
		if t.Failed() {
			t.Logf("the node's log:\n%s", n.said())
		}
	})
	return n
}

func (n *node) read(stderr io.Reader) {
	defer close(n.done)
	for s := bufio.NewScanner(stderr); s.Scan(); {
		n.mu.Lock()
		n.log.WriteString(s.Text() + "\n")
		n.mu.Unlock()
		select {
		case n.more <- struct{}{}:
		default:
		}
	}
}

// said is the log so far.
func (n *node) said() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.log.String()
}

// says waits until the log has a line that holds text, and returns it.
func (n *node) says(text string) string {
	n.t.Helper()
	timeout := time.After(patience)
	done := n.done
	for {
		for line := range strings.Lines(n.said()) {
			if strings.Contains(line, text) {
				return strings.TrimSpace(line)
			}
		}
		if done == nil {
			n.t.Fatalf("the node ended and did not say %q", text)
		}
		select {
		case <-n.more:
		case <-done:
			done = nil // one more look
		case <-timeout:
			n.t.Fatalf("the node did not say %q", text)
		}
	}
}

// status asks the node and returns the value behind key.
func (n *node) status(key string) string {
	n.t.Helper()
	out, errs, code := forager(n.t, nil, "status", "-control", n.control)
	if code != 0 {
		n.t.Fatalf("status: %s", errs)
	}
	for line := range strings.Lines(out) {
		if k, v, _ := strings.Cut(line, ": "); k == key {
			return strings.TrimSpace(v)
		}
	}
	n.t.Fatalf("no %q in\n%s", key, out)
	return ""
}

// address returns where a pot listens.
func (n *node) address(pot string) string {
	n.t.Helper()
	_, rest, _ := strings.Cut(n.status("pot "+pot), "Running on ")
	address, _, ok := strings.Cut(rest, " for ")
	if !ok {
		n.t.Fatalf("pot %s does not run: %s", pot, n.status("pot "+pot))
	}
	return address
}

func (n *node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Fatal(err)
	}
}

// ended waits for the end and returns the exit code.
func (n *node) ended() int {
	n.t.Helper()
	timeout := time.AfterFunc(patience, func() { _ = n.cmd.Process.Kill() })
	defer timeout.Stop()
	<-n.done // Wait closes the pipe under the reader otherwise
	_ = n.cmd.Wait()
	return n.cmd.ProcessState.ExitCode()
}

// startCore runs a Core until the test ends.
func startCore(t *testing.T) *core.Core {
	t.Helper()
	c, err := core.Start(core.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// until waits for a message that holds text.
func until(t *testing.T, w *core.Watcher, text string) core.Message {
	t.Helper()
	ctx, cancel := contextWithPatience(t)
	defer cancel()
	m, err := w.Until(ctx, func(m core.Message) bool { return strings.Contains(m.Raw, text) })
	if err != nil {
		t.Fatalf("Core did not get %q: %v", text, err)
	}
	return m
}

// stalls watches for how long the machine forgets a process. The function that
// it returns gives the longest time since the start, and what the node may take
// longer because of that: it has less of the processors than a test has.
func stalls(t *testing.T) func() time.Duration {
	const tick = 50 * time.Millisecond
	var longest atomic.Int64
	ctx := t.Context()
	go func() {
		for last := time.Now(); ctx.Err() == nil; {
			time.Sleep(tick)
			now := time.Now()
			longest.Store(max(longest.Load(), int64(now.Sub(last)-tick)))
			last = now
		}
	}()
	return func() time.Duration { return 2 * time.Duration(longest.Load()) }
}
