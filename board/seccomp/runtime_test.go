//go:build linux && (amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notOurs are calls that Go's runtime has a number for and that an agent has
// no use for, each with its reason.
var notOurs = map[string]string{
	"socket": "for a log of Android", "connect": "for a log of Android", "tkill": "for Android", "kill": "checked", "tgkill": "checked",
	"clone": "checked", "mmap": "checked", "mmap2": "checked", "prctl": "checked", "mprotect": "checked",
}

// goroot is where Go's sources are.
func goroot() (string, error) {
	if root := os.Getenv("GOROOT"); root != "" {
		return root, nil
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	return strings.TrimSpace(string(out)), err
}

// Every call of Go's runtime, by the numbers in its own sources, is in the
// agent's list: an agent without one would not start. MIPS, for one, has two
// ways to map memory.
func TestRuntimesCalls(t *testing.T) {
	root, err := goroot()
	if err != nil {
		t.Skipf("the test runs without Go: %v", err)
	}
	arch := runtime.GOARCH
	if arch == "mipsle" || arch == "mips" {
		arch = "mipsx"
	}
	text, err := os.ReadFile(filepath.Join(root, "src/runtime/sys_linux_"+arch+".s"))
	if err != nil {
		t.Skipf("the test runs without Go's sources: %v", err)
	}
	base := 0
	if arch == "mipsx" || arch == "arm" {
		base = firstCall
	}
	allowed := slices.Concat(calls(Agent), privateCalls)
	for _, s := range checks(Agent, Options{}, 1) {
		allowed = append(allowed, s.lo)
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^#define\s+SYS_(\w+)\s+(?:\(SYS_BASE \+ (\d+)\)|(\d+))`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(m[2] + m[3])
		if err != nil {
			t.Fatal(err)
		}
		if m[2] != "" {
			n += base
		}
		found++
		if why := notOurs[strings.ToLower(m[1])]; why != "" && why != "checked" || slices.Contains(allowed, uint32(n)) {
			continue
		}
		t.Errorf("Go's runtime has %s, %d, and the agent has not", m[1], n)
	}
	if found < 20 {
		t.Errorf("%d calls in %s", found, text[:min(len(text), 200)])
	}
}
