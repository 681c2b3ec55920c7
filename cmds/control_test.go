package cmds

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// serveControl runs a control socket until the test ends or end is called.
func serveControl(t *testing.T, path string) (end func()) {
	t.Helper()
	c := &Control{Path: path, Status: func() []byte { return []byte("all is well\n") }}
	if err := c.Bind(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	end = func() { cancel(); <-done }
	t.Cleanup(end)
	return end
}

func TestControlBindBad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := filepath.Join(dir, "live")
	serveControl(t, live)
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "sock"): "no such file or directory",
		file:                               "is no socket",
		dir:                                "is no socket",
		live:                               "another node runs",
	} {
		err := (&Control{Path: path}).Bind()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "(-control)") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("the file is gone")
	}
	if err := AskStatus(io.Discard, live); err != nil {
		t.Errorf("the live one does not answer any more: %v", err)
	}
}

func TestControl(t *testing.T) {
	before := runtime.NumGoroutine()
	path := filepath.Join(t.TempDir(), "sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()

	end := serveControl(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	var b bytes.Buffer
	if err := AskStatus(&b, path); err != nil || b.String() != "all is well\n" {
		t.Errorf("%q, %v", &b, err)
	}
	for request, want := range map[string]string{
		strings.Repeat("x", 1000): "error: want one line",
		"stop\n":                  "error: the only request",
		"\n":                      "error: the only request",
		"status\r\n":              "all is well",
	} {
		if got := request1(t, path, request); !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, want %q", request, got, want)
		}
	}

	// Those who say nothing neither lock others out nor outlive the node.
	for range maxAsking - 1 {
		silent, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	if got := request1(t, path, "status\n"); got != "all is well\n" {
		t.Errorf("beside silent ones: %q", got)
	}
	end()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	if err := AskStatus(io.Discard, path); err == nil || !strings.Contains(err.Error(), "no node runs") {
		t.Errorf("nobody there: %v", err)
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
	}
}

// request1 sends a request and returns the answer; an error after it, as a
// reset because not all was read, does not matter.
func request1(t *testing.T, path, request string) string {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, request)
	b, _ := io.ReadAll(conn)
	return string(b)
}

func TestControlOff(t *testing.T) {
	c := &Control{}
	if err := c.Bind(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := AskStatus(io.Discard, ""); err == nil {
		t.Error("asked nobody without an error")
	}
}
