package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forager/board"
)

// wayEnv has a test's process start keepers in one way only: "plain", without
// namespaces, or "bare", with one of processes alone.
const wayEnv = "FORAGER_PROCESS_WAY"

func TestMain(m *testing.M) {
	Confined()
	switch os.Getenv(wayEnv) {
	case "plain":
		ways = map[bool][]way{true: {{}}, false: {{}}}
	case "bare": // a PID namespace and no mounts
		ways = map[bool][]way{true: {{flags: newPID}}, false: {{flags: newPID | unix.CLONE_NEWUSER, user: true}}}
	}
	if len(os.Args) > 2 && os.Args[1] == "program" {
		os.Exit(program(os.Args[2], os.Args[3:]))
	}
	emulator = findEmulator()
	os.Exit(m.Run())
}

// findEmulator tells whether an emulator runs this test: then this program
// can't be run again but by naming the emulator.
func findEmulator() []string {
	err := exec.Command("/proc/self/exe", "program", "nothing").Run()
	if !errors.Is(err, unix.ENOEXEC) {
		return nil
	}
	path, err := exec.LookPath("qemu-" + runtime.GOARCH + "-static")
	if err != nil {
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{path, exe}
}

// program is what a test runs when a shell can't do it.
func program(what string, args []string) int {
	switch what {
	case "nothing":
		return 0
	case "listen": // at a port, after a file is there
		for os.Chdir("go") != nil {
			time.Sleep(20 * time.Millisecond)
		}
		l, err := net.Listen("tcp4", "127.0.0.1:"+args[0])
		if err != nil {
			fmt.Println(err)
			return 1
		}
		go func() { // and goes deaf when that is gone
			for os.Chdir("../go") == nil {
				time.Sleep(20 * time.Millisecond)
			}
			_ = l.Close()
		}()
		for held := []net.Conn(nil); ; {
			c, err := l.Accept()
			if err != nil {
				fmt.Println("deaf")
				time.Sleep(time.Hour)
			}
			held = append(held, c)
			fmt.Println("connection", len(held))
		}
	case "node": // starts a pot, says so, and does nothing more
		emulator = findEmulator()
		c, err := Start(Config{Spec: Spec{Name: "pot", Args: args[1:], Dir: args[0]}, OnState: func(s State, _ string) {
			fmt.Println(s)
		}})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		<-c.done
	}
	return 2
}

// rerun is how this program is run as another.
func rerun(args ...string) []string {
	if emulator != nil {
		return append(append([]string{}, emulator...), args...)
	}
	return append([]string{"/proc/self/exe"}, args...)
}

var tokens atomic.Int64

// token is a word for the arguments of programs, by which they are found.
func token() string {
	return "token-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(tokens.Add(1), 10)
}

// withToken returns the processes of the machine that have the token among
// their arguments, zombies left out.
func withToken(token string) (pids []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), token) {
			pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// eventually waits until ok, for a time that only a broken test needs.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30s: %s", what)
		}
	}
}

// gone fails when something of a program is left after what was to end it has
// returned. A process that the kernel has killed may need a moment to go.
func gone(t *testing.T, token string) {
	t.Helper()
	t.Cleanup(func() {
		for _, pid := range withToken(token) {
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			c, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			t.Errorf("left: %s%q", b, c)
		}
	})
	eventually(t, "no process with "+token+" is left", func() bool { return len(withToken(token)) == 0 })
}

// testUID is the user of the tests' programs when the tests are root.
const testUID = 61184 + 77

func uid() uint32 {
	if os.Geteuid() != 0 {
		return 0
	}
	return testUID
}

// spec is a shell script with a token, as a user of its own if we are root.
func spec(t *testing.T, script string) (Spec, string) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if uid() != 0 {
		if err := os.Chown(dir, testUID, testUID); err != nil {
			t.Fatal(err)
		}
	}
	word := token()
	return Spec{
		Name: "test", Args: []string{"/bin/sh", "-c", script, word}, Dir: dir, UID: uid(), Output: NewOutput(64 << 10),
		Limits: Limits{Processes: 512},
	}, word
}

// leakless fails when a test leaves goroutines or descriptors behind.
func leakless(t *testing.T) {
	t.Helper()
	fds := func() int { d, _ := os.ReadDir("/proc/self/fd"); return len(d) }
	goroutines, open := runtime.NumGoroutine(), fds()
	t.Cleanup(func() {
		eventually(t, "goroutines return to their count", func() bool { return runtime.NumGoroutine() <= goroutines })
		eventually(t, "descriptors return to their count", func() bool { return fds() <= open })
	})
}

