//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// coreProcess is the receiver in a process of its own: its processor time must
// not mix with the node's or the senders'.
type coreProcess struct {
	addr  string
	cmd   *exec.Cmd
	stdin io.Closer
	lines chan string
}

// startCore runs this program again as the receiver.
func startCore(args ...string) (*coreProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &coreProcess{cmd: exec.Command(self, append([]string{roleCore}, args...)...), lines: make(chan string, 16)}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.read(out)
	if c.addr, err = c.line("listening"); err != nil {
		c.kill()
	}
	return c, err
}

func (c *coreProcess) read(out io.Reader) {
	defer close(c.lines)
	for s := bufio.NewScanner(out); s.Scan(); {
		c.lines <- s.Text()
	}
}

// line waits for the line that begins with word and returns its rest.
func (c *coreProcess) line(word string) (string, error) {
	end := time.After(patience)
	for {
		select {
		case l, ok := <-c.lines:
			if !ok {
				return "", errors.New("the receiver ended")
			}
			if rest, ok := strings.CutPrefix(l, word); ok {
				return strings.TrimSpace(rest), nil
			}
		case <-end:
			return "", fmt.Errorf("no %q from the receiver in %v", word, patience)
		}
	}
}

func (c *coreProcess) expect(word string) error {
	_, err := c.line(word)
	return err
}

// done waits until the receiver has all it wants, and returns when that was.
func (c *coreProcess) done() (at int64, err error) {
	s, err := c.line("done")
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(s, &at)
	return at, err
}

// report ends the receiver and returns what it found in the stream.
func (c *coreProcess) report() (r report, err error) {
	c.stdin.Close()
	s, err := c.line("report")
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(s), &r)
}

func (c *coreProcess) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
