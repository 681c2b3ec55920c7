package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asDevcore makes the test binary be devcore: what runs is then the real main.
const asDevcore = "DEVCORE_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asDevcore) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func devcore(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asDevcore+"=1")
	return cmd
}

const (
	hello = `{"version":2,"message":{"NodeRegistration":{"node_id":42,"node_name":"n","address":"0.0.0.0","port":1,"node_type":"Full"}}}`
	body  = `{"node_id":42,"pot_id":"p","pot_type":"t","event_type":"t.x","timestamp":"2026-01-15T10:30:00Z","data":{}}`
	event = `{"version":2,"message":{"PotEvent":` + body + `}}`
	drop  = `{"version":2,"message":"NodeDrop"}`
)

func TestPrintsWhatItAccepts(t *testing.T) {
	eventsFile := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(eventsFile, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := devcore("-listen", "127.0.0.1:0", "-backend", "127.0.0.1:0", "-events", eventsFile)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	var nodes string
	if _, scanErr := fmt.Sscanf(first, "devcore: nodes on %s", &nodes); err != nil || scanErr != nil {
		t.Fatalf("first line %q: %v, %v", first, err, scanErr)
	}
	node, err := net.Dial("tcp", strings.TrimSuffix(nodes, ","))
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	_ = node.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(node, "%s\nrubbish\n%s\n%s\n", hello, event, drop)
	if got, err := io.ReadAll(node); err != nil || !strings.Contains(string(got), "RegistrationAck") {
		t.Errorf("node read %q, %v", got, err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "3 messages accepted, 1 refused, 1 pot events") {
		t.Errorf("stderr %s, %v", rest, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got, want := stdout.String(), hello+"\n"+event+"\n"+drop+"\n"; got != want {
		t.Errorf("stdout %s", got)
	}
	if got, err := os.ReadFile(eventsFile); err != nil || string(got) != "before\n"+body+"\n" {
		t.Errorf("events %s, %v", got, err)
	}
}

func TestWrongUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	free := []string{"-listen", "127.0.0.1:0", "-backend", "127.0.0.1:0"}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"-nonsense"}, 2, "-nonsense"},
		{[]string{"extra"}, 2, "no arguments"},
		{[]string{"-tls-cert", "x"}, 2, "-tls-key"},
		{[]string{"-tls-client-ca", "x"}, 2, "-tls-client-ca"},
		{[]string{"-listen", addr}, 1, addr},
		{[]string{"-listen", "127.0.0.1:0", "-backend", addr}, 1, addr},
		{append(free, "-totp", "!"), 1, "totp"},
		{append(free, "-events", filepath.Join(t.TempDir(), "no", "file")), 1, "-events"},
		{append(free, "-tls-cert", "/nonexistent", "-tls-key", "/nonexistent"), 1, "certificate"},
		{[]string{"-help"}, 0, "-strict"},
	} {
		out, err := devcore(c.args...).CombinedOutput()
		code := 0
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: exit %d, %s", c.args, code, out)
		}
	}
}
