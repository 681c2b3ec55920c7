package ring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// realNode is a node on a real file system that writes whatever there is each
// second time it works.
func realNode(t *testing.T, dir string, boot uint64, size int64) (*node, error) {
	t.Helper()
	n := &node{t: t, r: newRing(t, MinSize), b: NewBatch(0)}
	var err error
	n.s, err = OpenSpool(n.r, SpoolConfig{
		Dir: dir, Size: size, Boot: boot, Epoch: time.Now(), Flush: time.Nanosecond,
		OnChange: func(err error) { n.state = append(n.state, err) },
	})
	if n.s == nil {
		t.Fatal(err)
	}
	return n, err
}

// dirBytes is the sum of the files' sizes.
func dirBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		n += info.Size()
	}
	return n
}

func TestSpoolOnRealFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "spool")
	n, err := realNode(t, dir, 7, MinSpool)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	const count = 400
	for i := range count {
		n.put(1, 1000)
		n.work()
		n.work() // the time of the first has come
		if b := dirBytes(t, dir); b > MinSpool || b != n.r.Stats().Spool.Bytes {
			t.Fatalf("after %d events: %d bytes of %d, Stats say %d", i, b, MinSpool, n.r.Stats().Spool.Bytes)
		}
	}
	held := n.r.Stats().Held
	next, err := realNode(t, dir, 8, MinSpool)
	if err != nil {
		t.Fatal(err)
	}
	got, last := next.drain()
	if len(got) == 0 || uint64(len(got)) > held {
		t.Errorf("%d of %d events", len(got), held)
	}
	wantNames(t, "the newest", got, names(7, count+1-uint64(len(got)), count))
	next.r.Forget(last)
	next.work()
	want(t, "bytes left", dirBytes(t, dir), int64(0))
}

// mount makes a small file system in memory, or skips the test.
func mount(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestSpoolOnFullFileSystem(t *testing.T) {
	for _, size := range []string{"4k", "64k", "96k", "128k", "200k"} {
		dir := mount(t, size)
		n, _ := realNode(t, filepath.Join(dir, "spool"), 7, 8*MinSpool)
		for range 600 {
			n.put(1, 1000)
			n.work()
			n.work()
		}
		if len(n.state) != 1 || !errors.Is(n.state[0], syscall.ENOSPC) || n.r.Stats().Spool.Off == "" {
			t.Fatalf("%s: told %v, %+v", size, n.state, n.r.Stats())
		}
		written := n.r.Stats().Spool.Events
		next, _ := realNode(t, filepath.Join(dir, "spool"), 8, 8*MinSpool)
		got, _ := next.drain()
		if uint64(len(got)) < written {
			t.Errorf("%s: %d of %d events in the next run", size, len(got), written)
		}
		got, last := n.drain()
		st := n.r.Stats()
		want(t, size+": all", uint64(len(got))+st.Dropped, st.Put)
		n.r.Forget(last)

		// Room again: it goes on.
		n.s.retryAt = time.Now()
		n.work()
		n.put(1, 1000)
		n.work()
		n.work()
		if size != "4k" && (len(n.state) != 2 || n.state[1] != nil) {
			t.Errorf("%s: told %v after there was room", size, n.state)
		}
	}
}

func TestSpoolOnReadOnlyFileSystem(t *testing.T) {
	dir := mount(t, "1m")
	n, err := realNode(t, dir, 7, MinSpool)
	if err != nil {
		t.Fatal(err)
	}
	n.put(10, 1000)
	n.work()
	n.work()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	n.put(10, 1000)
	n.work()
	n.work()
	if len(n.state) != 1 || !errors.Is(n.state[0], syscall.EROFS) {
		t.Errorf("told %v", n.state)
	}
	got, last := n.drain()
	wantNames(t, "read", got, names(0, 1, 20))
	n.r.Forget(last)
	n.work()
	next, _ := realNode(t, dir, 8, MinSpool)
	got, _ = next.drain()
	wantNames(t, "in the next run", got, names(7, 1, 10))

	// A directory that can't even be made.
	n, err = realNode(t, filepath.Join(dir, "none"), 9, MinSpool)
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "-spool-size") {
		t.Errorf("start: %v", err)
	}
	n.put(10, 1000)
	n.work()
	got, _ = n.drain()
	wantNames(t, "read", got, names(0, 1, 10))
}

func TestSpoolWithoutPermission(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may do everything")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := realNode(t, filepath.Join(dir, "spool"), 7, MinSpool); !errors.Is(err, syscall.EACCES) {
		t.Errorf("start: %v", err)
	}
}
