package pots

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"forager/conn/ring"
)

// intakeSlow is whether this is an emulated processor, or a hurry: counts
// stay small then.
var intakeSlow = runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64"

func intakeScale(n int) int {
	if intakeSlow || intakeRace || testing.Short() {
		return n / 20
	}
	return n
}

func intakeFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(all)
}

// intakeReturns checks, at the test's end, that nothing was left behind.
func intakeReturns(t *testing.T) {
	t.Helper()
	files, routines := intakeFiles(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		intakeEventually(t, "goroutines and descriptors are back", func() bool {
			return intakeFiles(t) <= files && runtime.NumGoroutine() <= routines
		})
	})
}

func TestIntakeOffAndTaken(t *testing.T) {
	intakeReturns(t)
	ctx, cancel := context.WithCancel(t.Context())
	off := NewIntake(IntakeConfig{})
	done := make(chan error, 2)
	go func() { done <- off.Run(ctx) }()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told := make(chan string, 1)
	taken := NewIntake(IntakeConfig{Listen: l.Addr().String(), OnError: func(s string) { told <- s }})
	if err := taken.Bind(ctx); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "(-intake)") {
		t.Errorf("Bind: %v", err)
	}
	go func() { done <- taken.Run(ctx) }()
	if s := <-told; !strings.Contains(s, "(-intake)") {
		t.Errorf("told %q", s)
	}
	if taken.Stats().Addr != "" || taken.Addr() != nil {
		t.Error("an address without a listener")
	}
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A line without an end is read in bounded memory, and the next one counts.
func TestIntakeEndlessLine(t *testing.T) {
	intakeReturns(t)
	f := startIntake(t, 1<<20, nil)
	c := f.dial()
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	chunks := intakeScale(100)
	for range chunks {
		if _, err := c.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(c, "\n{\"pot_id\":\"next\"}")
	f.hangUp(c)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(chunks)<<20/4 && !intakeRace {
		t.Errorf("allocated %d bytes", grown)
	}
	if got := f.taken(); len(got) != 1 || got[0].ID != "next" || f.Stats().TooLong != 1 {
		t.Errorf("got %+v, %+v", got, f.Stats())
	}
	f.stop()
}

// hostReset is ECONNRESET as qemu-user gives it to MIPS programs: SO_ERROR has
// the number of the machine it runs on.
const hostReset = syscall.Errno(104)

// Connections that stay are bounded; those beyond are refused and counted,
// and there is room again when some have gone.
func TestIntakeManyThatStay(t *testing.T) {
	intakeReturns(t)
	told := make(chan string, 1)
	f := startIntake(t, 1<<20, func(c *IntakeConfig) {
		c.MaxConns, c.Grace = 8, time.Millisecond
		c.OnError = func(s string) { told <- s }
	})
	conns := make([]*net.TCPConn, intakeScale(2000))
	for i := range conns {
		c, err := net.Dial("tcp", f.Addr().String())
		if err == nil {
			conns[i] = c.(*net.TCPConn)
		} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, hostReset) { // refused so fast
			t.Fatal(err)
		}
	}
	intakeEventually(t, "all are accepted or refused", func() bool {
		s := f.Stats()
		return s.Accepted == 8 && s.Refused == uint64(len(conns)-8) && s.Open == 8
	})
	if s := <-told; !strings.Contains(s, "8 are open") {
		t.Errorf("told %q", s)
	}
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	intakeEventually(t, "they are gone", func() bool { return f.Stats().Open == 0 })
	f.send(`{"pot_id":"a"}`)
	if got := f.taken(); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
	f.stop()
}

// A connection that waits holds no buffer: 3 to 4 KB, the test's own side
// included.
func TestIntakeIdleIsSmall(t *testing.T) {
	intakeReturns(t)
	n := max(intakeScale(1000), 300)
	f := startIntake(t, 1<<20, func(c *IntakeConfig) { c.MaxConns = n + 1 })
	f.send("{}\n")
	before := intakeMemory()
	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conns[i] = f.dial()
		io.WriteString(conns[i], "{\"a\":\"b\"}\n")
	}
	intakeEventually(t, "all are served", func() bool { return f.Stats().Events == uint64(n+1) })
	if each := int(intakeMemory()-before) / n; each > 5<<10 && !intakeRace {
		t.Errorf("%d bytes a connection", each)
	} else {
		t.Logf("%d bytes a connection", each)
	}
	for _, c := range conns {
		c.Close()
	}
	f.stop()
}

// intakeMemory is the heap in use without garbage, and the stacks.
func intakeMemory() int64 {
	var m runtime.MemStats
	for range 3 { // pools let go at the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// A burst of connections with one line each loses none, although far more
// come at once than may be open.
func TestIntakeBurstOfConnections(t *testing.T) {
	intakeReturns(t)
	f := startIntake(t, 1<<20, func(c *IntakeConfig) { c.MaxConns, c.Grace = 8, time.Minute })
	n := intakeScale(2000)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { f.send(`{"pot_id":"a","eventid":"b.c"}`) })
	}
	wg.Wait()
	if got := f.taken(); len(got) != n || f.Stats().Refused != 0 {
		t.Errorf("%d events of %d, %+v", len(got), n, f.Stats())
	}
	f.stop()
}

