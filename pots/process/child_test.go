package process

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forager/board"
)

func landlocked() bool { _, err := board.LandlockABI(); return err == nil }

// states collects what OnState is told.
type states struct {
	mu   sync.Mutex
	said []string
}

func (s *states) add(state State, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, strings.TrimSpace(state.String()+" "+message))
}

func (s *states) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

func (s *states) last() string {
	if all := s.all(); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// child starts a Child that the test's end stops.
func child(t *testing.T, c Config) (*Child, *states) {
	t.Helper()
	leakless(t)
	said := &states{}
	c.OnState = said.add
	got, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(got.Stop)
	return got, said
}

func printed(c *Child, line string) func() bool {
	return func() bool { return slices.Contains(c.cfg.Output.Lines(1000), line) }
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		name, script string
		forced       bool
	}{
		{"obeys SIGTERM", `trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done`, false},
		{"ignores SIGTERM, as its children do", nasty, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, word := spec(t, c.script)
			clock := newFakeClock()
			ch, said := child(t, Config{Spec: s, Clock: clock})
			eventually(t, "ready", printed(ch, "ready"))
			eventually(t, "Running", func() bool { return said.last() == "Running" })
			stopped := make(chan struct{})
			go func() { ch.Stop(); close(stopped) }()
			if c.forced {
				clock.wait(t, termTime)
				if n := len(withToken(word)); n < 4 {
					t.Errorf("%d processes before the time is over, want the program and three more", n)
				}
				<-ch.Prove() // it has time left for this
				ch.work.Begin(-time.Second)
				late := ch.Prove()
				select {
				case <-late:
					t.Error("proved although its time is over")
				default:
				}
				clock.advance(termTime)
				<-late // it has ended
			}
			<-stopped
			if left := withToken(word); len(left) > 0 {
				gone(t, word)
			}
			if !c.forced && !printed(ch, "bye")() {
				t.Errorf("was not given the time to say good-bye: %q", ch.cfg.Output.Lines(10))
			}
			if got := said.all(); !slices.Equal(got, []string{"Starting", "Running", "Stopped"}) {
				t.Errorf("states %q", got)
			}
			ch.Stop()
			<-ch.Prove()
		})
	}
}

// Kill does not wait for those that won't end.
func TestKill(t *testing.T) {
	s, word := spec(t, nasty)
	ch, said := child(t, Config{Spec: s, Clock: newFakeClock()}) // whose time never comes
	eventually(t, "ready", printed(ch, "ready"))
	eventually(t, "Running", func() bool { return said.last() == "Running" })
	ch.Kill()
	if left := withToken(word); len(left) > 0 {
		gone(t, word)
	}
	ch.Kill()
	ch.Stop()
}

// TestNodeKilled: SIGKILL of the node leaves nothing.
func TestNodeKilled(t *testing.T) {
	s, word := spec(t, nasty)
	argv := rerun(append([]string{"program", "node", s.Dir}, s.Args...)...)
	node := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "Running"; {
	}
	// The node has the token among its arguments, as have the shell and three more.
	eventually(t, "the program has its children", func() bool { return len(withToken(word)) >= 5 })
	if err := node.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = node.Wait()
	gone(t, word)
}

