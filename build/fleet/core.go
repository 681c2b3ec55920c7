package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"forager/build/devcore/core"
)

// coreEnv makes this program the Core on that address: a process of its own,
// so that killing it is what a crash is, and its memory is not counted.
const coreEnv = "FORAGER_FLEET_CORE"

// runCore serves until its standard input ends, so that it can't outlive the
// fleet.
func runCore(addr string) {
	c, err := core.Start(core.Config{Listen: addr, Keep: -1})
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet: core:", err)
		os.Exit(1)
	}
	fmt.Println(c.Addr())
	_, _ = os.Stdin.Read(make([]byte, 1))
}

type child struct {
	cmd  *exec.Cmd
	addr string
}

func startCore(addr string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), coreEnv+"="+addr)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		return nil, fmt.Errorf("core did not start: %w", err)
	}
	return &child{cmd, strings.TrimSpace(line)}, nil
}

// kill ends Core without a goodbye.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
