package board

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// manager is a service manager's socket.
func manager(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_ = l.SetReadDeadline(time.Now().Add(20 * time.Second))
	return l
}

func hears(t *testing.T, l *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := l.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// service sets the environment of a service; empty is not set.
func service(t *testing.T, socket, usec, pid string) {
	for name, value := range map[string]string{notifySocket: socket, watchdogUsec: usec, watchdogPID: pid} {
		t.Setenv(name, value) // also puts it back
		if value == "" {
			os.Unsetenv(name)
		}
	}
	before := kept
	kept = nil
	t.Cleanup(func() { kept = before })
}

func TestFindSystemd(t *testing.T) {
	me := fmt.Sprint(os.Getpid())
	tests := []struct {
		name, socket, usec, pid string
		err                     bool
		there                   bool
		every                   time.Duration
	}{
		{name: "a vsock", socket: "vsock:2:1", usec: "1", err: true},
		{name: "too short", socket: "@", err: true},
		{name: "watchdog without a number", socket: "/x", usec: "soon", err: true, there: true},
		{name: "negative", socket: "/x", usec: "-5", err: true, there: true},
		{name: "no service", usec: "30000000"},
		{name: "another's watchdog", socket: "/x", usec: "30000000", pid: "1", there: true},
		{name: "off", socket: "/x", usec: "0", err: true, there: true},
		{name: "no watchdog", socket: "/x", there: true},
		{name: "watchdog", socket: "/x", usec: "30000000", pid: me, there: true, every: 15 * time.Second},
		{name: "watchdog of whoever is started", socket: "@x", usec: "3000000", there: true, every: 1500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			service(t, tt.socket, tt.usec, tt.pid)
			s, err := FindSystemd()
			if (err != nil) != tt.err || (s != nil) != tt.there {
				t.Fatalf("got %+v, %v", s, err)
			}
			if s != nil && s.Every() != tt.every {
				t.Errorf("fed every %v, want %v", s.Every(), tt.every)
			}
			if want := map[bool]int{true: 1}[tt.every > 0]; len(s.Feeds()) != want {
				t.Errorf("%d feeds", len(s.Feeds()))
			}
			for _, name := range []string{notifySocket, watchdogUsec, watchdogPID} {
				if v, there := os.LookupEnv(name); there {
					t.Errorf("children get %s=%s", name, v)
				}
			}
			if tt.socket != "" && !slices.Contains(kept, notifySocket+"="+tt.socket) {
				t.Errorf("Replace passes on %q", kept)
			}
		})
	}
}

func TestSystemdHears(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "notify"), fmt.Sprintf("@forager-test-%d", os.Getpid())} {
		l := manager(t, path)
		service(t, path, "2000000", "")
		s, err := FindSystemd()
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			do   func() error
			want string
		}{
			{s.Ready, "READY=1"},
			{func() error { return s.Status("all\nREADY=0") }, "STATUS=all READY=0"},
			{s.Feed, "WATCHDOG=1"},
			{s.Stopping, "STOPPING=1"},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if got := hears(t, l); got != step.want {
				t.Errorf("%s: got %q, want %q", path, got, step.want)
			}
		}
		before := monotonic() / 1000
		if err := s.Reloading(); err != nil {
			t.Fatal(err)
		}
		var at int64
		got := hears(t, l)
		if n, _ := fmt.Sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%d", &at); n != 1 || at < before || at > monotonic()/1000 {
			t.Errorf("reloading: %q, the clock says %d", got, before)
		}
	}
}

// systemd may be gone for a moment, and have a new socket afterwards.
func TestSystemdComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l := manager(t, path)
	service(t, path, "", "")
	s, err := FindSystemd()
	if err != nil || s.Ready() != nil {
		t.Fatal(err)
	}
	hears(t, l)
	l.Close()
	os.Remove(path)
	if err := s.Feed(); err == nil || !strings.HasPrefix(err.Error(), "systemd: ") {
		t.Errorf("nobody there: %v", err)
	}
	l = manager(t, path)
	if err := s.Feed(); err != nil {
		t.Fatal(err)
	}
	if got := hears(t, l); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	var none *Systemd
	if none.Ready() != nil || none.Status("x") != nil || none.Reloading() != nil || none.Stopping() != nil || none.Feeds() != nil {
		t.Error("no systemd says something")
	}
}
