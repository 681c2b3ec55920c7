package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A program that takes the last room of its file system is stopped; one that
// finds it taken is not.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skip("not allowed to mount: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	write := func(name string, size int) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("pot/program", 1<<20)
	w := newWatch(&Spec{Dir: filepath.Join(dir, "pot"), Limits: Limits{Disk: 1 << 30, Reserve: 4 << 20}})
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	look := func() string { reason, _ := w.look(&life{process: self}); return reason } // of no children
	if r := look(); r != "" {
		t.Fatalf("at the start: %s", r)
	}
	write("others", 4<<20)
	write("pot/log", 1<<10)
	if r := look(); r != "" {
		t.Errorf("others took the room: %s", r)
	}
	write("pot/log", 2<<20)
	if r := look(); !strings.Contains(r, "leaves only") {
		t.Errorf("it took the rest: %q", r)
	}
}
