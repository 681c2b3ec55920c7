package process

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a pot can do to its node, one test each. After each, nothing of it is
// left.

// TestBadForks: a hundred children are killed for being too many, with what
// they try to escape by, and those of a pot that may have them are with Stop.
func TestBadForks(t *testing.T) {
	const forks = `
trap '' TERM
i=0; while [ $i -lt 100 ]; do setsid sleep 1000 $0 2>/dev/null & i=$((i+1)); done
echo ready; wait`
	t.Run("too many", func(t *testing.T) {
		s, word := spec(t, strings.ReplaceAll(forks, "sleep 1000 $0", `sh -c 'sleep 1000; :' $0`))
		s.Limits.Processes = 50
		clock := newFakeClock()
		ch, said := child(t, Config{Spec: s, Clock: clock})
		// Where the kernel counts, the shell is the one to fail; elsewhere the look is.
		eventually(t, "its end", func() bool {
			clock.advance(lookTime)
			return strings.Contains(strings.Join(said.all(), "\n"), "next start") || said.last() == "Failed"
		})
		ch.Stop()
		gone(t, word)
		text := strings.Join(said.all(), "\n")
		if !strings.Contains(text, "processes, may have 50") && !strings.Contains(text, "fork") {
			t.Errorf("want the reason to be its processes: %s", text)
		}
	})
	t.Run("as many as it may", func(t *testing.T) {
		s, word := spec(t, strings.ReplaceAll(forks, "sleep 1000 $0", `sh -c 'trap "" TERM; while :; do sleep 1000; done' $0`))
		clock := newFakeClock()
		ch, said := child(t, Config{Spec: s, Clock: clock})
		eventually(t, "ready", printed(ch, "ready"))
		eventually(t, "a hundred children", func() bool { return len(withToken(word)) >= 101 })
		if m := ch.Metrics(); m.Processes < 101 || m.Memory <= 0 {
			t.Errorf("metrics %+v", m)
		}
		if found, ok := children(now(t, ch).process.Pid); ok && len(found) < 101 {
			t.Errorf("the kernel's lists have %d", len(found))
		}
		if found := descendants(now(t, ch).process.Pid); len(found) < 101 {
			t.Errorf("%d descendants", len(found))
		}
		stopped := make(chan struct{})
		go func() { ch.Stop(); close(stopped) }()
		clock.wait(t, termTime)
		clock.advance(termTime)
		<-stopped
		gone(t, word)
		if said.last() != "Stopped" {
			t.Errorf("states %q", said.all())
		}
	})
}

// TestBadMemory: one process is stopped by the kernel, several that each keep
// below that by the supervisor.
func TestBadMemory(t *testing.T) {
	t.Run("one process", func(t *testing.T) {
		s, word := spec(t, `head -c 64M /dev/zero | tail -c 64M | wc -c; echo over; exit 1`)
		s.Limits.Memory = 16 << 20
		err := Run(t.Context(), s)
		gone(t, word)
		if lines := s.Output.Lines(9); slices.Contains(lines, "67108864") && emulator == nil { // which limits no memory
			t.Errorf("64 MiB went through %v, %q", err, lines)
		}
	})
	t.Run("together", func(t *testing.T) {
		// Eight that hold 8 MiB each and wait for the rest of their input.
		s, word := spec(t, `for i in 1 2 3 4 5 6 7 8; do
			( (head -c 8M /dev/zero; sleep 1000) | sh -c 'tail -c 8M' $0 ) & done; echo ready; wait`)
		s.Limits.Memory = 32 << 20
		clock := newFakeClock()
		ch, said := child(t, Config{Spec: s, Clock: clock})
		eventually(t, "its end", func() bool {
			clock.advance(lookTime)
			return strings.Contains(strings.Join(said.all(), "\n"), "KiB of memory, may use 32768")
		})
		ch.Stop()
		gone(t, word)
	})
	t.Run("many that share theirs", func(t *testing.T) {
		s, word := spec(t, `x=$(head -c 4M /dev/zero | tr '\0' x)
			for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (while :; do sleep 1000; done) & done; echo ready; wait`)
		s.Limits.Memory = 32 << 20
		if emulator != nil || !readsShared() {
			s.Limits.Memory = 256 << 20 // what is shared can't be told
		}
		ch, _ := child(t, Config{Spec: s})
		eventually(t, "ready", printed(ch, "ready"))
		l, look := now(t, ch), newWatch(&s)
		if reason, _ := look.look(l); reason != "" {
			t.Errorf("%s; resident %d KiB", reason, l.use(1<<62).memory>>10)
		}
		ch.Stop()
		gone(t, word)
	})
}

