package nodetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLineBad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := write("broken.conf", "# a comment\ncore 192.0.2.1:9001\nheartbeat soon\npot toaster listen=:1\n")
	text := write("text", "no PEM here")
	missing := filepath.Join(dir, "none")
	tests := []struct {
		name string
		env  []string
		args []string
		want []string // in stderr
	}{
		{name: "unknown flag", args: []string{"-colour", "red"}, want: []string{"-colour"}},
		{name: "unknown command", args: []string{"sing"}, want: []string{`"sing"`}},
		{name: "wrong lines", args: []string{"-c", broken}, want: []string{"broken.conf:3", "(-heartbeat)", "broken.conf:4", "(-pot)"}},
		{name: "wrong lines checked", args: []string{"check", "-c", broken}, want: []string{"broken.conf:3", "broken.conf:4"}},
		{name: "wrong variable", env: []string{"FORAGER_CORE=nowhere"}, args: []string{"check"}, want: []string{"FORAGER_CORE", "host:port"}},
		{name: "file missing", args: []string{"-c", missing}, want: []string{missing, "(-c)"}},
		{name: "file named by a variable missing", env: []string{"FORAGER_C=" + missing}, args: []string{"check"}, want: []string{missing, "(-c)"}},
		{name: "CA missing", args: []string{"-tls", "-tls-ca", missing}, want: []string{missing, "-tls-ca"}},
		{name: "CA missing, checked", args: []string{"check", "-tls", "-tls-ca", missing}, want: []string{missing, "-tls-ca"}},
		{name: "CA no PEM", args: []string{"check", "-tls", "-tls-ca", text}, want: []string{text, "-tls-ca"}},
		{
			name: "what only the machine knows, checked",
			args: []string{"check", "-persona", "nobody's", "-user", "no-such-user", "-pot", "tcp id=a listen=:81", "-pot", "tcp id=b listen=:81"},
			want: []string{"-persona", "-user", "pots a and b both listen on :81 (-pot)"},
		},
		{name: "key missing", args: []string{"check", "-tls", "-tls-cert", text, "-tls-key", missing}, want: []string{missing, "-tls-key"}},
		{name: "ring too small", args: []string{"-ring-size", "1024"}, want: []string{"-ring-size"}},
		{name: "nobody to ask", args: []string{"status", "-control", missing}, want: []string{"no node runs", missing, "-control"}},
		{name: "control off", args: []string{"status", "-control", ""}, want: []string{"-control"}},
		{name: "secret into a file's place", args: []string{"totp", "-state-dir", text}, want: []string{text, "-state-dir"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// No test of this table may get as far as to run.
			args := append(tt.args, "-state-dir", filepath.Join(dir, "state"))
			if strings.Contains(strings.Join(tt.args, " "), "-state-dir") || tt.name == "unknown command" {
				args = tt.args
			}
			stdout, stderr, code := forager(t, tt.env, args...)
			if code != 1 || stdout != "" {
				t.Errorf("exit %d, stdout %q", code, stdout)
			}
			for _, part := range tt.want {
				if !strings.Contains(stderr, part) {
					t.Errorf("%q does not say %q", stderr, part)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); !os.IsNotExist(err) {
		t.Error("a command that failed made a state directory")
	}
}

func TestCommandLine(t *testing.T) {
	if out, _, code := forager(t, nil, "version"); code != 0 || out != "forager "+programVersion+"\n" {
		t.Errorf("version: %q, exit %d", out, code)
	}
	if out, _, code := forager(t, nil, "-h"); code != 0 || !strings.Contains(out, "-core-dialect") {
		t.Errorf("-h: %q, exit %d", out, code)
	}

	// What check prints is a file that check prints again.
	dir := t.TempDir()
	args := []string{"check", "-core", "a:1", "-core", "b:2", "-pot", "telnet listen=:2323 accept=after:3", "-tls", "-intake", ""}
	first, stderr, code := forager(t, nil, args...)
	if code != 0 {
		t.Fatalf("check: %s", stderr)
	}
	path := filepath.Join(dir, "f.conf")
	if err := os.WriteFile(path, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	second, stderr, code := forager(t, nil, "check", "-c", path)
	if code != 0 || values(first) != values(second) {
		t.Errorf("exit %d, %s\nfirst\n%s\nsecond\n%s", code, stderr, first, second)
	}

	state := filepath.Join(dir, "state")
	out, stderr, code := forager(t, nil, "totp", "-state-dir", state, "-node-name", "router")
	if code != 0 || !strings.HasPrefix(out, "otpauth://totp/HoneyBee:router?") || !strings.Contains(out, "█") {
		t.Errorf("totp: exit %d, %s\n%s", code, stderr, out)
	}
	if again, _, _ := forager(t, nil, "totp", "-state-dir", state, "-node-name", "router"); again != out {
		t.Error("totp made a second secret")
	}
	if info, err := os.Stat(state); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state directory: %v, %v", info.Mode(), err)
	}
}

// values drops the places that values came from.
func values(config string) string {
	var b strings.Builder
	for line := range strings.Lines(config) {
		line, _, _ = strings.Cut(line, "  # ")
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