func TestRun(t *testing.T) {
	for _, c := range []struct{ name, script, reason, last string }{
		{"fails", "echo one; echo two >&2; exit 3", "exit status 3", "two"},
		{"kills itself", "echo bye; kill -9 $$", "killed (signal 9, killed)", "bye"},
		{"last word unfinished", "printf 'no newline'; exit 1", "exit status 1", "no newline"},
		{"escape", `printf 'a\033[2Jb\n'; exit 1`, "exit status 1", `a\x1b[2Jb`},
		{"child fails to fork on", "false", "exit status 1", ""},
		{"works", "echo fine", "", "fine"},
		{"leaves a child", "sleep 1000 & echo left", "", "left"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leakless(t)
			s, word := spec(t, c.script)
			err := Run(t.Context(), s)
			gone(t, word)
			var exit *ExitError
			switch {
			case c.reason == "" && err != nil:
				t.Errorf("want no error, got %v", err)
			case c.reason != "" && (!errors.As(err, &exit) || exit.Reason != c.reason):
				t.Errorf("want %q, got %v", c.reason, err)
			case c.reason != "" && c.last != "" && exit.Lines[len(exit.Lines)-1] != c.last:
				t.Errorf("want the last line %q, got %q", c.last, exit.Lines)
			}
			if lines := s.Output.Lines(1); c.last != "" && (len(lines) != 1 || lines[0] != c.last) {
				t.Errorf("want %q printed, got %q", c.last, lines)
			}
		})
	}
}

