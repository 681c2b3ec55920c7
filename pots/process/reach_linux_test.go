package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A program's user comes to its directory through one that is closed, and sees
// nothing else of that.
func TestReach(t *testing.T) {
	if uid() == 0 || emulator != nil {
		t.Skip("root gives programs users of their own, and an emulated one no mounts")
	}
	if !OwnMounts() {
		t.Skip("no mounts of one's own here")
	}
	s, _ := spec(t, `pwd; cat ../../secret; echo x >new && cat new; touch ../../y ../y; cd "$HOME" && cat new`)
	closed := s.Dir
	s.Dir = filepath.Join(closed, "a", "b")
	for name, err := range map[string]error{
		"tree": os.MkdirAll(s.Dir, 0o700), "owner": os.Chown(s.Dir, testUID, testUID), "root's": os.Chown(closed, 0, 0),
		"secret": os.WriteFile(filepath.Join(closed, "secret"), []byte("s3cret\n"), 0o644),
		"closed": os.Chmod(closed, 0o700),
	} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	_ = os.Chmod(filepath.Dir(closed), 0o700) // the second that is closed, above
	if err := Run(context.Background(), s); err != nil {
		t.Error(err)
	}
	lines := s.Output.Lines(100)
	if len(lines) < 3 || lines[0] != s.Dir || lines[len(lines)-1] != "x" {
		t.Errorf("it says %q", lines)
	}
	if strings.Contains(strings.Join(lines, "\n"), "s3cret") {
		t.Errorf("it sees the secret: %q", lines)
	}
	if b, err := os.ReadFile(filepath.Join(s.Dir, "new")); err != nil || string(b) != "x\n" {
		t.Errorf("new holds %q, %v", b, err)
	}
	for _, name := range []string{"y", "a/y"} {
		if _, err := os.Stat(filepath.Join(closed, name)); err == nil {
			t.Errorf("%s was made outside its directory", name)
		}
	}
}

// Where it can't be given a view of its own the reason is told.
func TestReachFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "closed", "pot")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o := orders{Dir: dir, UID: testUID}
	closed := o.closed()
	if err := o.reach(false); closed == "" || err == nil || !strings.Contains(err.Error(), closed) {
		t.Errorf("closed %q: %v", closed, err)
	}
	o.UID = 0
	if err := o.reach(false); err != nil {
		t.Errorf("as the node is: %v", err)
	}
}
