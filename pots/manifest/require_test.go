package manifest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program makes a directory with one program in it, a script for sh.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCheckRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		r      Requirement
		script string // empty: no program
		want   string
	}{
		{"missing", Requirement{Program: "php"}, "", "program php: not in "},
		{"missing, and what to install", Requirement{Program: "php"}, "", "(install php-cli)"},
		{"too old", Requirement{Program: "python3", Version: ">=3.7"}, "echo Python 3.6.9", "python3 is 3.6.9, want >=3.7"},
		{"on stderr", Requirement{Program: "python3", Version: ">=3.7"}, "echo Python 2.7.18 >&2", "python3 is 2.7.18, want >=3.7"},
		{"tells nothing", Requirement{Program: "python3", Version: ">=3.7"}, "echo hello", `tells no version: "hello"`},
		{"fails", Requirement{Program: "python3", Version: ">=3.7"}, "echo broken; exit 3", `exit status 3: "broken"`},
		{"prints too much", Requirement{Program: "python3", Version: ">=3.7"}, "head -c 300000 /dev/zero | tr '\\0' x", "tells no version"},
		{"no extension", Requirement{Program: "php", Extensions: []string{"json", "sockets", "gd"}}, "echo '[PHP Modules]'; echo JSON", "has no extension sockets, gd, want json, sockets, gd"},
		{"no module", Requirement{Program: "python3", Extensions: []string{"ensurepip"}}, "echo ImportError; exit 1", "no module ensurepip (on Debian: install python3-venv)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.script != "" {
				dir = program(t, tt.r.Program, tt.script)
			}
			err := tt.r.check(t.Context(), dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := Requirement{Program: "python3", Version: ">=3"}
	if err := r.check(ctx, program(t, "python3", "exec sleep 100")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a program that does not end: %v", err)
	}
}

// The real programs: build/deps.sh installs them.
func TestCheckReal(t *testing.T) {
	for _, r := range []Requirement{
		{Program: "python3", Version: ">=3.7", Extensions: []string{"venv", "ensurepip"}},
		{Program: "php", Version: ">=7.4", Extensions: []string{"json", "sockets"}},
	} {
		if err := r.Check(t.Context()); err != nil {
			t.Error(err)
		}
		r.Version = ">=99"
		if err := r.Check(t.Context()); !errors.Is(err, ErrRequired) || !strings.Contains(err.Error(), "want >=99") {
			t.Errorf("%s >=99: %v", r.Program, err)
		}
		r.Version, r.Extensions = "", []string{"no_such_thing"}
		if err := r.Check(t.Context()); !errors.Is(err, ErrRequired) || !strings.Contains(err.Error(), "no_such_thing") {
			t.Errorf("%s with no_such_thing: %v", r.Program, err)
		}
	}
	if err := (Requirement{Program: "../bin/sh"}).Check(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a path: %v", err)
	}
}
