package nodetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// hasty builds the program with a flush time of 50 ms instead of 30 s.
func hasty(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hasty")
	build := exec.Command("go", "build", "-o", path, "-ldflags", "-X main.flushTime=50ms", "forager")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// kills is how often the node is killed: 200 times with FORAGER_LONG.
func kills() int {
	switch {
	case os.Getenv("FORAGER_LONG") != "":
		return 200
	case testing.Short():
		return 5
	}
	return 25
}

// arrivals is the numbered events that reached a Core.
type arrivals struct {
	t *testing.T

	mu      sync.Mutex
	numbers map[int]bool
	ids     map[string]int
	again   int
}

// Write takes lines of events, whole ones, from Core.
func (a *arrivals) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var e struct {
			EventID string `json:"event_id"`
			Data    struct{ N int }
		}
		if err := d.Decode(&e); err == io.EOF {
			return len(b), nil
		} else if err != nil {
			a.t.Errorf("%q: %v", b, err)
			return len(b), nil
		}
		if was, twice := a.ids[e.EventID]; twice {
			a.again++
			if was != e.Data.N {
				a.t.Errorf("event_id %s is %d and %d", e.EventID, was, e.Data.N)
			}
		}
		a.ids[e.EventID] = e.Data.N
		a.numbers[e.Data.N] = true
	}
}

// await waits until all of the numbers have come.
func (a *arrivals) await(numbers []int) {
	a.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		missing := 0
		a.mu.Lock()
		for _, n := range numbers {
			if !a.numbers[n] {
				missing++
			}
		}
		a.mu.Unlock()
		if missing == 0 {
			return
		}
		if time.Now().After(end) {
			a.t.Fatalf("%d of %d events are not at Core", missing, len(numbers))
		}
	}
}

// count is how many events have come so far, and how many of them again.
func (a *arrivals) count() (came, again int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.numbers), a.again
}

// pot is a process that sends numbered lines to the intake.
type pot struct {
	n    *node
	conn net.Conn
	sent int // to this run of the node
}

func startPot(n *node) *pot {
	n.t.Helper()
	line := n.says("intake: listening on ")
	conn, err := net.Dial("tcp", line[strings.LastIndex(line, " ")+1:])
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	return &pot{n: n, conn: conn}
}

// send sends events numbered from first.
func (p *pot) send(first, count int) {
	p.n.t.Helper()
	var b []byte
	for i := range count {
		b = fmt.Appendf(b, `{"pot_id":"p","event_type":"test.event","data":{"n":%d,"fill":%q}}`+"\n", first+i, strings.Repeat("x", (first+i)%300))
	}
	if _, err := p.conn.Write(b); err != nil {
		p.n.t.Fatal(err)
	}
	p.sent += count
}

// number is the first number of a status line's value.
func (n *node) number(key, before string) (v int) {
	n.t.Helper()
	text := n.status(key)
	if i := strings.Index(text, before); before != "" && i >= 0 {
		text = text[i+len(before):]
	}
	if _, err := fmt.Sscan(text, &v); err != nil {
		n.t.Fatalf("%s: %q: %v", key, text, err)
	}
	return v
}

// onFlash is how many events the spool holds.
func (n *node) onFlash() int { return n.number("spool", "files, ") }

// await polls what only the status tells.
func (n *node) await(what string, ok func() bool) {
	n.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("waited for %s in vain", what)
		}
	}
}

