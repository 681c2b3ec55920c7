package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// owner returns who owns a name, not what it leads to.
func owner(t *testing.T, path string) int {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	return int(st.Uid)
}

// needRoot leaves out what only root can do; the CI and the emulated machines
// are root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can change owners and users")
	}
}

// A user who wrote into the directory before wants root to give him more.
func TestGiveDirOfAHostileUser(t *testing.T) {
	needRoot(t)
	base := t.TempDir()
	dir, precious := filepath.Join(base, "state"), filepath.Join(base, "precious")
	if err := os.MkdirAll(filepath.Join(dir, "a/b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(precious, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, precious+"/secret", "x")
	write(t, dir+"/own", "x")
	write(t, dir+"/a/b/own", "x")
	for _, err := range []error{
		os.Symlink(precious, dir+"/link"), os.Symlink(precious+"/secret", dir+"/a/file"),
		os.Link(precious+"/secret", dir+"/hard"), unix.Mknod(dir+"/device", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))), unix.Mkfifo(dir+"/fifo", 0o600),
		os.Mkdir(dir+"/mount", 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	mounted := unix.Mount("none", dir+"/mount", "tmpfs", 0, "size=64k") == nil
	if mounted {
		t.Cleanup(func() { _ = unix.Unmount(dir+"/mount", unix.MNT_DETACH) })
	}
	to := Account{"somebody", 4321, 4322}
	if err := GiveDir(dir, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{
		dir: 4321, dir + "/own": 4321, dir + "/a": 4321, dir + "/a/b": 4321, dir + "/a/b/own": 4321,
		precious: 0, precious + "/secret": 0, dir + "/link": 0, dir + "/a/file": 0, dir + "/hard": 0, dir + "/device": 0, dir + "/fifo": 0,
	} {
		if got := owner(t, name); got != want {
			t.Errorf("%s belongs to %d, want %d", name, got, want)
		}
	}
	if mounted && owner(t, dir+"/mount") != 0 {
		t.Error("another file system was given away")
	}
	if err := GiveDir(dir, to); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

func TestGiveDirRefuses(t *testing.T) {
	needRoot(t)
	base := t.TempDir()
	to := Account{"somebody", 4321, 4322}
	if err := GiveDir(base+"/none", to); err == nil {
		t.Error("nothing was given")
	}
	public := filepath.Join(base, "etc")
	if err := os.Mkdir(public, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, public+"/shadow", "x")
	if err := GiveDir(public, to); err == nil || !strings.Contains(err.Error(), "0755") || owner(t, public) != 0 || owner(t, public+"/shadow") != 0 {
		t.Errorf("a directory open to others: %v", err)
	}
	deep := filepath.Join(base, "deep")
	if err := os.MkdirAll(deep+strings.Repeat("/d", giveDepth+2), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := GiveDir(deep, to); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("%d directories deep: %v", giveDepth+2, err)
	}
	many := filepath.Join(base, "many")
	if err := os.Mkdir(many, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * giveBatch {
		write(t, fmt.Sprintf("%s/%d", many, i), "x")
	}
	g := giver{to: to, left: giveBatch}
	d, err := os.Open(many)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(d.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	g.dev = uint64(st.Dev)
	if err := g.inside(d, giveDepth); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("more files than may be: %v", err)
	}
	if err := GiveSocket(many+"/1", to); err == nil {
		t.Error("a file passes for a socket")
	}
}
