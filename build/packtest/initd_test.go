package packtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// appliance is a stand-in for a machine whose init runs scripts.
type appliance struct {
	t      *testing.T
	shell  []string
	dir    string
	script string
}

// shells are those of BusyBox, and of Debian and most others.
var shells = map[string][]string{"busybox": {"busybox", "ash"}, "dash": {"dash"}}

// newAppliance has a program in place of the node, or the node.
func newAppliance(t *testing.T, shell []string, forager string) *appliance {
	t.Helper()
	a := &appliance{t: t, shell: shell, dir: t.TempDir()}
	b, err := os.ReadFile("../initd/forager")
	if err != nil {
		t.Fatal(err)
	}
	// The supervisor starts the script again: by the shell that is tested.
	path, err := exec.LookPath(shell[0])
	if err != nil {
		t.Fatal(err)
	}
	first := "#!" + strings.Join(append([]string{path}, shell[1:]...), " ") + "\n"
	text := strings.Replace(string(b), "#!/bin/sh\n", first, 1)
	a.script = a.write("forager.init", text)
	if forager != "" {
		a.write("forager", forager)
	}
	a.write("forager.conf", "")
	t.Cleanup(func() { a.run("stop") })
	return a
}

func (a *appliance) write(name, text string) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// run returns the exit code of an action and what it printed.
func (a *appliance) run(action string) (int, string) {
	a.t.Helper()
	cmd := exec.Command(a.shell[0], append(a.shell[1:], a.script, action)...)
	cmd.Env = append(os.Environ(), "FORAGER_DAEMON="+filepath.Join(a.dir, "forager"),
		"FORAGER_CONFIG="+filepath.Join(a.dir, "forager.conf"), "FORAGER_RUN="+filepath.Join(a.dir, "run"))
	// A file, not a pipe: what start leaves behind would hold a pipe open.
	out, err := os.CreateTemp(a.dir, "out")
	if err != nil {
		a.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		a.t.Fatal(err)
	}
	b, err := os.ReadFile(out.Name())
	if err != nil {
		a.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

func (a *appliance) want(action string, code int) {
	a.t.Helper()
	if got, out := a.run(action); got != code {
		a.t.Errorf("%s: exit code %d, want %d\n%s", action, got, code, out)
	}
}

// pid is the process id in a file of the script's, 0 without one.
func (a *appliance) pid(name string) int {
	b, err := os.ReadFile(filepath.Join(a.dir, "run", name+".pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// until waits for something, half a minute at most.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func alive(pid int) bool { return pid != 0 && syscall.Kill(pid, 0) == nil }

// The real node, started, killed, asked to read its file again, and stopped.
func TestInitScript(t *testing.T) {
	node := filepath.Join(t.TempDir(), "forager")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", node, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			a := newAppliance(t, shell, "")
			if err := os.Link(node, filepath.Join(a.dir, "forager")); err != nil {
				t.Fatal(err)
			}
			a.write("forager.conf", fmt.Sprintf("core 127.0.0.1:1\nintake 127.0.0.1:%d\nstate-dir %[2]s/state\ncontrol %[2]s/control.sock\n",
				freePort(t), a.dir))
			a.want("status", 3)
			a.want("reload", 7)
			a.want("start", 0)
			a.want("start", 0) // once more does nothing
			a.want("status", 0)
			first, supervisor := a.pid("forager"), a.pid("supervisor")
			until(t, "the node answers", func() bool { return a.asks(node) == nil })

			a.want("reload", 0)
			if a.pid("forager") != first || !alive(first) {
				t.Error("reload is not survived")
			}

			if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			until(t, "another node runs", func() bool { p := a.pid("forager"); return p != first && alive(p) })
			if a.pid("supervisor") != supervisor {
				t.Error("the supervisor is another")
			}
			a.want("status", 0)
			second := a.pid("forager")
			a.want("restart", 0)
			if alive(second) || alive(supervisor) {
				t.Error("restart left what ran")
			}
			third := a.pid("forager")
			a.want("stop", 0)
			if alive(third) {
				t.Error("stop left the node")
			}
			a.want("status", 3)
			a.want("stop", 0)
			a.want("try-restart", 0)
			a.want("status", 3)
		})
	}
}

// freePort is one that nothing listens on at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (a *appliance) asks(node string) error {
	return exec.Command(node, "status", "-c", filepath.Join(a.dir, "forager.conf")).Run()
}

// What ends by itself with 0 was told to, and stays ended; what dies at once
// is started ever more seldom; what does not end is killed.
func TestInitScriptAndBadNodes(t *testing.T) {
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			a := newAppliance(t, shell, "#!/bin/sh\nsleep 8\nexit 0\n")
			a.want("start", 0)
			until(t, "the supervisor ends", func() bool { return a.pid("supervisor") == 0 })
			a.want("status", 3)

			a.write("forager", "#!/bin/sh\necho x >>\"$(dirname \"$0\")/starts\"\nexit 1\n")
			a.run("start") // fails, if it sees no moment in which the node is there
			starts := func() int {
				b, _ := os.ReadFile(filepath.Join(a.dir, "starts"))
				return strings.Count(string(b), "x")
			}
			began := time.Now()
			until(t, "three starts", func() bool { return starts() >= 3 })
			if took := time.Since(began); took > 25*time.Second {
				t.Errorf("three starts took %v", took)
			}
			a.want("stop", 0)
			if n := starts(); n > 4 {
				t.Errorf("%d starts, the pauses do not grow", n)
			}
			a.want("status", 3)

			a.write("forager.init", strings.Replace(read(t, a.script), "stop_time=20\n", "stop_time=2\n", 1))
			a.write("forager", "#!/bin/sh\ntrap '' TERM\necho $$ >\"$(dirname \"$0\")/stubborn\"\nwhile :; do sleep 1; done\n")
			a.want("start", 0)
			stubborn, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(a.dir, "stubborn"))))
			if err != nil {
				t.Fatal(err)
			}
			a.want("stop", 0)
			until(t, "the stubborn node is gone", func() bool { return !alive(stubborn) })
			a.want("status", 3)
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// After a power cut the files of process ids are there and their processes are
// not, or are others.
func TestInitScriptAfterPowerCut(t *testing.T) {
	a := newAppliance(t, shells["busybox"], "#!/bin/sh\nexec sleep 60\n")
	if err := os.Mkdir(filepath.Join(a.dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	a.write("run/supervisor.pid", strconv.Itoa(os.Getpid())) // lives, and is no forager
	a.write("run/forager.pid", "4194304")                    // beyond the kernel's largest
	a.want("status", 1)
	a.want("reload", 7)
	a.want("stop", 0)
	a.want("status", 3)
	a.write("run/supervisor.pid", "rubbish")
	a.want("status", 1)
}

func TestInitScriptWithoutProgram(t *testing.T) {
	a := newAppliance(t, shells["busybox"], "")
	a.want("start", 5)
	a.want("status", 3)
	a.want("nonsense", 2)
}
