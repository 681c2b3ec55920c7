package nodetest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"forager/board"
	"forager/build/devcore/core"
)

// A crowd: more attackers than a medium machine has places for, over all pots.
const (
	crowd        = 5000
	crowdNets    = 50 // networks that they come from
	crowdMachine = 256 << 20
	newcomers    = 50
	beat         = time.Second
	beats        = 5 // that are waited for with a full house
)

// TestCrowd: with a full house memory stays under the class's limit, newcomers
// are served, and heartbeats come in time.
func TestCrowd(t *testing.T) {
	procs := memoryGroup(t, crowdMachine)
	c := startCore(t)
	hearts, stall := watchHearts(t, c), stalls(t)
	types := []string{"telnet", "ssh", "http", "https", "cwmp", "upnp", "adb", "tcp", "catchall"}
	args := []string{"-core", c.Addr(), "-core-dialect", "spec", "-node-id", "42", "-state-dir", t.TempDir(), "-heartbeat", beat.String()}
	for _, typ := range types {
		args = append(args, "-pot", typ+" listen=127.0.0.1:0")
	}
	n := start(t, confined(t, procs), args...)
	until(t, c.Watch(), `"status":"Running"`)
	if class := n.status("memory class"); class != board.Medium.String() {
		t.Fatalf("memory class %s: the group's limit does not count", class)
	}
	var pots []string
	for _, typ := range types {
		pots = append(pots, n.address(typ))
	}
	for i := range crowd {
		p, err := dialFrom(fmt.Sprintf("127.7.%d.%d", i%crowdNets, 1+i%200), pots[i%len(pots)])
		if err != nil {
			continue // no place
		}
		defer p.Close()
		_, _ = p.Write([]byte("x"))
	}
	limits := board.Medium.Limits()
	open := n.open()
	if open < limits.Conns*3/4 {
		t.Errorf("%d connections open, want nearly %d", open, limits.Conns)
	}
	if rss := n.resident(); rss > limits.MemoryLimit {
		t.Errorf("%d KiB resident, limit %d", rss>>10, limits.MemoryLimit>>10)
	} else {
		t.Logf("%d KiB resident with %d connections", rss>>10, open)
	}
	for i := range newcomers {
		served(t, fmt.Sprintf("127.200.%d.9", i), pots[0])
	}
	last := <-hearts
	for range beats {
		next, ok := <-hearts
		if !ok || next.Sub(last) > 3*beat+stall() {
			t.Errorf("%v between two heartbeats, want %v", next.Sub(last), beat)
		}
		last = next
	}
}

// dialFrom connects from an address of 127.0.0.0/8.
func dialFrom(from, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return d.Dial("tcp", to)
}

// served fails unless a newcomer sees the telnet pot's login. In the crowd's
// first second he may be refused: then nobody has held a place for too long.
func served(t *testing.T, from, pot string) {
	t.Helper()
	var heard []byte
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if heard, err = greeting(from, pot); bytes.Contains(heard, []byte("login: ")) {
			return
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			break
		}
	}
	t.Errorf("newcomer %s: %v after %q", from, err, heard)
}

// greeting is what a pot says first.
func greeting(from, pot string) (heard []byte, err error) {
	p, err := dialFrom(from, pot)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	heard = make([]byte, 256)
	n, err := p.Read(heard)
	return heard[:n], err
}

// open adds up the open connections of all pots, asked once: those who say
// what makes no sense to a pot are on their way out.
func (n *node) open() (sum int) {
	n.t.Helper()
	out, errs, code := forager(n.t, nil, "status", "-control", n.control)
	if code != 0 {
		n.t.Fatalf("status: %s", errs)
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "pot ") {
			continue
		}
		_, rest, _ := strings.Cut(line, ", open ")
		count, _, _ := strings.Cut(rest, ",")
		k, err := strconv.Atoi(count)
		if err != nil {
			n.t.Fatalf("%q: %v", line, err)
		}
		sum += k
	}
	return sum
}

// resident is the node's memory as the kernel has it, in bytes.
func (n *node) resident() int64 {
	n.t.Helper()
	kib, ok := strings.CutSuffix(n.status("memory resident"), " KiB")
	k, err := strconv.ParseInt(kib, 10, 64)
	if !ok || err != nil {
		n.t.Fatalf("memory resident: %s", n.status("memory resident"))
	}
	return k << 10
}

// watchHearts gives the time of every heartbeat from now on.
func watchHearts(t *testing.T, c *core.Core) <-chan time.Time {
	ctx, cancel := contextWithPatience(t)
	t.Cleanup(cancel)
	w, hearts := c.Watch(), make(chan time.Time, 256)
	go func() {
		defer close(hearts)
		for {
			m, err := w.Until(ctx, core.IsKind(core.NodeStatusUpdate))
			if err != nil {
				return
			}
			hearts <- m.At
		}
	}()
	return hearts
}

// memoryGroup makes a control group that may use so many bytes, of version 1 or
// 2 (cgroups(7)), and returns the file that takes process ids.
func memoryGroup(t *testing.T, bytes int64) string {
	t.Helper()
	needRoot(t)
	for _, version := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		dir, err := os.MkdirTemp(version.root, "forager-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { removeGroup(t, dir) })
		limit, err := os.OpenFile(filepath.Join(dir, version.limit), os.O_WRONLY, 0) // the kernel made it, or nobody
		if err != nil {
			continue
		}
		_, err = limit.WriteString(strconv.FormatInt(bytes, 10))
		limit.Close()
		if err == nil {
			return filepath.Join(dir, "cgroup.procs")
		}
	}
	t.Skip("this kernel has no memory control group that a test may use")
	return ""
}

// removeGroup waits until the last process of the group is gone.
func removeGroup(t *testing.T, dir string) {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(end) {
			t.Error(err)
			return
		}
	}
}

// confined is a program that joins the group and becomes the node.
func confined(t *testing.T, procs string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "confined")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s && exec %s \"$@\"\n", procs, program)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
