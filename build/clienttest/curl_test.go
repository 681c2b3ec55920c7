package clienttest

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// curl asks a pot and returns what it printed.
func (h *house) curl(args ...string) string {
	h.t.Helper()
	out, _ := h.run("", "curl", append([]string{"-sk", "-m", "30", "-A", "test-agent"}, args...)...)
	return out
}

func (h *house) url(scheme, pot, path string) string {
	return scheme + "://127.0.0.1:" + h.ports[pot] + path
}

// summary is one line an event.
func summary(list []event) string {
	var b strings.Builder
	for _, e := range list {
		_, what, _ := strings.Cut(e.EventType, ".")
		b.WriteString(what)
		for _, key := range []string{"method", "url", "version", "auth", "username", "password", "body", "length"} {
			if v, ok := e.Data[key]; ok {
				fmt.Fprintf(&b, " %v", v)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestCurl(t *testing.T) {
	h := open(t, "router", "http id=http auth=form", "https id=https", "http id=digest auth=digest")
	upload := filepath.Join(t.TempDir(), "upload")
	check(t, os.WriteFile(upload, []byte(strings.Repeat("x", 100_000)), 0o600))
	http, https, digest := h.url("http", "http", "/"), h.url("https", "https", "/"), h.url("http", "digest", "/")
	for _, c := range []struct {
		name string
		args []string
		out  string // what curl prints holds this
		want string
	}{
		{"get", []string{"-i", http}, "200 OK", "request GET / 1.1\n"},
		{"head", []string{"-I", http}, "Content-Length:", "request HEAD / 1.1\n"},
		{"1.0", []string{"-i", "-0", http}, "Connection: close", "request GET / 1.0\n"},
		{"options", []string{"-i", "-X", "OPTIONS", http}, "Allow:", "request OPTIONS / 1.1\n"},
		{"two URLs, one connection", []string{"-w", "%{num_connects} ", "-o", "/dev/null", "-o", "/dev/null", http, http + "login.cgi"}, "1 0 ", "request GET / 1.1\nrequest GET /login.cgi 1.1\n"},
		{"form", []string{"-i", "-d", "username=admin&password=a%26b", http + "login.cgi"}, "200 OK",
			"request POST /login.cgi 1.1 username=admin&password=a%26b 29\nlogin.failed form admin a&b\n"},
		{"multipart", []string{"-F", "user=u", "-F", "pass=p", "-o", "/dev/null", "-w", "%{http_code}", http}, "200", "*login.failed form u p\n"},
		{"JSON", []string{"-i", "--json", `{"username":"u","password":"p"}`, http + "api/login"}, "200 OK",
			"request POST /api/login 1.1 {\"username\":\"u\",\"password\":\"p\"} 31\nlogin.failed form u p\n"},
		{"basic", []string{"-i", "-u", "root:x:y", http}, "200 OK", "request GET / 1.1\nlogin.failed basic root x:y\n"},
		{"digest", []string{"-i", "--digest", "-u", "root:secret", digest}, "401", "request GET / 1.1\nrequest GET / 1.1\nlogin.failed GET digest root\n"},
		{"chunked upload", []string{"-H", "Transfer-Encoding: chunked", "-T", upload, "-o", "/dev/null", "-w", "%{http_code}", http + "up"}, "404", "*100000\n"},
		{"https", []string{"-i", https}, "401 N/A", "client.hello\nrequest GET / 1.1\n"},
		{"https, TLS 1.2", []string{"-i", "--tls-max", "1.2", "-d", "user=u&pwd=p", https}, "401 N/A",
			"client.hello\nrequest POST / 1.1 user=u&pwd=p 12\nlogin.failed form u p\n"},
		{"TLS to http", []string{"-w", "%{http_code}", h.url("https", "http", "/")}, "000", "client.hello\n"},
		{"http to TLS", []string{"-i", h.url("http", "https", "/")}, "", "request GET / 1.1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := h.curl(c.args...); !strings.Contains(out, c.out) {
				t.Errorf("printed %q", out)
			}
			got := summary(h.events())
			if end, ok := strings.CutPrefix(c.want, "*"); ok && strings.HasSuffix(got, end) {
				return
			}
			if got != c.want {
				t.Errorf("at Core:\n%swant:\n%s", got, c.want)
			}
		})
	}
}

// TestPipelined: three requests in one segment get three answers.
func TestPipelined(t *testing.T) {
	h := open(t, "router", "http id=http auth=form")
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+h.ports["http"], patience)
	check(t, err)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = io.WriteString(c, "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /3 HTTP/1.0\r\n\r\n")
	check(t, err)
	heard, err := io.ReadAll(c)
	check(t, err)
	if n := strings.Count(string(heard), "HTTP/1.1 "); n != 3 {
		t.Errorf("%d answers", n)
	}
	if got, want := summary(h.events()), "request GET /1 1.1\nrequest POST /2 1.1 ab 2\nrequest GET /3 1.0\n"; got != want {
		t.Errorf("at Core:\n%s", got)
	}
}