// readsShared tells whether the kernel tells how memory is shared.
func readsShared() bool {
	_, ok := field(readProc("/proc/self/smaps_rollup", make([]byte, maxStat)), "Pss:")
	return ok
}

// TestHeld: what is held without a name counts, once, where it is kept.
func TestHeld(t *testing.T) {
	const size = 3 << 20
	fd, err := unix.MemfdCreate("held", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	memory := os.NewFile(uintptr(fd), "held")
	defer memory.Close()
	disk, err := os.Create(filepath.Join(t.TempDir(), "unlinked"))
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	again, err := unix.FcntlInt(disk.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(again)
	here := deviceOf(filepath.Dir(disk.Name()))
	m0, d0 := held([]int{os.Getpid()}, here)
	for _, f := range []*os.File{memory, disk} {
		if _, err := f.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(disk.Name()); err != nil {
		t.Fatal(err)
	}
	m1, d1 := held([]int{os.Getpid(), os.Getpid()}, here)
	if m, d := m1-m0, d1-d0; m < size || m > size+size/4 || d < size || d > size+size/4 {
		t.Errorf("%d bytes of memory and %d on disk, want about %d each", m, d, size)
	}
}

// TestBadDisk: too much on disk is the end, also in small files and below.
func TestBadDisk(t *testing.T) {
	for name, script := range map[string]string{
		"one file":       `head -c 3M /dev/zero > big; echo full; sleep 1000`,
		"many files":     `mkdir -p a/b/c; i=0; while [ $i -lt 300 ]; do head -c 9K /dev/zero > a/b/c/$i; i=$((i+1)); done; echo full; sleep 1000`,
		"deep":           `i=0; while [ $i -lt 80 ]; do mkdir d; cd d; i=$((i+1)); done; echo full; sleep 1000`,
		"without a name": `exec 3>file; rm file; head -c 3M /dev/zero >&3; echo full; sleep 1000`,
		"hidden":         `mkdir h; head -c 3M /dev/zero > h/big; chmod 0 h; echo full; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			s, word := spec(t, script)
			s.Limits.Disk = 2 << 20
			clock := newFakeClock()
			ch, said := child(t, Config{Spec: s, Clock: clock})
			eventually(t, "full", printed(ch, "full"))
			eventually(t, "Failed", func() bool { clock.advance(lookTime); return strings.HasPrefix(said.last(), "Failed") })
			if !strings.Contains(said.last(), "KiB on disk") {
				t.Errorf("%q", said.last())
			}
			gone(t, word)
			ch.Stop()
			if state, _, _ := ch.State(); state != Failed {
				t.Errorf("state %v", state)
			}
			_ = os.Chmod(filepath.Join(s.Dir, "h"), 0o700)
		})
	}
	t.Run("a file of forbidden size", func(t *testing.T) {
		s, _ := spec(t, `head -c 3M /dev/zero > big`)
		s.Limits.FileSize = 1 << 20
		if err := Run(t.Context(), s); err == nil {
			t.Error("3 MiB in a file that may have 1")
		}
	})
}

// TestBadOutput: a gigabyte costs neither memory nor time nor processor.
func TestBadOutput(t *testing.T) {
	size := 1 << 30
	if testing.Short() || os.Getenv(wayEnv) != "" {
		size = 8 << 20
	}
	s, word := spec(t, fmt.Sprintf(`echo first; head -c %d /dev/zero | tr '\0' x; echo; echo last; sleep 1000`, size))
	ch, _ := child(t, Config{Spec: s})
	if size == 1<<30 {
		floods(t, s.Output)
	}
	if lines := s.Output.Lines(9999); len(lines) > 200 {
		t.Errorf("%d lines", len(lines))
	}
	if size < 1<<30 {
		eventually(t, "last", printed(ch, "last"))
		if text := strings.Join(s.Output.Lines(9), "\n"); !strings.Contains(text, "bytes of output dropped]") {
			t.Errorf("no word of what was dropped: %.300q", text)
		}
	}
	ch.Stop()
	gone(t, word)
}

// floods looks at what a flood of output costs this process.
func floods(t *testing.T, o *Output) {
	t.Helper()
	eventually(t, "the flood", func() bool { return o.Dropped() > 16<<20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := selfCPU(t)
	start, from := time.Now(), o.Dropped()
	eventually(t, "more of it", func() bool { return o.Dropped() > from+8<<20 })
	took, cost := time.Since(start), selfCPU(t)-cpu
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if cost > took/2 { // measured: 2 hundredths, this test's own waiting among them
		t.Errorf("%v of CPU in %v", cost, took)
	}
	t.Logf("%d MiB dropped, then 8 more in %v for %v of CPU", from>>20, took, cost)
}

func selfCPU(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestBadDeath: one that dies at once is started again ever later, and Failed
// with its last words.
func TestBadDeath(t *testing.T) {
	s, word := spec(t, `echo "no such module: twisted"; exit 3`)
	clock := newFakeClock()
	ch, said := child(t, Config{Spec: s, Clock: clock})
	var waits []time.Duration
	for range deathsMost - 1 {
		var w time.Duration
		eventually(t, "it waits for its next start", func() bool {
			if !strings.Contains(said.last(), "next start in") {
				return false
			}
			clock.mu.Lock()
			defer clock.mu.Unlock()
			for _, a := range clock.waiting {
				if a.wait != lookTime && a.wait != killTime && a.wait > probeMost/2-1 {
					w = a.wait
				}
			}
			return w > 0
		})
		waits = append(waits, w)
		seen := len(said.all())
		<-ch.Prove() // it answers also while it waits
		clock.advance(w)
		eventually(t, "its next start", func() bool { return len(said.all()) > seen })
	}
	eventually(t, "Failed", func() bool { return strings.HasPrefix(said.last(), "Failed") })
	want := "Failed died 5 times in 10m0s, at last: exit status 3: "
	if got := said.last(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "no such module: twisted") {
		t.Errorf("%q", got)
	}
	for i, w := range waits {
		if full := waitFirst << i; w < full/2 || w > full {
			t.Errorf("wait %d was %v, want %v to %v", i, w, full/2, full)
		}
	}
	if m := ch.Metrics(); m.Restarts != deathsMost-1 || m.PID != 0 {
		t.Errorf("metrics %+v", m)
	}
	<-ch.Prove()
	ch.Stop()
	gone(t, word)
}

// TestBadPort: one that never listens is Failed after a minute.
func TestBadPort(t *testing.T) {
	s, word := spec(t, `echo up; sleep 1000`)
	port := freePort(t)
	clock := newFakeClock()
	ch, said := child(t, Config{Spec: s, Ports: []uint16{port}, Clock: clock})
	eventually(t, "up", printed(ch, "up"))
	began := clock.Now()
	eventually(t, "Failed", func() bool {
		clock.advance(time.Second)
		return strings.HasPrefix(said.last(), "Failed")
	})
	want := "Failed port " + strconv.Itoa(int(port)) + " does not answer after 1m0s: up"
	if got := said.last(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if took := clock.Now().Sub(began); took < portTime-time.Second {
		t.Errorf("after %v", took)
	}
	gone(t, word)
}

// TestBadEnd: a start that can't be is a death like another.
func TestBadEnd(t *testing.T) {
	s, _ := spec(t, "")
	s.Args[0] = "/bin/no-such-program"
	clock := newFakeClock()
	ch, said := child(t, Config{Spec: s, Clock: clock})
	eventually(t, "Failed", func() bool {
		if strings.Contains(said.last(), "next start in") {
			clock.advance(time.Second)
		}
		return strings.HasPrefix(said.last(), "Failed")
	})
	if !strings.Contains(said.last(), "no-such-program: no such file or directory") {
		t.Errorf("%q", said.last())
	}
	ch.Stop()
}

// TestLowPort: a pot that is to bind a port below 1024 can, as an ordinary user,
// and nothing else that root could.
func TestLowPort(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: no program can have more than we")
		return
	}
	s := goProgram(t, "listen", "923")
	s.Bind = []uint16{923}
	if err := os.Mkdir(s.Dir+"/go", 0o755); err != nil {
		t.Fatal(err)
	}
	ch, said := child(t, Config{Spec: s, Ports: s.Bind})
	eventually(t, "Running or dead", func() bool { return len(said.all()) > 1 })
	if said.last() != "Running" {
		t.Fatalf("%q", said.all())
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", ch.Metrics().PID))
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"CapEff", "CapPrm", "CapBnd", "CapAmb"} {
		if !strings.Contains(string(b), set+":\t0000000000000400") {
			t.Errorf("want net_bind_service alone in %s:\n%s", set, b)
		}
	}
}

// TestBadKeeper: a keeper that is killed takes the program with it: by its
// namespace, or because the node sweeps.
func TestBadKeeper(t *testing.T) {
	s, word := spec(t, `(trap '' TERM HUP; while :; do sleep 1000; done) & echo ready; wait`)
	ch, said := child(t, Config{Spec: s, Clock: newFakeClock()})
	eventually(t, "Running", func() bool { return printed(ch, "ready")() && said.last() == "Running" })
	if err := now(t, ch).process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return strings.Contains(said.last(), "next start in") })
	gone(t, word)
}
