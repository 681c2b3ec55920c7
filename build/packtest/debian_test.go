//go:build packages

package packtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// made are the files that make packages has made for the commit that is
// checked out, by the ends of their names.
func made(t *testing.T, suffix string) (paths []string) {
	t.Helper()
	out, err := exec.Command("../packages.sh", "-list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(out)) {
		if name = strings.TrimSpace(name); strings.HasSuffix(name, suffix) {
			path, err := filepath.Abs(filepath.Join("../../dist/packages", name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Fatalf("make packages first: %v", err)
			}
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		t.Fatalf("no package %s", suffix)
	}
	return paths
}

// machine is a Debian in a directory, entered with chroot.
type machine struct {
	t    *testing.T
	root string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("installing packages takes root")
	}
	cache := debianCache(t)
	if out, err := exec.Command("../boot/debian.sh", cache).CombinedOutput(); err != nil {
		t.Fatalf("build/boot/debian.sh: %v\n%s", err, out)
	}
	m := &machine{t, t.TempDir()}
	command(t, "tar", "-C", m.root, "-xpf", filepath.Join(cache, "debian.tar"))
	if err := os.WriteFile(m.path("usr/sbin/policy-rc.d"), []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		t.Fatal(err) // nothing is started on this machine
	}
	return m
}

// debianCache is where make boot keeps its Debian too (build/boot.sh).
func debianCache(t *testing.T) string {
	if dir := os.Getenv("FORAGER_BOOT"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "forager-boot")
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// run runs a program of the machine's.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	cmd := exec.Command("chroot", append([]string{m.root}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// install puts a package onto the machine. Answers are those of dpkg's
// options, and nothing may be asked.
func (m *machine) install(deb string, options ...string) string {
	m.t.Helper()
	command(m.t, "cp", deb, filepath.Join(m.root, "tmp/forager.deb"))
	return m.run(append(append([]string{"dpkg"}, options...), "-i", "/tmp/forager.deb")...)
}

func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

func (m *machine) write(name, text string) {
	m.t.Helper()
	// As an editor does that keeps owner and mode.
	if err := os.WriteFile(m.path(name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) has(name string) bool {
	_, err := os.Lstat(m.path(name))
	return err == nil
}

// wantFile checks mode, owner and group, as ls would name them.
func (m *machine) wantFile(name, want string) {
	m.t.Helper()
	if got := strings.TrimSpace(m.run("stat", "-c", "%a %U:%G", name)); got != want {
		m.t.Errorf("%s is %s, want %s", name, got, want)
	}
}

func (m *machine) wantText(name, part string) {
	m.t.Helper()
	if text := read(m.t, m.path(name)); !strings.Contains(text, part) {
		m.t.Errorf("%s does not contain %q:\n%s", name, part, text)
	}
}

// status is what dpkg says of the package: wanted, and is.
func (m *machine) wantStatus(want string) {
	m.t.Helper()
	out, _ := exec.Command("chroot", m.root, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}", "forager").Output()
	if got := strings.TrimSpace(string(out)); got != want {
		m.t.Errorf("dpkg says %q, want %q", got, want)
	}
}

const enabled = "etc/systemd/system/multi-user.target.wants/forager.service"

// newer makes a package of a later version, whose configuration differs.
func newer(t *testing.T, deb, version string) string {
	t.Helper()
	dir := t.TempDir()
	files, out := filepath.Join(dir, "files"), filepath.Join(dir, version+".deb")
	command(t, "dpkg-deb", "-R", deb, files)
	for name, change := range map[string]func(string) string{
		"etc/forager/forager.conf": func(s string) string { return s + "# new in " + version + "\n" },
		"DEBIAN/control": func(s string) string {
			_, rest, _ := strings.Cut(s, "\nVersion: ")
			_, rest, _ = strings.Cut(rest, "\n")
			return "Package: forager\nVersion: " + version + "\n" + rest
		},
	} {
		path := filepath.Join(files, name)
		text := change(read(t, path))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "dpkg-deb", "--root-owner-group", "-b", files, out)
	return out
}

// The life of the package on one machine, from its installation to its purge.
func TestDebianPackage(t *testing.T) {
	m := newMachine(t)
	deb := made(t, "_amd64.deb")[0]
	before := m.files()

	m.install(deb)
	m.wantStatus("ii")
	m.wantFile("/etc/forager", "750 root:forager")
	m.wantFile("/etc/forager/forager.conf", "640 root:forager")
	m.wantFile("/usr/sbin/forager", "755 root:root")
	m.wantFile("/lib/systemd/system/forager.service", "644 root:root")
	if !m.has(enabled) {
		t.Error("the service is not enabled")
	}
	if out := m.run("forager", "version"); !strings.HasPrefix(out, "forager ") {
		t.Errorf("forager version says %q", out)
	}
	if out := m.run("forager", "check"); !strings.Contains(out, "control /run/forager/control.sock") {
		t.Errorf("forager check says:\n%s", out)
	}

	t.Run("upgrade with the configuration as it was", func(t *testing.T) {
		m := m.with(t)
		m.install(newer(t, deb, "100"))
		m.wantText("etc/forager/forager.conf", "new in 100")
		m.wantFile("/etc/forager/forager.conf", "640 root:forager")
	})
	t.Run("upgrade with a changed one", func(t *testing.T) {
		m := m.with(t)
		m.write("etc/forager/forager.conf", "core core.example.org:9001\n")
		m.install(newer(t, deb, "101"), "--force-confold")
		m.wantText("etc/forager/forager.conf", "core core.example.org:9001")
		m.wantText("etc/forager/forager.conf.dpkg-dist", "new in 101")
		m.wantFile("/etc/forager/forager.conf", "640 root:forager")
		m.wantFile("/etc/forager/forager.conf.dpkg-dist", "640 root:forager")
	})
	t.Run("upgrade that takes the new one", func(t *testing.T) {
		m := m.with(t)
		m.install(newer(t, deb, "102"), "--force-confnew")
		m.wantText("etc/forager/forager.conf", "new in 102")
		m.wantText("etc/forager/forager.conf.dpkg-old", "core core.example.org:9001")
		m.wantFile("/etc/forager/forager.conf", "640 root:forager")
		m.wantFile("/etc/forager/forager.conf.dpkg-old", "640 root:forager")
	})
	t.Run("disabled stays disabled", func(t *testing.T) {
		m := m.with(t)
		m.run("systemctl", "disable", "forager.service")
		m.install(newer(t, deb, "103"))
		if m.has(enabled) {
			t.Error("an upgrade enabled the service")
		}
		m.run("systemctl", "enable", "forager.service")
	})
	t.Run("owner of the administrator's choice", func(t *testing.T) {
		m := m.with(t)
		m.run("dpkg-statoverride", "--update", "--add", "root", "adm", "0600", "/etc/forager/forager.conf")
		m.install(newer(t, deb, "104"))
		m.wantFile("/etc/forager/forager.conf", "600 root:adm")
		m.run("dpkg-statoverride", "--remove", "/etc/forager/forager.conf")
	})

	// What a node leaves behind, where a dynamic user's state is.
	m.run("mkdir", "-p", "/var/lib/private/forager/spool")
	m.run("ln", "-s", "private/forager", "/var/lib/forager")
	m.write("var/lib/private/forager/spool/1", "events")
	m.run("dpkg", "-r", "forager")
	m.wantStatus("rc")
	if m.has("usr/sbin/forager") || m.has("lib/systemd/system/forager.service") {
		t.Error("removed, the program or its unit is still there")
	}
	if !m.has("etc/forager/forager.conf") || !m.has("var/lib/forager/spool/1") {
		t.Error("removed, configuration or state are gone")
	}

	m.install(deb)
	m.wantStatus("ii")
	if !m.has(enabled) || m.has("etc/systemd/system/forager.service") {
		t.Error("installed again, the service is masked or not enabled")
	}
	m.run("dpkg", "--purge", "forager")
	m.wantStatus("")
	m.run("rm", "/tmp/forager.deb")
	same(t, "left after a purge, or gone", difference(before, m.files()), nil)
}

// with is the same machine for a part of a test.
func (m *machine) with(t *testing.T) *machine { return &machine{t, m.root} }

// files lists every file and directory of the machine, but what dpkg and
// systemd-sysusers keep for themselves.
func (m *machine) files() (list []string) {
	m.t.Helper()
	for name := range strings.Lines(m.run("find", "/", "-xdev", "-printf", "%y %m %u:%g %p %l\n")) {
		name = strings.TrimSpace(name)
		path := strings.Fields(name)[3]
		switch {
		case strings.HasPrefix(path, "/var/lib/dpkg"), strings.HasPrefix(path, "/var/log"), strings.HasPrefix(path, "/var/cache"):
		case path == "/etc/group-", path == "/etc/gshadow-", path == "/etc/.pwd.lock", path == "/var/lib/private":
		case strings.HasPrefix(path, "/var/lib/systemd/deb-systemd-helper"): // empty directories
		default:
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func difference(before, after []string) (list []string) {
	for _, name := range after {
		if _, found := slices.BinarySearch(before, name); !found {
			list = append(list, "+ "+name)
		}
	}
	for _, name := range before {
		if _, found := slices.BinarySearch(after, name); !found {
			list = append(list, "- "+name)
		}
	}
	return list
}

// systemd of the machine itself takes the unit as it is, with what a minimal
// Debian has.
func TestDebianUnit(t *testing.T) {
	m := newMachine(t)
	m.install(made(t, "_amd64.deb")[0])
	unit := m.run("systemctl", "--root=/", "is-enabled", "forager.service")
	if strings.TrimSpace(unit) != "enabled" {
		t.Errorf("the service is %q", unit)
	}
	if out := m.run("systemd-analyze", "verify", "--man=no", "forager.service"); out != "" {
		t.Errorf("systemd-analyze verify says:\n%s", out)
	}
}

func TestLintian(t *testing.T) {
	args := append([]string{"--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"}, made(t, ".deb")...)
	out, err := exec.Command("lintian", args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Every Debian package has the program of its architecture.
func TestDebianArchitectures(t *testing.T) {
	runs := map[string]string{"amd64": "", "arm64": "qemu-aarch64-static", "armhf": "qemu-arm-static", "armel": "qemu-arm-static"}
	for _, deb := range made(t, ".deb") {
		dir := t.TempDir()
		command(t, "dpkg-deb", "-x", deb, dir)
		arch := strings.TrimSpace(command(t, "dpkg-deb", "-f", deb, "Architecture"))
		emulator, known := runs[arch]
		if !known {
			t.Errorf("%s is for %q", deb, arch)
			continue
		}
		want := map[string]string{"armhf": "GOARM=6", "armel": "GOARM=5", "arm64": "GOARCH=arm64", "amd64": "GOARCH=amd64"}[arch]
		program := filepath.Join(dir, "usr/sbin/forager")
		wantBuilt(t, program, want)
		words := strings.Fields(emulator + " " + program + " version")
		if out := command(t, words[0], words[1:]...); !strings.HasPrefix(out, "forager ") {
			t.Errorf("%s: %s", filepath.Base(deb), out)
		}
	}
}

// wantBuilt asks the program itself how it was built.
func wantBuilt(t *testing.T, program, setting string) {
	t.Helper()
	out := command(t, "go", "version", "-m", program)
	if !strings.Contains(out, "build\t"+setting+"\n") {
		t.Errorf("%s was not built with %s:\n%s", program, setting, out)
	}
	if !strings.Contains(out, "build\tCGO_ENABLED=0\n") || !strings.Contains(out, "build\t-trimpath=true\n") {
		t.Errorf("%s was built otherwise:\n%s", program, out)
	}
}
