package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenState(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "below"), "/proc/forager"} {
		if _, err := OpenState(bad); err == nil || !strings.Contains(err.Error(), "(-state-dir)") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	fresh := filepath.Join(dir, "a", "b")
	s, err := OpenState(fresh)
	if err != nil || !s.Created {
		t.Fatal(s, err)
	}
	if info, err := os.Stat(fresh); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if s, err = OpenState(fresh); err != nil || s.Created {
		t.Error(s, err)
	}
	if err := os.Chmod(fresh, 0o770); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenState(fresh); err == nil || !strings.Contains(err.Error(), "0770") {
		t.Errorf("a directory that others may write to: %v", err)
	}
}

func TestNodeID(t *testing.T) {
	dir := t.TempDir()
	state := State{Dir: dir}
	path := filepath.Join(dir, idFile)
	for _, broken := range []string{"", "0", "x", "-1", "18446744073709551616"} {
		if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if id, err := state.NodeID(); err == nil || id == 0 {
			t.Errorf("%q: %d, %v", broken, id, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	first, err := state.NodeID()
	if err != nil || first == 0 || first >= maxID {
		t.Fatal(first, err)
	}
	if again, err := state.NodeID(); again != first || err != nil {
		t.Errorf("%d, then %d, %v", first, again, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestFallbackID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "machine-id")
	if err := os.WriteFile(path, []byte("3d1219c7c4c5404aaa1f6d2a48adfda4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, b := fallbackID([]string{"/nonexistent", path}), fallbackID([]string{path})
	if a != b || a == 0 || a >= maxID {
		t.Errorf("%d and %d", a, b)
	}
	if a, b = fallbackID(nil), fallbackID(nil); a == b || a == 0 {
		t.Errorf("without a machine id: %d twice", a)
	}
}

// A state directory that is full or read-only costs the id's file, not the node.
func TestStateDirBroken(t *testing.T) {
	t.Run("full", func(t *testing.T) {
		dir := t.TempDir()
		mount(t, "tmpfs", dir, 0, "size=64k")
		fill(t, filepath.Join(dir, "ballast"))
		checkFallback(t, dir, syscall.ENOSPC)
	})
	t.Run("read-only", func(t *testing.T) {
		dir := t.TempDir()
		mount(t, "tmpfs", dir, unix.MS_RDONLY, "size=64k")
		if _, err := OpenState(dir); !errors.Is(err, syscall.EROFS) {
			t.Errorf("OpenState: %v", err)
		}
		checkFallback(t, dir, syscall.EROFS)
	})
	t.Run("a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		checkFallback(t, path, syscall.ENOTDIR)
	})
}

func checkFallback(t *testing.T, dir string, want error) {
	t.Helper()
	id, err := State{Dir: dir}.NodeID()
	if id == 0 || !errors.Is(err, want) || !strings.Contains(err.Error(), "-state-dir") {
		t.Errorf("id %d, %v", id, err)
	}
}

// mount mounts where the test may; elsewhere the other cases must do.
func mount(t *testing.T, fstype, dir string, flags uintptr, data string) {
	t.Helper()
	err := unix.Mount("none", dir, fstype, flags, data)
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("not allowed to mount")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