// TestRunning: a pot is Running when its ports answer, and not before.
func TestRunning(t *testing.T) {
	port := freePort(t)
	// Another program at the port must not be taken for the pot.
	other, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s := goProgram(t, "listen", fmt.Sprint(port))
	clock := newFakeClock()
	ch, said := child(t, Config{Spec: s, Ports: []uint16{port}, Clock: clock})
	for range 5 {
		clock.wait(t, 0)
		clock.advance(time.Second)
	}
	if got := said.all(); !slices.Equal(got, []string{"Starting"}) {
		t.Errorf("another program's port made it %q", got)
	}
	_ = other.Close()
	if err := os.Mkdir(s.Dir+"/go", 0o755); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Running", func() bool { clock.advance(time.Second / 100); return said.last() == "Running" })
	for range 3 {
		c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	var m Metrics
	eventually(t, "three connections", func() bool { m = ch.Metrics(); return m.Connections == 3 })
	if m.Processes < 1 || m.PID == 0 || m.Uptime <= 0 || m.Restarts != 0 {
		t.Errorf("metrics %+v", m)
	}
	<-ch.Prove()
	// One that answers no more is dead, whatever its process does.
	if err := os.Remove(s.Dir + "/go"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "deaf", printed(ch, "deaf"))
	before := clock.Now()
	eventually(t, "its end", func() bool { clock.advance(lookTime); return len(said.all()) > 2 })
	if want := fmt.Sprintf("Starting port %d answers no more: connection 1 | connection 2 | connection 3 | deaf; next start in", port); !strings.HasPrefix(said.all()[2], want) {
		t.Errorf("%q, want %q", said.all(), want)
	}
	if took := clock.Now().Sub(before); took < muteMost*looksPerPort*lookTime/2 {
		t.Errorf("after %v", took)
	}
}

// goProgram is a spec that runs this file's program.
func goProgram(t *testing.T, args ...string) Spec {
	t.Helper()
	s, word := spec(t, "")
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.Dir, "pot")
	if err := os.WriteFile(file, exe, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Args = append([]string{file, "program"}, append(args, word)...)
	if emulator != nil {
		s.Args = append([]string{emulator[0]}, s.Args...)
	}
	return s
}

// freePort returns a port that nobody listens at.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// fakeClock stands until it is advanced.
type fakeClock struct {
	mu      sync.Mutex
	now     time.Time
	waiting []alarm
}

type alarm struct {
	at   time.Time
	wait time.Duration
	ring chan time.Time
}

func newFakeClock() *fakeClock { return &fakeClock{now: time.Unix(1e9, 0)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := alarm{at: c.now.Add(d), wait: d, ring: make(chan time.Time, 1)}
	if d <= 0 {
		a.ring <- c.now
	} else {
		c.waiting = append(c.waiting, a)
	}
	return a.ring
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waiting = slices.DeleteFunc(c.waiting, func(a alarm) bool {
		if a.at.After(c.now) {
			return false
		}
		a.ring <- c.now
		return true
	})
}

// wait returns when somebody waits for d; 0 is any time.
func (c *fakeClock) wait(t *testing.T, d time.Duration) {
	t.Helper()
	eventually(t, fmt.Sprintf("somebody waits for %v", d), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.ContainsFunc(c.waiting, func(a alarm) bool { return d == 0 || a.wait == d })
	})
}

// TestProtection: every word is in one of the two lists.
func TestProtection(t *testing.T) {
	s, _ := spec(t, "echo ready; sleep 1000")
	s.Limits.Nice = 5
	ch, said := child(t, Config{Spec: s})
	eventually(t, "Running", func() bool { return said.last() == "Running" })
	have, miss := ch.Protection()
	t.Logf("in force %q, missing %q", have, miss)
	for _, word := range []string{"pid namespace", "private /proc", "read-only /tmp", "Landlock", "own user", "no new privileges", "system calls", "process limit"} {
		in := slices.ContainsFunc(have, func(w string) bool { return strings.HasPrefix(w, word) })
		if in == slices.Contains(miss, word) {
			t.Errorf("%s: in force %q, missing %q", word, have, miss)
		}
	}
	if landlocked() != !slices.Contains(miss, "Landlock") {
		t.Errorf("Landlock of the machine %v, missing %q", landlocked(), miss)
	}
	if slices.Contains(miss, "no new privileges") || slices.Contains(miss, "own user") == (uid() != 0) {
		t.Errorf("missing %q", miss)
	}
	// The kernel's word for it.
	pid := ch.Metrics().PID
	ours, _ := os.Readlink("/proc/self/ns/pid")
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err == nil && (ours != theirs) != slices.Contains(have, "pid namespace") {
		t.Errorf("namespace %s in %s, and in force %q", theirs, ours, have)
	}
	if err != nil && os.Geteuid() == 0 {
		t.Error(err)
	}
}

// now returns the life of a child that runs.
func now(t *testing.T, c *Child) (l *life) {
	t.Helper()
	eventually(t, "a life", func() bool { // what it prints may be there before
		c.mu.Lock()
		defer c.mu.Unlock()
		l = c.life
		return l != nil
	})
	return l
}
