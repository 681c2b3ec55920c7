package board

import (
	"os"
	"path/filepath"
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
