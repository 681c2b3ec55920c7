package board

import (
	"strings"
	"testing"
)

func TestFacts(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string // of the line, up to the flash
	}{
		{"nothing to read", nil, `model "unknown", firmware "unknown", kernel "unknown", temperature unknown, load unknown, free flash `},
		{"rubbish", map[string]string{
			"proc/device-tree/model": "\x00\x01\n", "etc/os-release": "PRETTY\n\xff", "proc/loadavg": "1\n",
			"sys/class/thermal/thermal_zone0/temp": "hot", "sys/class/thermal/thermal_zone1/temp": "-274000", "proc/sys/kernel/osrelease": "6\x1b[2J\"\r\n7",
		}, `model "unknown", firmware "unknown", kernel "6[2J\"", temperature unknown, load unknown, free flash `},
		{"too long", map[string]string{"tmp/sysinfo/model": strings.Repeat("ä", 60)},
			`model "` + strings.Repeat("ä", 40) + `", firmware `},
		{"a router with OpenWrt", map[string]string{
			"tmp/sysinfo/model":          "TP-Link Archer C7 v2\n",
			"etc/openwrt_release":        "DISTRIB_ID='OpenWrt'\nDISTRIB_DESCRIPTION='OpenWrt 24.10.0 r28427-6df0e3d02a'\n",
			"etc/os-release":             "PRETTY_NAME=\"OpenWrt 24.10.0\"\n",
			"proc/sys/kernel/osrelease":  "6.6.73\n",
			"proc/loadavg":               "0.12 0.05 0.01 1/61 2044\n",
			"sys/class/thermal/x/nothng": "",
		}, `model "TP-Link Archer C7 v2", firmware "OpenWrt 24.10.0 r28427-6df0e3d02a", kernel "6.6.73", temperature unknown, load 0.12 0.05 0.01, free flash `},
		{"a Raspberry Pi", map[string]string{
			"proc/device-tree/model":               "Raspberry Pi Zero 2 W Rev 1.0\x00",
			"etc/os-release":                       "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Raspbian GNU/Linux 12 (bookworm)\"\n",
			"sys/class/thermal/thermal_zone0/temp": "48312\n", "sys/class/thermal/thermal_zone1/temp": "51540\n", "sys/class/thermal/thermal_zone2/temp": "0\n",
		}, `model "Raspberry Pi Zero 2 W Rev 1.0", firmware "Raspbian GNU/Linux 12 (bookworm)", kernel "unknown", temperature 51.5 C, load unknown, free flash `},
		{"a server in the frost", map[string]string{
			"sys/class/dmi/id/sys_vendor": "QEMU\n", "sys/class/dmi/id/product_name": "Standard PC (i440FX + PIIX, 1996)\n",
			"usr/lib/os-release": "PRETTY_NAME=Void\n", "sys/class/thermal/thermal_zone0/temp": "-5000\n",
		}, `model "QEMU Standard PC (i440FX + PIIX, 1996)", firmware "Void", kernel "unknown", temperature -5.0 C, load unknown, free flash `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := root(t, tt.files).Facts(t.TempDir())
			line := f.Line(Medium, "the watchdog")
			if !strings.HasPrefix(line, "facts: "+tt.want) || !strings.HasSuffix(line, " KiB, memory class medium, last boot by the watchdog") {
				t.Errorf("got  %s\nwant facts: %s", line, tt.want)
			}
			if f.Free <= 0 || f.Size < f.Free || len(line) > 512 {
				t.Errorf("%d of %d bytes free; %d bytes of text", f.Free, f.Size, len(line))
			}
		})
	}
	f := Machine{}.Facts("/nowhere/at/all")
	if f.Kernel == "" || f.Load == "" || f.Room() != "unknown" {
		t.Errorf("of this machine: %+v", f)
	}
	if line := f.Line(Small, ""); !strings.HasSuffix(line, "free flash unknown, memory class small, last boot by unknown") {
		t.Errorf("got %s", line)
	}
}
