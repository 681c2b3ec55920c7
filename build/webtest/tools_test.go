package webtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const passwords = 200

// TestHydra: every password that hydra tried is at Core, once.
func TestHydra(t *testing.T) {
	list := filepath.Join(t.TempDir(), "passwords")
	var b strings.Builder
	for i := range passwords {
		fmt.Fprintf(&b, "pass-%d!\n", i)
	}
	check(t, os.WriteFile(list, []byte(b.String()), 0o600))
	h := open(t, "http id=http auth=form", "http id=basic auth=basic", "https id=https auth=basic")
	for _, c := range []struct{ name, pot, module, arg, how string }{
		{"form", "http", "http-form-post", "/login.cgi:username=^USER^&password=^PASS^:F=incorrect", "form"},
		{"basic", "basic", "http-get", "/", "basic"},
		{"basic over TLS", "https", "https-get", "/", "basic"},
		{"WordPress", "http", "http-form-post", "/wp-login.php:log=^USER^&pwd=^PASS^&wp-submit=Log+In:F=incorrect", "form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := h.run("hydra", "-I", "-t", "4", "-l", "admin", "-P", list, "-s", h.ports[c.pot], "127.0.0.1", c.module, c.arg)
			if !strings.Contains(out, "0 valid password") {
				t.Errorf("hydra: %s", out)
			}
			tried := map[string]int{}
			for _, e := range h.events() {
				if strings.HasSuffix(e.EventType, ".login.failed") {
					if e.Data["username"] != "admin" || e.Data["auth"] != c.how {
						t.Errorf("%v", e.Data)
					}
					tried[fmt.Sprint(e.Data["password"])]++
				}
			}
			for i := range passwords {
				if p := fmt.Sprintf("pass-%d!", i); tried[p] != 1 {
					t.Errorf("%q came %d times", p, tried[p])
				}
			}
			if len(tried) != passwords {
				t.Errorf("%d different passwords", len(tried))
			}
		})
	}
}
