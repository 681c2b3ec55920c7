package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// The document names every file with its sum, and exactly the modules that go
// says are linked into the program.
func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	program, other := filepath.Join(dir, "sbom"), filepath.Join(dir, "a.deb")
	goCommand(t, "build", "-trimpath", "-buildvcs=false", "-o", program, "../..")
	if err := os.WriteFile(other, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := describe("1.2.3", time.Unix(0, 0), []string{program, other})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := write(&text, doc); err != nil {
		t.Fatal(err)
	}
	var read document
	if err := json.Unmarshal(text.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("no program"))
	if c := read.Components[0]; c.Name != "a.deb" || c.Type != "file" || c.Hashes[0].Content != hex.EncodeToString(sum[:]) {
		t.Errorf("the first component is %+v", c)
	}
	if c := read.Components[1]; c.Name != "sbom" || c.Type != "application" {
		t.Errorf("the second component is %+v", c)
	}
	var names []string
	for _, c := range read.Components[2:] {
		names = append(names, c.Name)
	}
	want := linked(t)
	if got := strings.Join(names, "\n"); got != want {
		t.Errorf("modules:\n%s\nwant:\n%s", got, want)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(read.SerialNumber) {
		t.Errorf("serial number %s", read.SerialNumber)
	}
	again, err := describe("1.2.3", time.Unix(0, 0), []string{other, program})
	if err != nil {
		t.Fatal(err)
	}
	var same bytes.Buffer
	if err := write(&same, again); err != nil || !bytes.Equal(text.Bytes(), same.Bytes()) {
		t.Error("the same files in another order gave another document")
	}
}

// linked asks go which modules the node is made of.
func linked(t *testing.T) string {
	out := goCommand(t, "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "../..")
	seen := map[string]bool{}
	var names []string
	for name := range strings.Lines(out) {
		if name = strings.TrimSpace(name); name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) < 5 {
		t.Fatalf("go list names %q", names)
	}
	// The order of the document is that of references, which begin alike.
	slices.Sort(names)
	return strings.Join(append(names, "stdlib"), "\n")
}

func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Debian's copyright file names every module that is linked.
func TestCopyrightIsWhole(t *testing.T) {
	b, err := os.ReadFile("../debian/copyright")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(linked(t)) {
		if name = strings.TrimSpace(name); name != "stdlib" && !strings.Contains(string(b), name+"/*\n") {
			t.Errorf("build/debian/copyright does not name %s", name)
		}
	}
}

func TestReplacedModules(t *testing.T) {
	for _, test := range []struct {
		module debug.Module
		want   string
	}{
		{debug.Module{Path: "a/b", Version: "v1.0.0", Sum: "h1:x"}, "pkg:golang/a/b@v1.0.0 [{go:sum h1:x}]"},
		{debug.Module{Path: "a/b", Version: "v1.0.0", Replace: &debug.Module{Path: "./dist/b", Version: "(devel)"}},
			"pkg:golang/a/b@v1.0.0 [{go:replace ./dist/b}]"},
		{debug.Module{Path: "a/b", Version: "v1.0.0", Replace: &debug.Module{Path: "c/b", Version: "v2.0.0", Sum: "h1:y"}},
			"pkg:golang/c/b@v2.0.0 [{go:sum h1:y}]"},
	} {
		c := library(&test.module)
		if got := fmt.Sprint(c.PURL, " ", c.Properties); got != test.want || c.Ref != c.PURL {
			t.Errorf("%+v is %s, want %s", test.module, got, test.want)
		}
	}
}
