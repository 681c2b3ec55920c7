//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience is how long a step of any process may take.
const patience = 2 * time.Minute

// buildNode builds the node as it ships for this machine.
func buildNode(dir string) (string, error) {
	path := filepath.Join(dir, "forager")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, "forager")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, settle(path)
}

// settle has the file written to disk: until then its pages would count as
// memory that the process has written.
func settle(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// node is a running node and the Core it talks to.
type node struct {
	core *coreProcess
	cmd  *exec.Cmd
	dir  string
	log  bytes.Buffer
	gone chan error
}

// startTime is how long a node has but one CPU, and some.
const startTime = 1200 * time.Millisecond

// startNode runs a node with a Core of its own and returns when it has
// registered and started.
func startNode(b *bench, core []string, args ...string) (*node, error) {
	c, err := startCore(core...)
	if err != nil {
		return nil, err
	}
	n := &node{core: c, gone: make(chan error, 1)}
	if err := n.launch(b, args); err != nil {
		c.kill()
		return nil, err
	}
	if err := n.core.expect("up"); err != nil {
		n.stop()
		return nil, fmt.Errorf("the node did not register: %w; its log ends %q", err, n.lastLog())
	}
	time.Sleep(startTime)
	return n, nil
}

func (n *node) launch(b *bench, args []string) (err error) {
	if n.dir, err = os.MkdirTemp(filepath.Dir(b.node), "state"); err != nil {
		return err
	}
	args = append([]string{"-core", n.core.addr, "-core-dialect", "spec", "-state-dir", n.dir,
		"-control", filepath.Join(n.dir, "control"), "-node-id", "42"}, args...)
	n.cmd = exec.Command(b.node, args...)
	n.cmd.Stderr = &n.log
	n.cmd.WaitDelay = time.Second // for what a child of the node might keep open
	if b.keepLog {
		n.cmd.Stderr = io.MultiWriter(&n.log, os.Stderr)
	}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "FORAGER_") {
			n.cmd.Env = append(n.cmd.Env, e)
		}
	}
	if err := n.cmd.Start(); err != nil {
		return err
	}
	go func() { n.gone <- n.cmd.Wait() }()
	return nil
}

// lastLog is the end of what the node has said; it must have ended.
func (n *node) lastLog() string {
	s := n.log.String()
	return s[max(0, len(s)-500):]
}

func (n *node) pid() int { return n.cmd.Process.Pid }

// stop ends the node and its Core, and waits for both.
func (n *node) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.gone:
	case <-time.After(10 * time.Second):
		_ = n.cmd.Process.Kill()
		<-n.gone
	}
	n.core.kill()
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// dial connects as soon as somebody listens.
func dial(addr string) (net.Conn, error) { return dialSoon(0, addr) }

// dialFrom connects from the i-th address of 127.0.0.0/8, so that limits for
// one address do not bite.
func dialFrom(i int, addr string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i/250), byte(1+i%250))}, Timeout: patience}
	return d.Dial("tcp", addr)
}

// dialSoon is dialFrom for a pot that may not listen yet.
func dialSoon(i int, addr string) (net.Conn, error) {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := dialFrom(i, addr)
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(end) {
			return c, err
		}
	}
}
