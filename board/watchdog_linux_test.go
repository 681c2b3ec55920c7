package board

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's numbers of linux/watchdog.h, worked out by hand from
// asm-generic/ioctl.h and, for MIPS, from arch/mips/include/uapi/asm/ioctl.h,
// which has three bits of direction, read being 2.
func TestWatchdogNumbers(t *testing.T) {
	read := uint32(0x80000000)
	if strings.HasPrefix(runtime.GOARCH, "mips") || strings.HasPrefix(runtime.GOARCH, "ppc") {
		read = 0x40000000
	}
	tests := []struct {
		name      string
		got, want uint32
	}{
		{"WDIOC_GETSUPPORT", unix.WDIOC_GETSUPPORT, read | 40<<16 | 'W'<<8},
		{"WDIOC_GETBOOTSTATUS", unix.WDIOC_GETBOOTSTATUS, read | 4<<16 | 'W'<<8 | 2},
		{"WDIOC_KEEPALIVE", unix.WDIOC_KEEPALIVE, read | 4<<16 | 'W'<<8 | 5},
		{"WDIOC_SETTIMEOUT", wdiocSetTimeout, 0xc0000000 | 4<<16 | 'W'<<8 | 6},
		{"WDIOC_GETTIMEOUT", unix.WDIOC_GETTIMEOUT, read | 4<<16 | 'W'<<8 | 7},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s is %#x, want %#x", tt.name, tt.got, tt.want)
		}
	}
	if n := unsafe.Sizeof(unix.WatchdogInfo{}); n != 40 {
		t.Errorf("struct watchdog_info has %d bytes", n)
	}
}

// What the program before this one left open is gone on with if it is the
// device that is asked for, and stopped otherwise.
func TestWatchdogIsLeft(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(a, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	says := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(a); string(got) != want || err != nil {
			t.Errorf("the device was told %q, %v, want %q", got, err, want)
		}
	}
	f := open()
	d, err := openWatchdogDevice(a, f)
	if err != nil || d.file() != f {
		t.Fatalf("not gone on with: %v", err)
	}
	says("")
	if err := d.release(); err != nil {
		t.Error(err)
	}
	says("V")
	if err := os.Truncate(a, 0); err != nil {
		t.Fatal(err)
	}
	f = open()
	if _, err := openWatchdogDevice(b, f); err == nil {
		t.Error("a plain file is a watchdog")
	}
	says("V")
	if f.Close() == nil {
		t.Error("the other device is still open")
	}
}

func TestHeartLeaves(t *testing.T) {
	dev := &fakeDog{most: 60}
	b := &bowl{every: time.Second}
	h := &Heart{Feeds: []Feed{newWatchdog(Machine{Root: "/nowhere"}, "/dev/watchdog", dev, nil), b}}
	open := h.Leave(nil)
	if _, there := open[watchdogName]; !there || len(open) != 1 {
		t.Errorf("left open: %v", open)
	}
	if dev.feeds != 1 || len(b.meals) != 1 || dev.closed || b.closed != 0 {
		t.Errorf("device %+v, bowl %+v", dev, b)
	}
}
