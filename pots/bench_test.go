package pots

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forager/conn/ring"
)

// The benchmarks of connections run the pots in a process of their own, so
// that what the clients cost is not counted. It answers each line on its
// standard input with its CPU time in nanoseconds and its private memory in
// bytes.

// benchServer is that process.
func benchServer() {
	debug.SetGCPercent(25) // as the node sets it, see board
	r, err := ring.New(4<<20, 1)
	if err != nil {
		panic(err)
	}
	m, err := NewManager(Config{Ring: r, Limits: Limits{Conns: 4096, ConnsPerPot: 4096, ConnsPerAddr: 4096}})
	if err != nil {
		panic(err)
	}
	go drain(r)
	s, err := ParseSpec(os.Getenv("FORAGER_TEST_POT"))
	if err != nil {
		panic(err)
	}
	go m.Run(context.Background())
	<-m.Ready()
	if err := m.Configure([]Spec{s}); err != nil {
		panic(err)
	}
	fmt.Println(m.List()[0].Addr)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "memory" {
			runtime.GC()
			debug.FreeOSMemory()
		}
		fmt.Println(cpuTime(), privateBytes())
	}
}

// drain forgets events, as a session in the same process would.
func drain(r *ring.Ring) {
	b := ring.NewBatch(1 << 16)
	for {
		if r.Peek(b) == 0 {
			<-r.Ready()
			continue
		}
		r.Forget(b.Last())
	}
}

func cpuTime() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func privateBytes() int64 {
	data, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); f[0] == "Private_Dirty:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}

type benchNode struct {
	b    *testing.B
	addr string
	in   io.Writer
	out  *bufio.Scanner
}

func startBench(b *testing.B, pot string) *benchNode {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "FORAGER_TEST_POT="+pot)
	cmd.Stderr = os.Stderr
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	n := &benchNode{b: b, in: in, out: bufio.NewScanner(out)}
	n.out.Scan()
	n.addr = n.out.Text()
	return n
}

func (n *benchNode) ask(what string) (cpu, private int64) {
	fmt.Fprintln(n.in, what)
	n.out.Scan()
	if _, err := fmt.Sscan(n.out.Text(), &cpu, &private); err != nil {
		n.b.Fatal(err)
	}
	return cpu, private
}

// BenchmarkTelnetLogin measures the node's CPU time for a login session:
// connect, prompt, user, password, refusal, close; 200 clients at once.
func BenchmarkTelnetLogin(b *testing.B) {
	n := startBench(b, "telnet listen=127.0.0.1:0")
	n.logins(1000)
	before, _ := n.ask("cpu")
	b.ResetTimer()
	n.logins(b.N)
	b.StopTimer()
	after, _ := n.ask("cpu")
	b.ReportMetric(float64(after-before)/1e3/float64(b.N), "cpu-µs/session")
}

func (n *benchNode) logins(sessions int) {
	var wg sync.WaitGroup
	work := make(chan struct{}, sessions)
	for range sessions {
		work <- struct{}{}
	}
	close(work)
	for range min(200, sessions) {
		wg.Go(func() {
			for range work {
				n.login()
			}
		})
	}
	wg.Wait()
}

func (n *benchNode) login() {
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.b.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 512)
	for _, say := range []struct{ wait, send string }{
		{"login: ", "root\r\n"}, {"Password: ", "xc3511\r\n"}, {"Login incorrect", ""},
	} {
		got := 0
		for !strings.Contains(string(buf[:got]), say.wait) {
			k, err := c.Read(buf[got:])
			if err != nil {
				n.b.Errorf("want %q, got %q and %v", say.wait, buf[:got], err)
				return
			}
			got += k
		}
		if _, err := io.WriteString(c, say.send); err != nil {
			n.b.Error(err)
		}
	}
}

// BenchmarkTelnetIdle measures the node's private memory for a connection
// that has got the prompt and says nothing.
func BenchmarkTelnetIdle(b *testing.B) {
	n := startBench(b, "telnet listen=127.0.0.1:0")
	n.logins(100)
	_, before := n.ask("memory")
	const conns = 1000 // the measure, however often the benchmark would run
	for range conns {
		c, err := net.Dial("tcp", n.addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Read(make([]byte, 256)); err != nil {
			b.Fatal(err)
		}
	}
	_, now := n.ask("now")
	_, collected := n.ask("memory")
	b.ReportMetric(float64(now-before)/conns, "private-B/conn")
	b.ReportMetric(float64(collected-before)/conns, "private-B/conn-collected")
}
