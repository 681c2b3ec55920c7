package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// respawn is the line of /etc/inittab that has BusyBox's init keep the node of
// an .ipk, whose own script is procd's.
const respawn = "::respawn:/usr/sbin/forager -c /etc/forager/forager.conf\n"

// fromArchive makes a small root with the archive for init.d unpacked and
// installed: rcS starts its script.
func fromArchive(t *testing.T, b *board) func(root string) {
	return func(root string) {
		t.Helper()
		must(t, b.makeSmallRoot(cache, root))
		dir := t.TempDir()
		command(t, nil, "tar", "-C", dir, "--strip-components=1", "-xzf", packaged(t, "forager-*-linux-"+b.target+".tar.gz"))
		command(t, []string{"DESTDIR=" + root}, filepath.Join(dir, "install.sh"))
	}
}

// fromIPK makes a small root with the files of the package for OpenWrt, which
// opkg would unpack in the same way.
func fromIPK(t *testing.T, b *board, arch string) func(root string) {
	return func(root string) {
		t.Helper()
		must(t, b.makeSmallRoot(cache, root))
		dir := t.TempDir()
		command(t, nil, "tar", "-C", dir, "-xzf", packaged(t, "forager_*_"+arch+".ipk"))
		command(t, nil, "tar", "-C", root, "--keep-directory-symlink", "-xzf", filepath.Join(dir, "data.tar.gz"))
		inittab := smallRoot["etc/inittab"] + respawn
		must(t, putFiles(root, map[string]string{"etc/inittab": inittab}))
	}
}

// packaged is the one package that make packages has made of that name.
func packaged(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob("../../dist/packages/" + pattern)
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%d packages are dist/packages/%s: make packages makes them", len(found), pattern)
	}
	return found[0]
}

// command runs a program to its end and returns what it prints.
func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
