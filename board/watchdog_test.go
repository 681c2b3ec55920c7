package board

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeDog is a device with a driver's limits.
type fakeDog struct {
	options   uint32
	identity  string
	infoErr   error
	boot      uint32
	bootErr   error
	most      int // seconds; more is refused
	secs      int
	setErr    error
	getErr    error
	feeds     int
	asked     []int
	magic     bool
	closed    bool
	keepErr   error
	releaseEr error
}

func (d *fakeDog) support() (uint32, string, error) { return d.options, d.identity, d.infoErr }
func (d *fakeDog) bootStatus() (uint32, error)      { return d.boot, d.bootErr }
func (d *fakeDog) timeout() (int, error)            { return d.secs, d.getErr }
func (d *fakeDog) keepAlive() error                 { d.feeds++; return d.keepErr }
func (d *fakeDog) release() error                   { d.magic, d.closed = true, true; return d.releaseEr }
func (d *fakeDog) file() *os.File                   { return nil }
func (d *fakeDog) setTimeout(s int) error {
	d.asked = append(d.asked, s)
	if d.setErr != nil {
		return d.setErr
	}
	if s > d.most {
		return errors.New("invalid argument")
	}
	d.secs = s
	return nil
}

// root makes a file system of files.
func root(t *testing.T, files map[string]string) Machine {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Machine{Root: dir}
}

func TestWatchdogTimeout(t *testing.T) {
	tests := []struct {
		name  string
		dev   fakeDog
		files map[string]string
		asked []int
		every time.Duration
		said  string
	}{
		{name: "tells nothing", dev: fakeDog{infoErr: errors.New("no"), setErr: errors.New("not supported"), getErr: errors.New("no")},
			asked: []int{60, 30, 15}, every: 5 * time.Second, said: "taking it for 10 s"},
		{name: "keeps its own", dev: fakeDog{identity: "fixed", setErr: errors.New("not supported"), secs: 8},
			asked: []int{60, 30, 15}, every: 4 * time.Second, said: "it keeps its own"},
		{name: "takes less", dev: fakeDog{identity: "short", most: 16},
			asked: []int{60, 30, 15}, every: 7500 * time.Millisecond, said: "after 15 s"},
		{name: "softdog", dev: fakeDog{identity: "Software Watchdog", most: 65535, options: wdMagicClose},
			asked: []int{60}, every: 30 * time.Second, said: `"Software Watchdog": resets this machine after 60 s`},
		{name: "a Pi by its driver", dev: fakeDog{identity: "Broadcom BCM2835 Watchdog timer", most: 65535},
			asked: []int{15}, every: 7500 * time.Millisecond},
		{name: "a Pi by its name", dev: fakeDog{identity: "x", most: 65535},
			files: map[string]string{"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\x00"}, asked: []int{15}, every: 7500 * time.Millisecond},
		{name: "no magic close", dev: fakeDog{most: 99}, asked: []int{60}, every: 30 * time.Second, said: "knows no magic close"},
		{name: "no way out", dev: fakeDog{most: 99, options: wdMagicClose}, files: map[string]string{"sys/class/watchdog/watchdog0/nowayout": "1\n"},
			asked: []int{60}, every: 30 * time.Second, said: "can't be stopped (nowayout)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			w := newWatchdog(root(t, tt.files), "/dev/watchdog", &tt.dev, NewLog(&log, LevelInfo))
			if len(tt.dev.asked) != len(tt.asked) || tt.dev.asked[0] != tt.asked[0] {
				t.Errorf("asked for %v s, want %v", tt.dev.asked, tt.asked)
			}
			if w.Every() != tt.every {
				t.Errorf("fed every %v, want %v", w.Every(), tt.every)
			}
			if !strings.Contains(log.String(), tt.said) {
				t.Errorf("%q is missing in the log:\n%s", tt.said, &log)
			}
		})
	}
}

func TestWatchdogCleanStop(t *testing.T) {
	for _, nowayout := range []string{"0\n", "1\n"} {
		dev := &fakeDog{most: 60, options: wdMagicClose}
		w := newWatchdog(root(t, map[string]string{"sys/class/watchdog/watchdog1/nowayout": nowayout}), "/dev/watchdog1", dev, nil)
		if err := w.Feed(); err != nil || dev.feeds != 1 {
			t.Errorf("fed %d times: %v", dev.feeds, err)
		}
		err := w.Close()
		if !dev.magic || !dev.closed || dev.feeds != 2 {
			t.Errorf("closed without a last meal and the magic: %+v", dev)
		}
		if stays := nowayout[0] == '1'; stays != (err != nil && strings.Contains(err.Error(), "resets in 60 s")) {
			t.Errorf("nowayout %q: %v", nowayout, err)
		}
	}
}

func TestBootCause(t *testing.T) {
	tests := []struct {
		status uint32
		err    error
		want   string
	}{
		{0, nil, ""},
		{0x8000, nil, ""}, // keepalive seen: no cause
		{0x20, errors.New("not supported"), ""},
		{0x20, nil, "the watchdog"},
		{0x31, nil, "the watchdog, overheating, low voltage"},
	}
	for _, tt := range tests {
		w := newWatchdog(Machine{Root: "/nowhere"}, "/dev/watchdog", &fakeDog{boot: tt.status, bootErr: tt.err}, nil)
		if got, ok := w.BootCause(); got != tt.want || ok != (tt.want != "") {
			t.Errorf("status %#x, %v: %q, %v, want %q", tt.status, tt.err, got, ok, tt.want)
		}
	}
	m := root(t, map[string]string{"sys/class/watchdog/watchdog0/bootstatus": "0\n", "sys/class/watchdog/watchdog1/bootstatus": "32\n"})
	if got, ok := m.BootCause(); got != "the watchdog" || !ok {
		t.Errorf("from /sys: %q, %v", got, ok)
	}
	if got, ok := root(t, map[string]string{"sys/class/watchdog/watchdog0/bootstatus": "x"}).BootCause(); ok {
		t.Errorf("from a broken /sys: %q", got)
	}
}

// What can't be fed is told with what to do instead. No device of this machine
// is opened: the files are no devices.
func TestOpenWatchdogRefuses(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		files map[string]string
		path  string
		want  string
	}{
		{"OpenWrt", map[string]string{"etc/openwrt_release": "DISTRIB_ID='OpenWrt'\n"}, plain, "is procd's on OpenWrt"},
		{"procd", map[string]string{"proc/1/comm": "procd\n"}, plain, "is procd's on OpenWrt"},
		{"not there", nil, plain + ".none", "its driver may not be loaded"},
		{"no device", map[string]string{"proc/1/comm": "init\n"}, plain, "is no watchdog device"},
	}
	for _, tt := range tests {
		w, err := OpenWatchdog(root(t, tt.files), tt.path, nil)
		if w != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "(-watchdog)") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	var none *Watchdog
	if _, ok := none.BootCause(); ok {
		t.Error("no watchdog knows a cause")
	}
}
