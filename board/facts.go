package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func (m Machine) path(p string) string { return filepath.Join(m.Root, p) }

// OpenWrt tells whether this is OpenWrt, whose procd is the first process.
func (m Machine) OpenWrt() bool {
	if _, err := os.Stat(m.path("/etc/openwrt_release")); err == nil {
		return true
	}
	name, err := readFact(m.path("/proc/1/comm"))
	return err == nil && strings.TrimSpace(name) == "procd"
}

// Facts are what an operator of many boards wants to know of each. What can't
// be read is empty or nil.
type Facts struct {
	Model       string
	Firmware    string
	Kernel      string
	Load        string   // the averages of 1, 5 and 15 minutes (proc(5))
	Temperature *float64 // degrees Celsius, of the hottest zone
	Free, Size  int64    // bytes of the state directory's file system
}

// Facts reads them anew.
func (m Machine) Facts(stateDir string) Facts {
	f := Facts{Model: m.Model(), Firmware: m.firmware(), Kernel: m.fact("/proc/sys/kernel/osrelease"), Temperature: m.temperature()}
	if load := strings.Fields(m.fact("/proc/loadavg")); len(load) >= 3 {
		f.Load = strings.Join(load[:3], " ")
	}
	f.Free, f.Size = space(stateDir)
	return f
}

// Model is what the board calls itself: the device tree, OpenWrt's name for it
// (/tmp/sysinfo), or the DMI table. It is empty when nothing tells.
func (m Machine) Model() string {
	for _, p := range []string{"/proc/device-tree/model", "/tmp/sysinfo/model"} {
		if s := m.fact(p); s != "" {
			return s
		}
	}
	return strings.TrimSpace(m.fact("/sys/class/dmi/id/sys_vendor") + " " + m.fact("/sys/class/dmi/id/product_name"))
}

// firmware is the distribution's name for what runs (os-release(5); OpenWrt's
// own file says more).
func (m Machine) firmware() string {
	for _, f := range []struct{ path, key string }{
		{"/etc/openwrt_release", "DISTRIB_DESCRIPTION="}, {"/etc/os-release", "PRETTY_NAME="}, {"/usr/lib/os-release", "PRETTY_NAME="},
	} {
		text, err := readFact(m.path(f.path))
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, f.key); ok {
				return strings.Trim(word(value), `'"`)
			}
		}
	}
	return ""
}

// Zones beyond these are none: sensors that are not connected show such values.
const coldest, hottest = -60_000, 200_000 // thousandths of a degree

// temperature is that of the hottest zone (Documentation/driver-api/thermal/
// sysfs-api.rst).
func (m Machine) temperature() *float64 {
	list, _ := filepath.Glob(m.path("/sys/class/thermal/thermal_zone*/temp"))
	var most *float64
	for _, path := range list {
		text, err := readFact(path)
		if err != nil {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if degrees := float64(n) / 1000; err == nil && n > coldest && n < hottest && (most == nil || degrees > *most) {
			most = &degrees
		}
	}
	return most
}

// Warmth is the temperature in words.
func (f *Facts) Warmth() string {
	if f.Temperature == nil {
		return "unknown"
	}
	return strconv.FormatFloat(*f.Temperature, 'f', 1, 64) + " C"
}

// Room is the free space in words.
func (f *Facts) Room() string {
	if f.Size == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d of %d KiB", f.Free>>10, f.Size>>10)
}

// Line makes one line of all, of at most some 400 bytes; class and cause are
// what else is known of the machine.
func (f *Facts) Line(class Class, cause string) string {
	return fmt.Sprintf("facts: model %q, firmware %q, kernel %q, temperature %s, load %s, free flash %s, memory class %v, last boot by %s",
		or(f.Model, "unknown"), or(f.Firmware, "unknown"), or(f.Kernel, "unknown"), f.Warmth(), or(f.Load, "unknown"), f.Room(), class,
		or(cause, "unknown"))
}

// maxWord is how many bytes of a fact are kept: firmware can say anything.
const maxWord = 80

// fact reads one line of text. Device trees end it with a NUL.
func (m Machine) fact(path string) string {
	text, err := readFact(m.path(path))
	if err != nil {
		return ""
	}
	return word(text)
}

// word makes one printable line of what a file said.
func word(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return -1
		}
		return r
	}, text)
	if len(text) > maxWord {
		text = strings.ToValidUTF8(text[:maxWord], "")
	}
	return strings.TrimSpace(text)
}
