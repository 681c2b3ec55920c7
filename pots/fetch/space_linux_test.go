package fetch

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk fetches onto a file system of 1 MiB, in a mount namespace of its
// own.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	if emulated() {
		t.Skip("an emulator can't start itself")
	}
	if os.Getenv("FORAGER_FULL_DISK") != "" {
		fullDisk(t)
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), "FORAGER_FULL_DISK=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func fullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	repo, _ := newRepo(t)
	random := make([]byte, 700<<10)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	write(t, repo, map[string]string{"one": string(random)})
	commitAll(t, repo)
	s, c := configFor(t, repo)
	c.Dir = filepath.Join(disk, "new")

	c.Reserve = 2 << 20
	wantFailure(t, s, c, ErrNoSpace, "2048 KiB are to stay free") // before git runs
	c.Reserve = 600 << 10
	wantFailure(t, s, c, ErrNoSpace, "600 KiB are to stay free") // while it runs
	c.Reserve = 1
	wantFailure(t, s, c, ErrNoSpace, "") // by what git says: the pack fits, the file beside it does not
	write(t, repo, map[string]string{"two": string(random[1:])})
	commitAll(t, repo)
	wantFailure(t, s, c, ErrNoSpace, "") // the pack does not
}
