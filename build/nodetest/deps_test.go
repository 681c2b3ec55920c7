package nodetest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// unlinked is what the program must not hold, and why. Sizes are of a
// stripped mipsle binary. The package log is not among them: x/crypto/ssh brings
// its 10 KB.
var unlinked = map[string]string{
	"net/http":                           "1.0 MB, and the node speaks no HTTP to anybody",
	"net/http/httputil":                  "see net/http",
	"net/smtp":                           "the node opens connections to Core alone",
	"net/rpc":                            "calls methods by name: the linker then keeps every exported one",
	"text/template":                      "calls methods by name: the linker then keeps every exported one, 330 KB compressed",
	"html/template":                      "see text/template",
	"expvar":                             "brings net/http",
	"net/http/pprof":                     "brings net/http",
	"runtime/pprof":                      "brings compress/gzip and text/tabwriter; profile a test instead",
	"testing":                            "is for tests, and registers flags",
	"plugin":                             "loads code",
	"log/slog":                           "board.Log does what a router's syslog needs",
	"encoding/gob":                       "reflects over everything; state is MessagePack",
	"encoding/xml":                       "nothing here is XML",
	"image/png":                          "the QR code is text",
	"database/sql":                       "state is a file",
	"go/build":                           "is for tools",
	"time/tzdata":                        "450 KB; times are UTC",
	"gopkg.in/yaml.v2":                   "1.2 MB; the file is lines",
	"gopkg.in/yaml.v3":                   "1.2 MB; the file is lines",
	"github.com/stretchr/testify/assert": "is for tests",
}

// ownDirectory marks packages of ours that are for development.
const ownDirectory = "forager/build/"

func TestNotLinked(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "forager")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for pkg := range strings.FieldsSeq(string(out)) {
		n++
		if why := unlinked[pkg]; why != "" {
			t.Errorf("%s is linked: %s (go mod why %s)", pkg, why, pkg)
		}
		if strings.HasPrefix(pkg, ownDirectory) {
			t.Errorf("%s is linked, and is for development", pkg)
		}
		if strings.Contains(pkg, "yaml") || strings.Contains(pkg, "toml") {
			t.Errorf("%s is linked: the file is lines", pkg)
		}
	}
	if n < 50 {
		t.Errorf("only %d packages", n)
	}
}
