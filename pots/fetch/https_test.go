package fetch

import (
	"bytes"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve is a git server over TLS 1.3, as the big ones are: git's own
// http-backend. It also is what misbehaves, by the first part of the path.
func serve(t *testing.T, root string) (url string, env []string) {
	t.Helper()
	backend := &cgi.Handler{
		Path: filepath.Join(git(t, root, "--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + safe(t)},
	}
	mux := http.NewServeMux()
	mux.Handle("/git/", http.StripPrefix("/git", backend))
	mux.HandleFunc("/private/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	})
	mux.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(r.URL.String(), "/moved/", "/git/", 1), http.StatusMovedPermanently)
	})
	mux.HandleFunc("/down/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "later", http.StatusServiceUnavailable) })
	mux.HandleFunc("/page/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello</html>") })
	mux.HandleFunc("/hangs/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/cut/", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if strings.Contains(string(body), "command=fetch") { // the answer with the pack: its beginning only
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = io.WriteString(w, "000dpackfile\n0011\x01PACK\x00\x00\x00\x02\x00\x00\x00\x09")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		http.StripPrefix("/cut", backend).ServeHTTP(w, r)
	})
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are part of the test
	backend.Logger, backend.Stderr = s.Config.ErrorLog, io.Discard
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, []string{"GIT_SSL_CAINFO=" + ca}
}

// safe is a configuration by which the server takes anybody's repositories.
func safe(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[safe]\n\tdirectory = *\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestHTTPS(t *testing.T) {
	repo, want := newRepo(t)
	url, env := serve(t, filepath.Dir(repo))
	c := Config{Dir: filepath.Join(t.TempDir(), "new"), Allow: []string{url + "/*/*"}, env: env, read: []string{strings.TrimPrefix(env[0], "GIT_SSL_CAINFO=")}, run: runner(), Timeout: time.Minute}

	for _, tt := range []struct {
		path, branch string
		err          error
		text         string
	}{
		{"/git/gone", "", ErrNotFound, "not found"},
		{"/git/repo", "gone", ErrBranch, `"gone"`},
		{"/private/repo", "", ErrNotFound, "asks for a password"},
		{"/moved/repo", "", ErrRefused, "it has moved"},
		{"/down/repo", "", ErrNetwork, "503"},
		{"/page/repo", "", ErrBranch, "or no repository"},
		{"/cut/repo", "", ErrNetwork, ""},
	} {
		wantFailure(t, Source{URL: url + tt.path, Branch: tt.branch}, c, tt.err, tt.text)
	}
	late := c
	late.Timeout = time.Second
	wantFailure(t, Source{URL: url + "/hangs/repo"}, late, ErrTimeout, "1s")
	stranger := c
	stranger.env = nil
	wantFailure(t, Source{URL: url + "/git/repo"}, stranger, ErrNetwork, "certificate")

	commit, err := Fetch(t.Context(), Source{URL: url + "/git/repo", Branch: "main"}, c)
	if err != nil || commit != want {
		t.Fatalf("%s, %v; want %s", commit, err, want)
	}
	if got := strings.Join(tree(t, c.Dir), " "); got != "a/b/c.txt a/link dangling main.py run.sh" {
		t.Error(got)
	}

	// As another user, into a directory that this one could not reach by itself.
	if os.Getuid() != 0 || c.run != nil {
		return
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	c.Dir, c.UID = filepath.Join(closed, "new"), 61999
	for ca := c.read[0]; ca != os.TempDir(); ca = filepath.Dir(ca) { // is for everybody
		if err := os.Chmod(ca, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if commit, err := Fetch(t.Context(), Source{URL: url + "/git/repo"}, c); err != nil || commit != want {
		t.Fatalf("%s, %v; want %s", commit, err, want)
	}
	wantOwner(t, c.Dir, c.UID)
}
