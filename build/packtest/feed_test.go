//go:build packages

package packtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The feed's Makefile installs what the .ipk holds, with the same modes: run by
// make with a stand-in for what OpenWrt's SDK includes, for mipsle.
func TestFeedMakefile(t *testing.T) {
	sdk, err := filepath.Abs("testdata/sdk")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	cmd := exec.Command("make", "-C", "../openwrt/feed/forager", "TOPDIR="+sdk, "WORK="+work, "package")
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") { // we may be under make ourselves
			cmd.Env = append(cmd.Env, v)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantBuilt(t, filepath.Join(work, "root/usr/sbin/forager"), "GOMIPS=softfloat")

	ipk, data := t.TempDir(), t.TempDir()
	command(t, "tar", "-C", ipk, "-xzf", made(t, "_mipsel_24kc.ipk")[0])
	command(t, "tar", "-C", data, "-xpzf", filepath.Join(ipk, "data.tar.gz"))
	same(t, "the feed's package", listing(t, filepath.Join(work, "root")), listing(t, data))
	command(t, "diff", "-r", filepath.Join(work, "root/etc"), filepath.Join(data, "etc"))

	command(t, "tar", "-C", ipk, "-xzf", filepath.Join(ipk, "control.tar.gz"))
	control := read(t, filepath.Join(ipk, "control"))
	made := read(t, filepath.Join(work, "control"))
	for _, field := range []string{"Section", "License", "Require-User"} {
		_, rest, _ := strings.Cut(control, "\n"+field+": ")
		want, _, _ := strings.Cut(rest, "\n")
		if want == "" || !strings.Contains(made, "\n"+field+": "+want+"\n") {
			t.Errorf("%s is %q in the .ipk; the feed says:\n%s", field, want, made)
		}
	}
	if got := strings.TrimSpace(read(t, filepath.Join(work, "conffiles"))); got != "/etc/config/forager" {
		t.Errorf("conffiles are %q", got)
	}
}

// listing is every directory and file with its mode.
func listing(t *testing.T, root string) []string {
	return strings.Split(command(t, "sh", "-c", "cd '"+root+"' && find . -mindepth 1 -printf '%m %y %p\\n' | sort -k 3"), "\n")
}
