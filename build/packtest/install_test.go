package packtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// archive lays out what an archive with the init script unpacks to.
func archive(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]string{
		"forager.init": "../initd/forager", "install.sh": "../initd/install.sh", "forager.conf": "../initd/forager.conf",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(read(t, from)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "forager"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func install(t *testing.T, dir, root string, args ...string) {
	t.Helper()
	cmd := exec.Command("busybox", append([]string{"ash", filepath.Join(dir, "install.sh")}, args...)...)
	cmd.Env = append(os.Environ(), "DESTDIR="+root)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("install.sh %q: %v\n%s", args, err, out)
	}
}

// tree lists what is below a directory: modes and names, and where links go.
func tree(t *testing.T, root string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		switch {
		case d.Type() == os.ModeSymlink:
			to, err := os.Readlink(path)
			list = append(list, name+" > "+to)
			return err
		case !d.IsDir():
			list = append(list, name+" "+info.Mode().String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func directories(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

var always = []string{"/etc/forager/forager.conf -rw-------", "/usr/local/sbin/forager -rwxr-xr-x"}

func TestInstallSysV(t *testing.T) {
	root := t.TempDir()
	directories(t, root, "etc/init.d", "etc/rc0.d", "etc/rc2.d", "etc/rc3.d", "etc/rc6.d", "etc/rcS.d")
	install(t, archive(t, "old"), root)
	installed := append(slices.Clone(always), "/etc/init.d/forager -rwxr-xr-x",
		"/etc/rc0.d/K05forager > ../init.d/forager", "/etc/rc2.d/S95forager > ../init.d/forager",
		"/etc/rc3.d/S95forager > ../init.d/forager", "/etc/rc6.d/K05forager > ../init.d/forager")
	slices.Sort(installed)
	same(t, "installed", tree(t, root), installed)
	if info, err := os.Stat(filepath.Join(root, "var/lib/forager")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the state directory: %v, %v", info, err)
	}

	// An update brings the program, and leaves configuration and state.
	for _, name := range []string{"etc/forager/forager.conf", "var/lib/forager/id"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := archive(t, "new")
	install(t, dir, root)
	for name, want := range map[string]string{"usr/local/sbin/forager": "new", "etc/forager/forager.conf": "mine", "var/lib/forager/id": "mine"} {
		if got := read(t, filepath.Join(root, name)); got != want {
			t.Errorf("%s is %q after an update, want %q", name, got, want)
		}
	}

	install(t, dir, root, "-remove")
	same(t, "left by -remove", tree(t, root), []string{"/etc/forager/forager.conf -rw-------", "/var/lib/forager/id -rw-------"})
	install(t, dir, root, "-purge")
	same(t, "left by -purge", tree(t, root), nil)
}

// Buildroot's rcS starts whatever is S??* in its own directory.
func TestInstallBuildroot(t *testing.T) {
	root := t.TempDir()
	directories(t, root, "etc/init.d")
	if err := os.WriteFile(filepath.Join(root, "etc/init.d/rcS"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := archive(t, "program")
	install(t, dir, root)
	want := append(slices.Clone(always), "/etc/init.d/S95forager -rwxr-xr-x", "/etc/init.d/rcS -rwxr-xr-x")
	slices.Sort(want)
	same(t, "installed", tree(t, root), want)
	install(t, dir, root, "-purge")
	same(t, "left by -purge", tree(t, root), []string{"/etc/init.d/rcS -rwxr-xr-x"})
}
