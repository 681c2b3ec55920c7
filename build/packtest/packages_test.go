//go:build packages

package packtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// settings are how each target's program is built.
var settings = map[string]string{
	"amd64": "GOARCH=amd64", "arm64": "GOARCH=arm64", "riscv64": "GOARCH=riscv64",
	"armv5": "GOARM=5", "armv6": "GOARM=6", "armv7": "GOARM=7",
	"mips": "GOARCH=mips", "mipsle": "GOARCH=mipsle",
}

// Every .ipk is for the architecture that its name says, with that one's
// program, and says so in its control.
func TestIpkArchitectures(t *testing.T) {
	target := make(map[string]string)
	for line := range strings.Lines(read(t, "../openwrt/arches")) {
		if words := strings.Fields(line); len(words) == 2 && words[0] != "#" {
			target[words[0]] = words[1]
		}
	}
	packages := made(t, ".ipk")
	if len(packages) != len(target) {
		t.Errorf("%d packages for %d architectures", len(packages), len(target))
	}
	for _, ipk := range packages {
		m := regexp.MustCompile(`^forager_([^_]+)_(.+)\.ipk$`).FindStringSubmatch(filepath.Base(ipk))
		if m == nil || target[m[2]] == "" {
			t.Errorf("%s is for no architecture that is known", filepath.Base(ipk))
			continue
		}
		dir := t.TempDir()
		command(t, "tar", "-C", dir, "-xzf", ipk)
		command(t, "tar", "-C", dir, "-xzf", filepath.Join(dir, "data.tar.gz"))
		command(t, "tar", "-C", dir, "-xzf", filepath.Join(dir, "control.tar.gz"))
		control := read(t, filepath.Join(dir, "control"))
		if !strings.Contains(control, "\nVersion: "+m[1]+"\n") || !strings.Contains(control, "\nArchitecture: "+m[2]+"\n") {
			t.Errorf("%s has the control\n%s", filepath.Base(ipk), control)
		}
		wantBuilt(t, filepath.Join(dir, "usr/sbin/forager"), settings[target[m[2]]])
		if strings.HasPrefix(m[2], "mips") {
			wantBuilt(t, filepath.Join(dir, "usr/sbin/forager"), "GOMIPS=softfloat")
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// An archive installs itself, its own program and all, with BusyBox alone.
func TestArchives(t *testing.T) {
	for _, archive := range made(t, ".tar.gz") {
		m := regexp.MustCompile(`-linux-([a-z0-9]+)\.tar\.gz$`).FindStringSubmatch(archive)
		if m == nil || settings[m[1]] == "" {
			t.Errorf("%s is for no target that is known", archive)
			continue
		}
		dir, root := t.TempDir(), t.TempDir()
		command(t, "busybox", "tar", "-C", dir, "-xzf", archive)
		directories(t, root, "etc/init.d", "etc/rc2.d")
		install(t, filepath.Join(dir, strings.TrimSuffix(filepath.Base(archive), ".tar.gz")), root)
		wantBuilt(t, filepath.Join(root, "usr/local/sbin/forager"), settings[m[1]])
		want := append(append([]string{}, always...), "/etc/init.d/forager -rwxr-xr-x", "/etc/rc2.d/S95forager > ../init.d/forager")
		for _, line := range want {
			if !strings.Contains(strings.Join(tree(t, root), "\n"), line) {
				t.Errorf("%s did not install %s", filepath.Base(archive), line)
			}
		}
	}
}
