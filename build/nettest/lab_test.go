// Package nettest lets the real node and devcore meet across a network of two
// namespaces that it makes itself, so that links can be cut and power can
// fail. It holds tests only, which need root.
package nettest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The two hosts; RFC 2544's benchmark addresses are nobody's.
const (
	coreAddr = "198.18.77.1"
	nodeAddr = "198.18.77.2"
	patience = 90 * time.Second
)

var programs struct{ forager, devcore string }

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if os.Getuid() != 0 {
			fmt.Println("nettest: network namespaces need root; nothing was tested")
			return 0
		}
		dir, err := os.MkdirTemp("", "nettest")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		programs.forager, programs.devcore = filepath.Join(dir, "forager"), filepath.Join(dir, "devcore")
		for out, pkg := range map[string]string{programs.forager: "forager", programs.devcore: "forager/build/devcore"} {
			build := exec.Command("go", "build", "-buildvcs=false", "-o", out, pkg)
			build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it ships: no other node can change its user
			if b, err := build.CombinedOutput(); err != nil {
				fmt.Printf("building %s: %v\n%s", pkg, err, b)
				return 1
			}
		}
		return m.Run()
	}())
}

// lab is two network namespaces, one for Core and one for the node, with a
// cable between them.
type lab struct {
	t          *testing.T
	core, node string
}

var labs atomic.Int32

func newLab(t *testing.T) *lab {
	t.Helper()
	n := fmt.Sprintf("forager-%d-%d", os.Getpid(), labs.Add(1))
	l := &lab{t: t, core: n + "-core", node: n + "-node"}
	l.ip("netns", "add", l.core)
	t.Cleanup(func() { l.try("netns", "del", l.core) })
	l.ip("-n", l.core, "link", "set", "lo", "up")
	l.addNode()
	t.Cleanup(func() { l.try("netns", "del", l.node) })
	return l
}

// addNode makes the node's host and plugs it in.
func (l *lab) addNode() {
	l.ip("netns", "add", l.node)
	l.ip("-n", l.node, "link", "set", "lo", "up")
	l.ip("-n", l.core, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", l.node)
	// The same hardware addresses each time: the neighbour's table of a real
	// Core's machine does not change when the node's power fails.
	l.ip("-n", l.core, "link", "set", "cable", "address", "02:00:00:00:77:01")
	l.ip("-n", l.node, "link", "set", "cable", "address", "02:00:00:00:77:02")
	l.ip("-n", l.core, "addr", "add", coreAddr+"/30", "dev", "cable")
	l.ip("-n", l.node, "addr", "add", nodeAddr+"/30", "dev", "cable")
	l.ip("-n", l.core, "link", "set", "cable", "up")
	l.ip("-n", l.node, "link", "set", "cable", "up")
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if b, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, b)
	}
}

func (l *lab) try(args ...string) { _ = exec.Command("ip", args...).Run() }

// in runs a program on one of the hosts and returns what it prints.
func (l *lab) in(host string, args ...string) string {
	l.t.Helper()
	b, err := exec.Command("ip", append([]string{"netns", "exec", host}, args...)...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, b)
	}
	return string(b)
}

// process is a program on one of the hosts.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of its standard output
	ended chan struct{}
}

func (l *lab) start(host, program string, args ...string) *process {
	l.t.Helper()
	p := &process{t: l.t, lines: make(chan string, 1<<16), ended: make(chan struct{})}
	// ip replaces itself by the program, so the process id is the program's.
	p.cmd = exec.Command("ip", append([]string{"netns", "exec", host, program}, args...)...)
	p.cmd.Stderr = logWriter{l.t, filepath.Base(program)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		defer close(p.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
	}()
	l.t.Cleanup(p.kill)
	return p
}

// kill ends the process at once, as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
	_ = p.cmd.Wait()
}

type logWriter struct {
	t    *testing.T
	name string
}