// A node that is killed again and again while Core is away: all that it had on
// flash is at Core in the end, and nothing under two names.
func TestKilledWhileCoreIsAway(t *testing.T) {
	path, dir, addr := hasty(t), t.TempDir(), away(t)
	args := []string{"-node-id", "42", "-state-dir", dir, "-core", addr, "-spool-size", "64M", "-intake", away(t)}
	safe, next := []int(nil), 1
	for range kills() {
		n := start(t, path, args...)
		p := startPot(n)
		before := n.onFlash()
		first, count := next, 1+rand.N(200)
		p.send(first, count)
		n.await("the events taken in", func() bool { return n.number("events taken", "") == count })
		n.await("the flush time to pass", func() bool { return n.onFlash()-before >= count })
		next += count
		for range rand.N(20) { // and in the midst of the next ones
			p.send(next, 50)
			next += 50
		}
		n.signal(syscall.SIGKILL)
		n.ended()
		for i := range count {
			safe = append(safe, first+i)
		}
	}
	a := &arrivals{t: t, numbers: map[int]bool{}, ids: map[string]int{}}
	c, err := core.Start(core.Config{Listen: addr, Events: a})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := start(t, path, args...)
	a.await(safe)
	came, again := a.count()
	t.Logf("%d kills, %d events were on flash and are at Core, with %d that need not be, %d again",
		kills(), len(safe), came-len(safe), again)
	if lost := n.status("events dropped"); !strings.HasPrefix(lost, "0") {
		t.Logf("events dropped: %s", lost) // a batch torn by the kill: told
	}
	n.signal(syscall.SIGTERM)
	if code := n.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A stop saves what the ring holds, also long before the flush time.
func TestStopSavesTheRing(t *testing.T) {
	dir, addr := t.TempDir(), away(t)
	args := []string{"-node-id", "42", "-state-dir", dir, "-core", addr, "-spool-size", "8M", "-intake", away(t)}
	n := start(t, program, args...)
	p := startPot(n)
	const count = 3000
	p.send(1, count)
	n.await("the events taken in", func() bool { return n.number("events taken", "") == count })
	n.signal(syscall.SIGTERM)
	if code := n.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	a := &arrivals{t: t, numbers: map[int]bool{}, ids: map[string]int{}}
	c, err := core.Start(core.Config{Listen: addr, Events: a})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start(t, program, args...)
	var all []int
	for i := range count {
		all = append(all, 1+i)
	}
	a.await(all)
}

// A full file system: the node lives, says so once in the log, to Core and in
// the status; what was on flash before survives a kill.
func TestSpoolOnFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=300k,mode=0700"); err != nil {
		t.Skipf("mount: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	path, addr := hasty(t), away(t)
	args := []string{"-node-id", "42", "-state-dir", dir, "-core", addr, "-spool-size", "8M", "-intake", away(t)}
	n := start(t, path, args...)
	p := startPot(n)
	const count = 3000
	p.send(1, count)
	n.says("no space left on device")
	n.await("the events taken in", func() bool { return n.number("events taken", "") == count })
	if problem := n.status("spool problem"); !strings.Contains(problem, "no space left on device") {
		t.Errorf("status: %s", problem)
	}
	before := n.onFlash()
	if said := strings.Count(n.said(), "no space left on device"); said != 1 || before == 0 {
		t.Errorf("said %d times, %d events on flash", said, before)
	}
	a := &arrivals{t: t, numbers: map[int]bool{}, ids: map[string]int{}}
	c, err := core.Start(core.Config{Listen: addr, Events: a})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	until(t, c.Watch(), "no space left on device")
	all := []int(nil)
	for i := range count {
		all = append(all, 1+i)
	}
	a.await(all)
	n.signal(syscall.SIGKILL)
	n.ended()

	// Core forgets; the next run still has what was on flash.
	a.mu.Lock()
	clear(a.numbers)
	a.mu.Unlock()
	start(t, path, args...)
	a.await(all[:before])
}

// TestRestartKeepsEvents: without a spool too, what Core does not have when it
// has the node restart is there afterwards.
func TestRestartKeepsEvents(t *testing.T) {
	const events = 600 // more than the goodbye has time for
	a := &arrivals{t: t, numbers: make(map[int]bool), ids: make(map[string]int)}
	c, err := core.Start(core.Config{Strict: true, Events: a})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	w := c.Watch()
	n := start(t, program, "-core", c.Addr(), "-core-dialect", "core", "-node-id", "42", "-state-dir", t.TempDir(), "-intake", away(t))
	until(t, w, `"NodeEvent":"Started"`)
	var lines strings.Builder
	var numbers []int
	for i := range events {
		fmt.Fprintf(&lines, `{"eventid":"x","pot_id":"p","n":%d,"filler":"%s"}`+"\n", i, strings.Repeat("x", 1000))
		numbers = append(numbers, i)
	}
	send(t, n.intake(), lines.String())
	for n.status("events taken") != strconv.Itoa(events) {
		time.Sleep(10 * time.Millisecond)
	}
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	n.says("Core restarts this node")
	if got, _ := a.count(); got > events/2 {
		t.Errorf("%d of %d were there before the restart: nothing is tested", got, events)
	}
	a.await(numbers)
}