// TestRunRefuses is what can't be started.
func TestRunRefuses(t *testing.T) {
	ok, _ := spec(t, "true")
	for _, c := range []struct {
		name string
		edit func(*Spec)
		want string
	}{
		{"no program", func(s *Spec) { s.Args = nil }, "no program"},
		{"an empty program", func(s *Spec) { s.Args = []string{""} }, "no program"},
		{"NUL", func(s *Spec) { s.Args = []string{"/bin/sh", "a\x00b"} }, "NUL"},
		{"NUL in a variable", func(s *Spec) { s.Env = []string{"A=\x00"} }, "NUL"},
		{"too many words", func(s *Spec) { s.Args = make([]string, maxWords+1) }, "at most"},
		{"a long word", func(s *Spec) { s.Args = append(s.Args, strings.Repeat("x", maxWord+1)) }, "at most"},
		{"a relative directory", func(s *Spec) { s.Dir = "here" }, "absolute"},
		{"a relative path", func(s *Spec) { s.Write = []string{"here"} }, "absolute"},
		{"a directory that isn't there", func(s *Spec) { s.Dir += "/missing" }, "no such file"},
		{"a program that isn't there", func(s *Spec) { s.Args[0] = "/bin/no-such-program" }, "no such file"},
		{"a program that isn't in PATH", func(s *Spec) { s.Args[0] = "no-such-program" }, "no such file"},
		{"a program in the directory, without ./", func(s *Spec) { s.Args[0], s.Env = "script", []string{"PATH=:"} }, "no such file"},
		{"not a program", func(s *Spec) { s.Args[0] = "/etc/passwd" }, "permission denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leakless(t)
			s := ok
			s.Args = slices.Clone(ok.Args)
			if err := os.WriteFile(filepath.Join(s.Dir, "script"), []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			c.edit(&s)
			err := Run(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}

// TestRunCancelled: the end of a context takes everything, also what has made
// itself a session, a process group or an orphan.
func TestRunCancelled(t *testing.T) {
	leakless(t)
	s, word := spec(t, nasty)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- Run(ctx, s) }()
	eventually(t, "the program has its children", func() bool { return slices.Contains(s.Output.Lines(10), "ready") })
	if n := len(withToken(word)); n < 4 {
		t.Errorf("%d processes, want the program and three more", n)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
	gone(t, word)
	if err := Run(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("started after the end of its context: %v", err)
	}
}

// nasty is a script that ignores SIGTERM and has children that try to escape:
// one in a session of its own, an orphan, and one that is both.
const nasty = `
trap '' TERM HUP INT
me=$0
setsid sh -c 'trap "" TERM; while :; do sleep 1000; done' $me &
(sh -c 'trap "" TERM; while :; do sleep 1000; done' $me &)
(setsid sh -c 'trap "" TERM; (while :; do sleep 1000; done) & wait' $me &)
sleep 0.2
echo ready
while :; do sleep 1000; done
`

// TestConfined looks at the program from its inside.
func TestConfined(t *testing.T) {
	s, _ := spec(t, `
echo "dir $(pwd)"; echo "env $(env | sort | tr '\n' ' ')"
echo "fds $(ls /proc/self/fd | wc -l)"; echo "stdin $(readlink /proc/self/fd/0)"
echo "core $(ulimit -c)"; echo "files $(ulimit -n)"; echo "filesize $(ulimit -f)"; echo "data $(ulimit -d)"
echo "umask $(umask)"; echo "nice $(nice)"
grep -E '^(Uid|Gid|Groups|NoNewPrivs|CapEff|CapPrm|CapInh|CapBnd|CapAmb|SigIgn|SigBlk):' /proc/self/status
echo x > inside && echo "inside written"
( echo x > /tmp/forager-$0 ) 2>&1 && echo "outside written"
( echo x > /dev/shm/forager-$0 ) 2>/dev/null && echo "shared memory written"
echo "shmall $(cat /proc/sys/kernel/shmall)"
cat /etc/shadow >/dev/null 2>&1 && echo "shadow read"
ls / >/dev/null 2>&1 && echo "root listed"
cat "$SECRET" 2>/dev/null
exit 0
`)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret read\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Env = []string{"SECRET=" + secret, "LANG=C"}
	s.Limits = Limits{Memory: 64 << 20, Processes: 512, Files: 99, FileSize: 1 << 20, Nice: 7}
	if err := Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(s.Output.Lines(100), "\n") + "\n"
	want := []string{
		"dir " + s.Dir, "stdin /dev/null", "core 0", "files 99", "filesize 2048", "data 65536", "umask 0077", fmt.Sprintf("nice %d", max(7, niceness(t))),
		"inside written", "NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000",
		"CapAmb:\t0000000000000000", "SigBlk:\t0000000000000000", "fds 4",
		"HOME=" + s.Dir + " LANG=C", "PATH=/usr/local/sbin", "SECRET=" + secret, "TMPDIR=" + s.Dir,
	}
	if uid() != 0 {
		id := strconv.Itoa(testUID)
		want = append(want, "Uid:\t"+strings.Join([]string{id, id, id, id}, "\t"), "Gid:\t"+strings.Join([]string{id, id, id, id}, "\t"),
			"Groups:\t \n", "CapBnd:\t0000000000000000")
	}
	if emulator != nil { // which limits no memory
		want = slices.DeleteFunc(want, func(w string) bool { return strings.HasPrefix(w, "data") })
	}
	if OwnMounts() && os.Getenv(wayEnv) == "" && emulator == nil { // also where there is no Landlock
		want = append(want, "Read-only file system", "shmall "+strconv.Itoa((64<<20)/os.Getpagesize())+"\n")
	}
	for _, w := range want {
		if !strings.Contains(strings.ReplaceAll(got, "\t", " "), strings.ReplaceAll(w, "\t", " ")) {
			t.Errorf("want %q", w)
		}
	}
	forbidden := []string{"shadow read", "SUDO", "GOPATH"}
	if _, err := os.Stat("/proc/sys/kernel/cap_last_cap"); err == nil && landlocked() {
		forbidden = append(forbidden, "outside written", "shared memory written", "root listed", "secret read")
	}
	for _, f := range forbidden {
		if strings.Contains(got, f) {
			t.Errorf("want no %q", f)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

// niceness is this process's: one that is nicer has programs that are.
func niceness(t *testing.T) int {
	t.Helper()
	n, err := board.Nice()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOtherWays runs what matters most again: as an ordinary user, and without
// namespaces, as both.
func TestOtherWays(t *testing.T) {
	if os.Getenv(wayEnv) != "" || emulator != nil {
		return // is one of them; an emulator has no namespaces anyway
	}
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	for _, c := range []struct {
		name, way string
		user      *syscall.Credential
	}{{"without namespaces", "plain", nil}, {"nobody", "best", nobody}, {"nobody without mounts", "bare", nobody}, {"nobody without namespaces", "plain", nobody}} {
		t.Run(c.name, func(t *testing.T) {
			tmp := t.TempDir()
			for _, d := range []string{tmp, filepath.Dir(tmp)} {
				if err := os.Chmod(d, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			argv := rerun("-test.run=^(TestRun|TestRunRefuses|TestRunCancelled|TestConfined|TestStop|TestNodeKilled|TestRunning|TestProtection|TestBad.*)$", "-test.v")
			if testing.Short() {
				argv = append(argv, "-test.short")
			}
			cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
			cmd.Env = append(os.Environ(), wayEnv+"="+c.way, "TMPDIR="+tmp)
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{}
			if os.Geteuid() == 0 {
				cmd.SysProcAttr.Credential = c.user
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS: TestRunCancelled") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