// At the end everything that reached the node's kernel is taken, a line
// without its newline too.
func TestIntakeStopTakesTheRest(t *testing.T) {
	intakeReturns(t)
	f := startIntake(t, 1<<20, nil)
	c := f.dial()
	io.WriteString(c, "{}\n")
	intakeEventually(t, "the connection is served", func() bool { return f.Stats().Lines == 1 })
	io.WriteString(c, strings.Repeat("{\"a\":\"bcd\"}\n", 1000)+`{"pot_id":"last"}`)
	f.stop()
	got := f.taken()
	if len(got) != 1002 || got[1001].ID != "last" {
		t.Errorf("%d events", len(got))
	}
	if _, err := net.Dial("tcp", f.Addr().String()); err == nil {
		t.Error("still listening")
	}
}

// While a session drains the ring, the intake reads no faster than it does.
func TestIntakeWaitsForRoom(t *testing.T) {
	intakeReturns(t)
	f := startIntake(t, ring.MinSize, func(c *IntakeConfig) { c.Wait = time.Hour })
	f.ring.SetLive(true)
	line := `{"pot_id":"a","x":"` + strings.Repeat("y", 500) + "\"}\n"
	const n = 5000 // ten rings full
	var wrote atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		f.send(strings.Repeat(line, n))
		wrote.Store(true)
	})
	got := 0
	intakeEventually(t, "all lines arrived", func() bool {
		got += len(f.taken())
		return wrote.Load() && f.ring.Stats().Unread == 0
	})
	wg.Wait()
	if lost := f.ring.Lost().All(); got != n || lost != 0 {
		t.Errorf("%d of %d, %d lost", got, n, lost)
	}
	f.stop()
}

// A session that drains nothing does not stop the honeypots for ever, and
// the end does not wait for it.
func TestIntakeStopsWhileCrowded(t *testing.T) {
	intakeReturns(t)
	f := startIntake(t, ring.MinSize, func(c *IntakeConfig) { c.Wait = time.Hour })
	f.ring.SetLive(true)
	c := f.dial()
	var wg sync.WaitGroup
	wg.Go(func() { io.WriteString(c, strings.Repeat("{\"pot_id\":\"abcdefgh\"}\n", 1<<20)) })
	intakeEventually(t, "the ring is crowded", func() bool { return f.ring.Stats().Used > ring.MinSize/2 })
	f.stop()
	wg.Wait()
}

func TestIntakeTakesLinesWithoutAllocating(t *testing.T) {
	f := startIntake(t, 1<<20, nil)
	all := intakeCorpus(t)[:intakeBatch]
	var e feed
	e.in, e.ctx = f.Intake, t.Context()
	e.buf = newIntakeBuffer(len(intakeSizes) - 1)
	e.size = e.buf.size
	if n := testing.AllocsPerRun(100, func() {
		e.n = copy(e.buf.bytes[e.held:], all)
		e.take()
		e.held = 0
	}); n != 0 {
		t.Errorf("%v allocations a read, want 0", n)
	}
	if f.Stats().Events == 0 {
		t.Error("no events")
	}
}

const intakeBatch = 40 << 10

// BenchmarkIntakeTake is what one line costs from the read to the ring.
func BenchmarkIntakeTake(b *testing.B) {
	r, err := ring.New(4<<20, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	all := intakeCorpus(b)
	var f feed
	f.in, f.ctx = NewIntake(IntakeConfig{Ring: r}), b.Context()
	f.buf = newIntakeBuffer(len(intakeSizes) - 1)
	batch := ring.NewBatch(1 << 20)
	b.ReportAllocs()
	b.SetBytes(int64(len(all) / 4132))
	for at := 0; int(f.in.count.lines.Load()) < b.N; {
		f.n = copy(f.buf.bytes[f.held:], all[at:])
		f.take()
		if at += f.n; at == len(all) {
			b.StopTimer()
			at = 0
			for r.Peek(batch) > 0 {
				r.Forget(batch.Last())
			}
			b.StartTimer()
		}
	}
}

// BenchmarkIntakeSocket is what one line costs both sides of a socket
// together; nobody reads the ring.
func BenchmarkIntakeSocket(b *testing.B) {
	r, err := ring.New(16<<20, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	in := NewIntake(IntakeConfig{Listen: "127.0.0.1:0", Ring: r})
	if err := in.Bind(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = in.Run(ctx) })
	all := intakeCorpus(b)
	c, err := net.Dial("tcp", in.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(all) / 4132))
	b.ResetTimer()
	for n := 0; n < b.N; n += 4132 {
		if _, err := c.Write(all); err != nil {
			b.Fatal(err)
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
	b.StopTimer()
	c.Close()
	cancel()
	wg.Wait()
	b.ReportMetric(float64(in.Stats().Events)/float64(b.N), "events/line")
}
