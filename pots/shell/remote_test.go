package shell

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"forager/pots/persona"
)

// remote makes a shell, and counts its events.
func remote(t *testing.T, limits Limits) (*Shell, *[]string) {
	t.Helper()
	tpl, err := persona.Load("router", "")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	s := New(Config{Persona: tpl.For(7), Limits: limits, Event: func(kind string, _ ...Field) { told = append(told, kind) }})
	t.Cleanup(s.Close)
	return s, &told
}

// TestRemoteRefusals: what a device does not do, and in which words.
func TestRemoteRefusals(t *testing.T) {
	s, _ := remote(t, Limits{})
	_, stat := s.Stat("/none", true)
	_, read := s.ReadFile("/none/x")
	_, dir := s.ReadDir("/etc/passwd")
	_, link := s.Readlink("/etc/passwd")
	_, create := s.Create("/proc/x", 0o644, true)
	_, inDir := s.Create("/tmp", 0o644, true)
	for what, err := range map[string]error{
		"stat": stat, "read": read, "list of a file": dir, "readlink of a file": link, "create in /proc": create, "create a directory's name": inDir,
		"remove": s.Remove("/none"), "remove of a directory": s.Remove("/tmp"), "rmdir of a file": s.Rmdir("/etc/passwd"), "rmdir of a full one": s.Rmdir("/etc"),
		"mkdir of what is": s.Mkdir("/tmp", 0o755), "rename of nothing": s.Rename("/none", "/tmp/x"), "rename onto a directory": s.Rename("/etc/passwd", "/tmp"),
		"rename into nothing": s.Rename("/etc/passwd", "/none/x"), "chmod": s.Chmod("/none", 0o777), "chmod in /proc": s.Chmod("/proc/cpuinfo", 0o777), "symlink": s.Symlink("x", "/tmp"),
	} {
		if err == nil {
			t.Errorf("%s: done", what)
		}
	}
	if !errors.Is(stat, ErrNotExist) || !errors.Is(read, ErrNotExist) {
		t.Errorf("%v %v", stat, read)
	}
}

func TestRemoteFiles(t *testing.T) {
	s, told := remote(t, Limits{Bytes: 10_000})
	u, err := s.Create("/tmp/../tmp/a", 0o755, true)
	if err != nil || u.Path() != "/tmp/a" {
		t.Fatalf("%v", err)
	}
	u.Write([]byte("one "))
	u.Write([]byte("two"))
	i, err := s.Stat("/tmp/a", true)
	if err != nil || i.Mode != 0o100755 || i.Size != 7 || i.Owner != "root" || i.Name != "a" {
		t.Errorf("%+v %v", i, err)
	}
	if u, err = s.Create("/tmp/a", 0o600, false); err != nil {
		t.Fatal(err)
	}
	u.Write([]byte(" three"))
	if data, err := s.ReadFile("/tmp/a"); string(data) != "one two three" || err != nil {
		t.Errorf("%q %v", data, err)
	}
	list, err := s.ReadDir("/tmp")
	if err != nil || len(list) != 3 || list[0].Name != "." || list[1].Name != ".." || list[2].Name != "a" {
		t.Errorf("%+v %v", list, err)
	}
	if s.RealPath("") != s.cwd || s.RealPath("/tmp/./x/..") != "/tmp" {
		t.Errorf("%s", s.RealPath(""))
	}
	var out bytes.Buffer
	if s.Run([]byte("cat /tmp/a; X=1; cd /tmp"), &out); out.String() != "one two three" {
		t.Errorf("%q", out.String())
	}
	for _, err := range []error{s.Mkdir("/tmp/d", 0o700), s.Rename("/tmp/a", "/tmp/d/b"), s.Symlink("d/b", "/tmp/l"), s.Chmod("/tmp/l", 0o644)} {
		if err != nil {
			t.Error(err)
		}
	}
	if i, err := s.Stat("/tmp/l", true); err != nil || i.Mode != 0o100644 || i.Size != 13 {
		t.Errorf("%+v %v", i, err)
	}
	if i, err := s.Stat("/tmp/l", false); err != nil || i.Mode&persona.ModeType != persona.ModeLink {
		t.Errorf("%+v %v", i, err)
	}
	if at, err := s.Readlink("/tmp/l"); at != "d/b" || err != nil {
		t.Errorf("%q %v", at, err)
	}
	u, _ = s.Create("/tmp/big", 0o644, true)
	u.Write([]byte(strings.Repeat("x", 20_000))) // more than there is room
	s.Pause()
	for _, kind := range *told {
		if kind == "session.file_upload" {
			t.Error("an upload was told twice: its bringer tells it")
		}
	}
	// Another session: the files are there, all else is new.
	s.Again(Config{Persona: s.p, Limits: Limits{Bytes: 10_000}})
	out.Reset()
	if s.Run([]byte("pwd; echo [$X]; cat /tmp/d/b"), &out); out.String() != "/root\n[]\none two three" {
		t.Errorf("%q", out.String())
	}
	for _, err := range []error{s.Remove("/tmp/d/b"), s.Rmdir("/tmp/d"), s.Remove("/tmp/l"), s.Remove("/etc/passwd")} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Stat("/etc/passwd", true); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
}
