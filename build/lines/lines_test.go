package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTraceOfALeanProgram has the same program die as Go links it and as
// leango does: with the lines put back, both traces must be the same.
func TestTraceOfALeanProgram(t *testing.T) {
	dir := t.TempDir()
	run(t, "go", "run", "forager/build/leango", dir)
	plain, lean := filepath.Join(dir, "plain"), filepath.Join(dir, "lean")
	build := []string{"build", "-gcflags=all=-l", "-ldflags=-s -w"}
	run(t, "go", append(build, "-o", plain, "./testdata/crash")...)
	run(t, "go", append(build, "-toolexec="+filepath.Join(dir, "toolexec"), "-o", lean, "./testdata/crash")...)
	if before, after := size(t, plain), size(t, lean); after > before*19/20 {
		t.Errorf("%d bytes, %d as Go links it", after, before)
	}
	table, err := read(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"panic", "nil", "wrapper"} {
		t.Run(way, func(t *testing.T) {
			bare := trace(t, lean, way)
			if strings.Contains(bare, ".go:") || !strings.Contains(bare, "\nmain.deep(") {
				t.Fatalf("with lines, or without functions:\n%s", bare)
			}
			var got strings.Builder
			if err := translate(&got, strings.NewReader(bare), table); err != nil {
				t.Fatal(err)
			}
			want := trace(t, plain, way)
			if got, want := comparable(got.String()), comparable(want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestTranslateLeavesWhatItDoesNotKnow(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	table, err := read(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"",
		"\t?:0 +0x10\n",
		"main.no such function()\n\t?:0 +0x10\n",
		"main.main()\n\t?:0 +0x\n",
		"main.main()\n\t?:0 +0x0\n",
		"main.main()\n\t?:0 +0xfffffffffffffffff\n",
		"main.main()\n\t?:0 +0xffffffff\n",
		"main.main(...)\n\t?:0\n",
		"(\n\t?:0 +0x1\n",
	} {
		var got strings.Builder
		if err := translate(&got, strings.NewReader(text), table); err != nil || got.String() != text {
			t.Errorf("%q became %q, %v", text, got.String(), err)
		}
	}
}

// comparable leaves the functions and places of a trace: arguments are not in
// a lean one, and addresses differ.
func comparable(trace string) string {
	var kept []string
	function := ""
	for line := range strings.Lines(trace) {
		line = strings.TrimSpace(line)
		if name := functionOf(line); name != "" {
			function = name
		} else if place, offset, ok := strings.Cut(line, " +0x"); ok {
			offset, _, _ = strings.Cut(offset, " ")
			kept = append(kept, function+" "+place+" "+offset)
		}
	}
	return strings.Join(kept, "\n")
}

// trace is what the program says when it dies in some way.
func trace(t *testing.T, program, way string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program, way)
	cmd.Stderr = &out
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 2 {
		t.Fatalf("%s: %v\n%s", way, err, out.String())
	}
	return out.String()
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
