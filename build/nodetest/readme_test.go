package nodetest

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"

	"forager/pots"
)

// The README names every flag and every type of pot, and no flag that is not.
func TestReadmeIsWhole(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	help, _, _ := forager(t, nil, "-h")
	flags := make(map[string]bool)
	for s := bufio.NewScanner(strings.NewReader(help)); s.Scan(); {
		if line := s.Text(); strings.HasPrefix(line, "  -") {
			flags[strings.Fields(line)[0]] = true
		}
	}
	if len(flags) < 20 {
		t.Fatalf("%d flags in -h", len(flags))
	}
	for name := range flags {
		if !regexp.MustCompile("`" + name + "[ `]").MatchString(readme) {
			t.Errorf("README.md does not name %s", name)
		}
	}
	_, table, _ := strings.Cut(readme, "## Flags")
	table, _, _ = strings.Cut(table, "## Pots")
	for _, m := range regexp.MustCompile("`(-[a-z-]+)[ `]").FindAllStringSubmatch(table, -1) {
		if !flags[m[1]] {
			t.Errorf("README.md names %s, which is no flag", m[1])
		}
	}
	for _, typ := range pots.Types() {
		if !strings.Contains(readme, "`"+typ.Name+"`") {
			t.Errorf("README.md does not name the pot %s", typ.Name)
		}
	}
}
