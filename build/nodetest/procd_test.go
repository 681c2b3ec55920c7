package nodetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openWrt makes a script that runs the program where /etc and /run are those of
// an OpenWrt of the test's own, and returns the bus that listens there.
func openWrt(t *testing.T) (script string, bus *ubusd) {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // for the other user
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	etc, run := filepath.Join(dir, "etc"), filepath.Join(dir, "run")
	for _, d := range []string{etc, filepath.Join(run, "ubus")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"openwrt_release": "DISTRIB_ID='OpenWrt'\nDISTRIB_DESCRIPTION='OpenWrt 24.10.0 r28427'\n",
		"passwd":          "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n", "group": "root:x:0:\nnogroup:x:65534:\n",
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("unix", filepath.Join(run, "ubus", "ubus.sock"))
	if err != nil {
		t.Fatal(err)
	}
	bus = &ubusd{t: t, modes: make(chan byte, 64)}
	var wg sync.WaitGroup
	wg.Go(func() { bus.serve(l) })
	t.Cleanup(func() { l.Close(); wg.Wait() })
	script = filepath.Join(dir, "start")
	text := fmt.Sprintf("#!/bin/sh\nexec unshare -m --propagation private sh -c 'mount --bind %s /etc && mount --bind %s /run && exec \"$0\" \"$@\"' %s \"$@\"\n", etc, run, program)
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return script, bus
}

// ubusd answers as OpenWrt's bus and procd do: nobody but root, as whom the
// other side was when it connected, is let at the object service.
type ubusd struct {
	t     *testing.T
	modes chan byte // of each call of watchdog

	mu    sync.Mutex
	conns int
}

func (u *ubusd) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns++
		u.mu.Unlock()
		go u.talk(c.(*net.UnixConn))
	}
}

func (u *ubusd) talk(c *net.UnixConn) {
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	root := false
	_ = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		root = err == nil && cred.Uid == 0
	})
	send := func(kind byte, seq []byte, attrs string) {
		b := append([]byte{0, kind, seq[0], seq[1], 0, 0, 0, 7}, binary.BigEndian.AppendUint32(nil, uint32(4+len(attrs)))...)
		_, _ = c.Write(append(b, attrs...))
	}
	send(0, []byte{0, 0}, "")
	for {
		head := make([]byte, 12)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[8:])-4)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		status := "\x01\x00\x00\x08\x00\x00\x00\x00"
		switch _, mode, call := bytes.Cut(body, []byte("\x00\x04mode\x00\x00")); {
		case !root:
			status = "\x01\x00\x00\x08\x00\x00\x00\x06" // permission denied
		case head[1] == 4 && bytes.Contains(body, []byte("service\x00")):
			send(2, head[2:4], "\x03\x00\x00\x08\x12\x34\x56\x78")
		case head[1] == 5 && call && len(mode) >= 4 && bytes.Count(body, []byte("forager\x00")) == 2 && bytes.Contains(body, []byte("\x12\x34\x56\x78")):
			u.modes <- mode[3]
		default:
			u.t.Errorf("unexpected request %x %x", head, body)
		}
		send(1, head[2:4], status)
	}
}

// until waits for a call with this mode.
func (u *ubusd) until(mode byte) {
	u.t.Helper()
	for end := time.After(patience); ; {
		select {
		case got := <-u.modes:
			if got == mode {
				return
			}
		case <-end:
			u.t.Fatalf("no watchdog call with mode %d", mode)
		}
	}
}

// On OpenWrt procd watches the node over one connection, which outlives root's
// rights and a Restart, and the device is left to it.
func TestProcd(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, for a file system of its own")
	}
	script, bus := openWrt(t)
	c := startCore(t)
	w := c.Watch()
	state := filepath.Join(filepath.Dir(script), "state")
	n := start(t, script, "-core", c.Addr(), "-node-id", "42", "-state-dir", state, "-user", "nobody", "-watchdog", "/dev/watchdog")
	bus.until(1)
	n.says("watchdog /dev/watchdog is procd's on OpenWrt and is left to it (-watchdog)")
	until(t, w, `"Started"`)
	for _, want := range [][2]string{{"fed procd", "every 30s, "}, {"firmware", `"OpenWrt 24.10.0 r28427"`}, {"user", "65534:"}} {
		if v := n.status(want[0]); !strings.HasPrefix(v, want[1]) {
			t.Errorf("status: %s: %s, want %s", want[0], v, want[1])
		}
	}
	for len(bus.modes) > 0 {
		<-bus.modes
	}
	if err := c.Command(42, `"Restart"`); err != nil {
		t.Fatal(err)
	}
	bus.until(1) // before
	until(t, w, `"NodeRegistration"`)
	until(t, w, `"Started"`)
	bus.until(1) // and after
	if v := n.status("fed procd"); !strings.HasPrefix(v, "every 30s, ") || strings.Contains(v, "ubus") {
		t.Errorf("status after Restart: fed procd: %s", v)
	}
	n.signal(syscall.SIGTERM)
	bus.until(0)
	if code := n.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
	bus.mu.Lock()
	defer bus.mu.Unlock()
	if bus.conns != 1 {
		t.Errorf("%d connections", bus.conns)
	}
}
