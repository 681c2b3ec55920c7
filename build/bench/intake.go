//go:build linux

package main

import (
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"
)

const intakePeers = "rsyslog 7.5 (JSON), 2.5 (unread); syslog-ng 25; existing Go node 15.9, losing; socat 0.22"

// flow is what one run of a program in the middle took.
type flow struct {
	cpu  float64 // microseconds a line
	rate float64 // lines a second
}

// measureIntake sends lines to the intake and waits for their frames at Core,
// in turn with socat relaying the same bytes without a look at them.
func measureIntake(b *bench) ([]row, error) {
	const full = 500_000
	n := b.count(full)
	l, err := newLoad(b.corpus, n)
	if err != nil {
		return nil, err
	}
	var node, relay []flow
	for range b.runs {
		f, err := intakeRun(b, l, n)
		if err != nil {
			return nil, err
		}
		node = append(node, f)
		if f, err = socatRun(l, n); err != nil {
			return nil, err
		}
		relay = append(relay, f)
	}
	cpu, rate := best(node)
	socatCPU, socatRate := best(relay)
	here := fmt.Sprintf("socat in this run: %s, %s lines/s", figure(socatCPU), figure(socatRate))
	ratio := rate / socatRate
	return []row{
		limit(fmt.Sprintf("intake to Core, %d lines of %d bytes: CPU a line", n, l.size/n), cpu, 1.4, "µs", intakePeers),
		{"its lines a second, and against socat", fmt.Sprintf("%s, %s of socat", figure(rate), figure(ratio)), "at least 0.3 of socat", ratio >= 0.3, here},
	}, nil
}

// best is the run that the machine's other work disturbed least.
func best(runs []flow) (cpu, rate float64) {
	cpu = runs[0].cpu
	for _, f := range runs {
		cpu, rate = min(cpu, f.cpu), max(rate, f.rate)
	}
	return cpu, rate
}

func intakeRun(b *bench, l *load, n int) (flow, error) {
	addr, err := freeAddr()
	if err != nil {
		return flow{}, err
	}
	receiver := []string{"-want", strconv.Itoa(n), "-corpus", b.corpus, "-touch", strconv.Itoa(2*l.size + 1<<20)}
	nd, err := startNode(b, receiver, "-intake", addr)
	if err != nil {
		return flow{}, err
	}
	defer nd.stop()
	c, err := dial(addr)
	if err != nil {
		return flow{}, err
	}
	f, err := through(nd.pid(), nd.core, c, l, n)
	if err != nil {
		return f, err
	}
	rep, err := nd.core.report()
	if err == nil {
		err = rep.check(n)
	}
	return f, err
}

// socatRun has socat relay the same bytes to the same receiver.
func socatRun(l *load, n int) (flow, error) {
	addr, err := freeAddr()
	if err != nil {
		return flow{}, err
	}
	core, err := startCore("-raw", "-want", strconv.Itoa(l.size), "-touch", strconv.Itoa(l.size+1<<20))
	if err != nil {
		return flow{}, err
	}
	defer core.kill()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("socat", "-b", "65536", "TCP-LISTEN:"+port+",bind=127.0.0.1,reuseaddr", "TCP:"+core.addr)
	if err := cmd.Start(); err != nil {
		return flow{}, fmt.Errorf("socat: %w (Debian's package socat)", err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	c, err := dial(addr)
	if err != nil {
		return flow{}, err
	}
	return through(cmd.Process.Pid, core, c, l, n)
}

// through sends the load and measures the process in the middle until the
// receiver has it all.
func through(pid int, core *coreProcess, c net.Conn, l *load, n int) (flow, error) {
	defer c.Close()
	before, err := cpuTime(pid)
	if err != nil {
		return flow{}, err
	}
	start := monotonic()
	if err := l.writeTo(c); err != nil {
		return flow{}, fmt.Errorf("sending: %w", err)
	}
	end, err := core.done()
	if err != nil {
		return flow{}, err
	}
	after, err := cpuTime(pid)
	if err != nil {
		return flow{}, err
	}
	return flow{
		cpu:  float64(after-before) / float64(time.Microsecond) / float64(n),
		rate: float64(n) / (float64(end-start) / float64(time.Second)),
	}, nil
}
