package board

import (
	"runtime"
	"strings"
	"testing"
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
		{"WDIOC_GETSUPPORT", unix.WDIOC_GETSUPPORT, read | 40<<16 | 'W'<<8 | 0},
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
