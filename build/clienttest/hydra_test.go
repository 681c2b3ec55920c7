package clienttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// passwords is how many hydra is given.
const passwords = 200

// TestHydra: every password that hydra tried is at Core, once, and nothing of
// its connections is left at the node.
func TestHydra(t *testing.T) {
	// Where a telnet server asks again after a refusal, hydra 9.4 reads two
	// passwords from its queue and forgets the second: one try a connection.
	h := open(t, "router", "ssh id=ssh accept=never keys=ed25519", "telnet id=telnet accept=never tries=1",
		"http id=http auth=form", "http id=basic auth=basic", "https id=https auth=basic")
	list := filepath.Join(h.dir, "passwords")
	var b strings.Builder
	for i := range passwords {
		fmt.Fprintf(&b, "pass-%d!\n", i)
	}
	check(t, os.WriteFile(list, []byte(b.String()), 0o600))
	before := h.files()
	for _, c := range []struct{ name, pot, tasks, module, arg, auth string }{
		{"ssh", "ssh", "4", "ssh", "", ""},
		{"ssh, many at once", "ssh", "16", "ssh", "", ""},
		{"telnet", "telnet", "64", "telnet", "", ""},
		{"form", "http", "4", "http-form-post", "/login.cgi:username=^USER^&password=^PASS^:F=incorrect", "form"},
		{"basic", "basic", "4", "http-get", "/", "basic"},
		{"basic over TLS", "https", "4", "https-get", "/", "basic"},
		{"WordPress", "http", "4", "http-form-post", "/wp-login.php:log=^USER^&pwd=^PASS^&wp-submit=Log+In:F=incorrect", "form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"-I", "-t", c.tasks, "-l", "admin", "-P", list, "-s", h.ports[c.pot], "127.0.0.1", c.module}
			if c.arg != "" {
				args = append(args, c.arg)
			}
			h.hydra(t, c.auth, args...)
		})
	}
	for h.files() > before {
		if h.ctx.Err() != nil {
			t.Fatalf("%d open files, %d at the start", h.files(), before)
		}
	}
}

// hydra runs it and compares what it tried with what is at Core. It is done
// when it has handed out the last password, and says how many of its workers
// had not come to trying theirs by then: so many may be missing.
func (h *house) hydra(t *testing.T, auth string, args ...string) {
	h.events()
	out, _ := h.run("", "hydra", args...)
	if !strings.Contains(out, "0 valid password") {
		t.Errorf("hydra: %s", out)
	}
	unfinished := 0
	if _, rest, ok := strings.Cut(out, "Writing restore file because "); ok {
		_, err := fmt.Sscan(rest, &unfinished)
		check(t, err)
	}
	tried := map[string]int{}
	for _, e := range h.events() {
		if !strings.HasSuffix(e.EventType, ".login.failed") {
			continue
		}
		if auth != "" && e.text("auth") != auth {
			t.Errorf("%v", e.Data)
		}
		tried[e.text("username")+" "+e.text("password")]++
	}
	missing := 0
	for i := range passwords {
		switch p := fmt.Sprintf("admin pass-%d!", i); tried[p] {
		case 0:
			missing++
		case 1:
		default:
			t.Errorf("%q came %d times", p, tried[p])
		}
	}
	if missing > unfinished || len(tried) != passwords-missing {
		t.Errorf("%d missing of %d different passwords, hydra left out %d: %s", missing, len(tried), unfinished, out)
	}
}
