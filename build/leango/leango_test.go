package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEditRefusesAnotherSource: one with a place missing, or one twice, is not
// the one these changes are for.
func TestEditRefusesAnotherSource(t *testing.T) {
	for _, s := range []source{linker, curve} {
		whole := ""
		for _, e := range s.edits {
			whole += e.old + "\n"
		}
		if _, err := s.edit(""); err == nil {
			t.Errorf("%s: an empty source was taken", s.path)
		}
		for _, e := range s.edits {
			if _, err := s.edit(strings.Replace(whole, e.old, "", 1)); err == nil || !strings.Contains(err.Error(), e.what) {
				t.Errorf("%s without %q: %v", s.path, e.what, err)
			}
			if _, err := s.edit(whole + e.old); err == nil {
				t.Errorf("%s with %q twice: taken", s.path, e.what)
			}
		}
		got, err := s.edit(whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range s.edits {
			if !strings.Contains(got, e.new) {
				t.Errorf("%s: %s: not done", s.path, e.what)
			}
		}
	}
}

// TestCurve has Go's own tests judge the changed one. That of the table has
// nothing to look at, and must find out.
func TestCurve(t *testing.T) {
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := makeOverlay(strings.TrimSpace(string(root)), dir, ""); err != nil {
		t.Fatal(err)
	}
	test := func(args ...string) (string, error) {
		// purego: without assembly, as on the boards that this is for
		args = append([]string{"test", "-short", "-vet=off", "-tags=purego", "-overlay", filepath.Join(dir, "overlay.json")}, args...)
		out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
		return string(out), err
	}
	const table = "TestP256PrecomputedTable"
	if out, err := test("-skip="+table, "crypto/internal/fips140/nistec", "crypto/ecdh", "crypto/ecdsa"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := test("-run="+table, "crypto/internal/fips140/nistec"); err == nil || !strings.Contains(out, table) {
		t.Errorf("the table is still there: %v\n%s", err, out)
	}
}

func TestOverlayAdded(t *testing.T) {
	dir := t.TempDir()
	also := filepath.Join(dir, "also.json")
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(also, []byte(`{"Replace":{"/a":"/b"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makeOverlay(strings.TrimSpace(string(root)), dir, also); err != nil {
		t.Fatal(err)
	}
	var o overlay
	if b, err := os.ReadFile(filepath.Join(dir, "overlay.json")); err != nil || json.Unmarshal(b, &o) != nil {
		t.Fatalf("%s, %v", b, err)
	}
	if len(o.Replace) != 2 || o.Replace["/a"] != "/b" {
		t.Errorf("%v", o.Replace)
	}
	if err := makeOverlay(strings.TrimSpace(string(root)), dir, filepath.Join(dir, "none")); err == nil {
		t.Error("an overlay that is not there was taken")
	}
}