func (w logWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s: %s", w.name, strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

// startCore starts devcore.
func (l *lab) startCore(args ...string) *process { return l.startCoreAt(l.core, coreAddr, args...) }

func (l *lab) startCoreAt(host, addr string, args ...string) *process {
	return l.start(host, programs.devcore, append([]string{"-listen", addr + ":9001", "-backend", "127.0.0.1:9002"}, args...)...)
}

// startNode starts a node whose state outlives it.
func (l *lab) startNode(state string, args ...string) *process {
	return l.start(l.node, programs.forager, append([]string{
		"-core", coreAddr + ":9001", "-state-dir", state, "-control", filepath.Join(state, "control"),
		"-node-id", "4711", "-heartbeat", "1s", "-pot", "tcp listen=127.0.0.1:4444",
	}, args...)...)
}

// await reads lines until one holds all parts.
func (p *process) await(parts ...string) string {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("ended before it said %q", parts)
			}
			if holds(line, parts) {
				return line
			}
		case <-limit:
			p.t.Fatalf("never said %q", parts)
		}
	}
}

func holds(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// feed writes numbered lines to the node's intake from its own host, n of
// them, one each gap.
func (l *lab) feed(first, n int, gap time.Duration) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(n)*gap)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", l.node, "socat", "-u", "-", "TCP:127.0.0.1:9100,retry=50,interval=0.1")
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	for i := first; i < first+n; i++ {
		fmt.Fprintf(in, `{"eventid":"lab.number","pot_id":"lab","n":%d}`+"\n", i)
		if gap > 0 {
			time.Sleep(gap) // the rate is part of what is tested
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		l.t.Fatalf("feeding the intake: %v", err)
	}
}

// numbers gathers the numbered events from what devcore prints, in either
// dialect, until it has n of them.
func (p *process) numbers(n int) {
	p.t.Helper()
	p.complete(newTally(), n)
}

// complete adds to got until it holds n numbers.
func (p *process) complete(got tally, n int) {
	p.t.Helper()
	limit := time.After(patience)
	for len(got.seen) < n {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("Core ended with %d of %d events", len(got.seen), n)
			}
			got.add(p.t, line)
		case <-limit:
			p.t.Fatalf("%d of %d events arrived", len(got.seen), n)
		}
	}
}

// tally is which numbers have arrived, and as which event.
type tally struct {
	seen map[int]bool
	ids  map[string]int
}

func newTally() tally { return tally{make(map[int]bool), make(map[string]int)} }

func (c tally) add(t *testing.T, line string) {
	t.Helper()
	for _, e := range events(t, line) {
		if was, twice := c.ids[e.EventID]; twice && was != e.Data.N {
			t.Fatalf("event_id %s is %d and %d", e.EventID, was, e.Data.N)
		}
		c.seen[e.Data.N], c.ids[e.EventID] = true, e.Data.N
	}
}

type event struct {
	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`
	Data      struct{ N int }
}

// events are the numbered events in one line that devcore printed.
func events(t *testing.T, line string) (found []event) {
	t.Helper()
	var frame struct {
		Message json.RawMessage
	}
	var message struct {
		PotEvent  *event
		NodeEvent json.RawMessage
	}
	if json.Unmarshal([]byte(line), &frame) != nil || json.Unmarshal(frame.Message, &message) != nil {
		return nil // a frame without content
	}
	if message.PotEvent != nil {
		found = append(found, *message.PotEvent)
	}
	var alarm struct {
		Alarm struct{ Description string }
	}
	if json.Unmarshal(message.NodeEvent, &alarm) == nil && strings.HasPrefix(alarm.Alarm.Description, "[{") {
		if err := json.Unmarshal([]byte(alarm.Alarm.Description), &found); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	kept := found[:0]
	for _, e := range found {
		if e.EventType == "lab.number" {
			kept = append(kept, e)
		}
	}
	return kept
}
