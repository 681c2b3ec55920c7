package board

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestHeartFileRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "passwd"), "root:x:0:0:root:/root:/bin/sh\n")
	write(t, filepath.Join(dir, "target"), "")
	if err := os.Symlink(filepath.Join(dir, "target"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"none/beat": "no such file", "passwd": "is something else", "link": "too many levels", ".": "is a directory",
	} {
		h, _, err := OpenHeartFile(filepath.Join(dir, name))
		if h != nil || err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "(-heartbeat-file)") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "passwd")); len(b) != 30 {
		t.Errorf("passwd is %q", b)
	}
}

func TestHeartFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "beat")
	h, _, err := OpenHeartFile(path)
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	for i, want := range []string{"00000000000000000001\n", "00000000000000000002\n", "00000000000000000003\n"} {
		if i == 2 { // somebody tidies up
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
		if err := h.Feed(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil || string(b) != want {
			t.Errorf("got %q, %v, want %q", b, err, want)
		}
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) > time.Minute || info.Mode() != 0o644 {
			t.Errorf("from %v, mode %v, %v", info.ModTime(), info.Mode(), err)
		}
	}
	// A new program takes the file as it is.
	if h, _, err = OpenHeartFile(path); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.ModTime().Year() != 2037 {
		t.Errorf("after a clean stop: from %v, %v", info.ModTime(), err)
	}
	if h, _, err = OpenHeartFile(path); err != nil || h.Feed() != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()).Abs() > time.Minute {
		t.Errorf("after the next start: from %v, %v", info.ModTime(), err)
	}
	if err := os.Remove(path); err != nil || h.Close() == nil {
		t.Errorf("closed well without a file: %v", err)
	}
}

func TestHeartFileWarnsOfFlash(t *testing.T) {
	for dir, warns := range map[string]bool{"/dev/shm": false, ".": true} {
		f, err := os.CreateTemp(dir, "heart-test-*")
		if err != nil {
			t.Fatal(err)
		}
		path, err := filepath.Abs(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
		h, warning, err := OpenHeartFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		if onTmpfs := inMemory(f); dir == "." && onTmpfs {
			continue // the source itself is in memory here
		}
		if (warning != nil) != warns {
			t.Errorf("in %s: %v", dir, warning)
		}
		f.Close()
	}
}
