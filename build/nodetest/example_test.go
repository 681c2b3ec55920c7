package nodetest

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// block returns the README's only code block of a language that holds text.
func block(t *testing.T, language, text string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	_, rest, ok := strings.Cut(string(readme), "\n```"+language+"\n")
	for ; ok; _, rest, ok = strings.Cut(rest, "\n```"+language+"\n") {
		code, _, _ := strings.Cut(rest, "\n```\n")
		if !strings.Contains(code, text) {
			continue
		}
		if found != "" {
			t.Fatalf("two blocks of %s hold %q", language, text)
		}
		found = code + "\n"
	}
	if found == "" {
		t.Fatalf("no block of %s holds %q", language, text)
	}
	return found
}

// The README's example of a pot runs as it stands there.
func TestReadmePot(t *testing.T) {
	code := block(t, "python", "socketserver")
	if n := strings.Count(code, "\n") - strings.Count(code, "\n\n"); n > 20 {
		t.Errorf("the example has %d lines", n)
	}
	files := t.TempDir()
	for name, text := range map[string]string{"pot.py": code, "forager.json": block(t, "json", `"pyftp"`)} {
		if err := os.WriteFile(filepath.Join(files, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store := repository(t, files)
	p := startProgramNode(t, store)
	port := freePorts(t, 1)[0]
	if m := p.installed("ftp-1", "pyftp", store, map[string]string{"ftp_port": port}, true); !strings.Contains(m.Raw, `"Running"`) {
		t.Fatalf("installed: %s", m.Raw)
	}
	w := p.core.WatchNew()
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for _, turn := range []struct{ answer, line string }{
		{"220 ", "USER admin"}, {"331 ", "PASS hunter 2"}, {"530 ", "SYST"}, {"530 ", ""},
	} {
		if got, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(got, turn.answer) {
			t.Fatalf("%q, %v; want %s", got, err, turn.answer)
		}
		if _, err := io.WriteString(c, turn.line+"\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadString('\n'); err != io.EOF {
		t.Errorf("after an empty line: %v, want the end", err)
	}
	p.event(w, "ftp-1", `"username": "admin", "password": "hunter 2"`)
}
