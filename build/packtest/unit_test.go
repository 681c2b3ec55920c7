package packtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// exposureLimit is what systemd-analyze security may say at most, of 10: 0 is
// a service that can do no harm, 10 one that may do everything.
const exposureLimit = 2.0

func TestUnitExposure(t *testing.T) {
	cmd := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "../debian/forager.service")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	m := regexp.MustCompile(`Overall exposure level for forager.service: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("no level in:\n%s", out)
	}
	level, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("exposure level %v", level)
	if level > exposureLimit {
		t.Errorf("exposure level %v, at most %v is wanted:\n%s", level, exposureLimit, out)
	}
}

// systemd finds nothing to complain about, but for what is not installed here.
func TestUnitVerify(t *testing.T) {
	text := read(t, "../debian/forager.service")
	text = strings.ReplaceAll(text, "/usr/sbin/forager", "/bin/true")
	text = strings.Replace(text, "Documentation=man:forager(8)\n", "", 1)
	name := filepath.Join(t.TempDir(), "forager.service")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", name).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// What the node needs of its unit, in so many words.
func TestUnitSays(t *testing.T) {
	text := read(t, "../debian/forager.service")
	for _, line := range []string{
		"Type=notify", "NotifyAccess=main", "WatchdogSec=60", "Restart=always", "DynamicUser=yes", "StateDirectory=forager",
		"RuntimeDirectory=forager", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "AmbientCapabilities=CAP_NET_BIND_SERVICE",
		"NoNewPrivileges=yes",
	} {
		if strings.Count(text, "\n"+line+"\n") != 1 {
			t.Errorf("the unit has %q not once", line)
		}
	}
}
