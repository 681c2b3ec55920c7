package main

import (
	"strings"
	"testing"
)

// TestEditRefusesAnotherLinker: a source with one place missing, or one twice,
// is not the one these changes are for.
func TestEditRefusesAnotherLinker(t *testing.T) {
	whole := ""
	for _, e := range edits {
		whole += e.old + "\n"
	}
	if _, err := edit(""); err == nil {
		t.Error("an empty source was taken")
	}
	for _, e := range edits {
		if _, err := edit(strings.Replace(whole, e.old, "", 1)); err == nil || !strings.Contains(err.Error(), e.what) {
			t.Errorf("without %q: %v", e.what, err)
		}
		if _, err := edit(whole + e.old); err == nil {
			t.Errorf("with %q twice: taken", e.what)
		}
	}
	got, err := edit(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		if !strings.Contains(got, e.new) {
			t.Errorf("%s: not done", e.what)
		}
	}
}
