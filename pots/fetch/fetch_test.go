package fetch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forager/pots/process"
)

func TestMain(m *testing.M) {
	process.Confined()
	os.Exit(m.Run())
}

// runner is how git is run: confined, but in an emulator, where this program
// can't become another one, and under the race detector.
func runner() func(context.Context, process.Spec) error {
	if !emulated() && !underRace {
		return nil
	}
	return func(ctx context.Context, s process.Spec) error {
		cmd := exec.CommandContext(ctx, s.Args[0], s.Args[1:]...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.Dir, s.Env, s.Stdout, s.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		return cmd.Run()
	}
}

// emulated tells whether an emulator runs this test.
func emulated() bool {
	_, err := exec.LookPath("qemu-" + runtime.GOARCH + "-static")
	return err == nil && runtime.GOARCH != "amd64"
}

// git runs git in dir as somebody else's, without this machine's settings.
func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commitAll commits what lies in dir.
func commitAll(t testing.TB, dir string) string {
	t.Helper()
	git(t, dir, "add", "-A", "-f")
	git(t, dir, "commit", "-q", "-m", "x", "--allow-empty")
	return git(t, dir, "rev-parse", "HEAD")
}

// newRepo makes a repository with a few files and returns its directory and
// commit.
func newRepo(t testing.TB) (dir, commit string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "repo")
	git(t, filepath.Dir(dir), "init", "-q", "-b", "main", dir)
	write(t, dir, map[string]string{"main.py": "print('hello')\n", "a/b/c.txt": "text\n", "run.sh": "#!/bin/sh\n"})
	if err := errors.Join(os.Chmod(filepath.Join(dir, "run.sh"), 0o755), os.Symlink("b/c.txt", filepath.Join(dir, "a", "link")), os.Symlink("gone", filepath.Join(dir, "dangling"))); err != nil {
		t.Fatal(err)
	}
	return dir, commitAll(t, dir)
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// configFor allows one repository of this machine's.
func configFor(t testing.TB, repo string) (Source, Config) {
	t.Helper()
	return Source{URL: "file://" + repo}, Config{Dir: filepath.Join(t.TempDir(), "new"), Allow: []string{"file://" + filepath.Dir(repo) + "/*"}, run: runner()}
}

// wantEmpty checks that nothing was left behind in a directory.
func wantEmpty(t testing.TB, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}

// wantFailure fetches what can't be had and checks that nothing is left.
func wantFailure(t testing.TB, s Source, c Config, want error, text string) {
	t.Helper()
	commit, err := Fetch(t.Context(), s, c)
	if !errors.Is(err, want) || !strings.Contains(err.Error(), text) || commit != "" {
		t.Errorf("%s: got %q, %v; want %v with %q", s.URL, commit, err, want, text)
	}
	if err != nil && (len(err.Error()) > 900 || strings.ContainsAny(err.Error(), "\n\r\x1b")) {
		t.Errorf("not a line: %q", err)
	}
	wantEmpty(t, filepath.Dir(c.Dir))
}

func tree(t testing.TB, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, file)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFetch(t *testing.T) {
	repo, first := newRepo(t)
	git(t, repo, "checkout", "-q", "-b", "release/2")
	write(t, repo, map[string]string{"second.txt": "2"})
	second := commitAll(t, repo)
	git(t, repo, "checkout", "-q", "main")

	for _, tt := range []struct{ branch, commit, files string }{
		{"", first, "a/b/c.txt a/link dangling main.py run.sh"},
		{"main", first, "a/b/c.txt a/link dangling main.py run.sh"},
		{"release/2", second, "a/b/c.txt a/link dangling main.py run.sh second.txt"},
	} {
		s, c := configFor(t, repo)
		s.Branch = tt.branch
		commit, err := Fetch(t.Context(), s, c)
		if err != nil || commit != tt.commit {
			t.Fatalf("%q: %s, %v, want %s", tt.branch, commit, err, tt.commit)
		}
		if got := strings.Join(tree(t, c.Dir), " "); got != tt.files {
			t.Errorf("%q: %s, want %s", tt.branch, got, tt.files)
		}
		if text, err := os.ReadFile(filepath.Join(c.Dir, "a/link")); err != nil || string(text) != "text\n" {
			t.Errorf("through the link: %q, %v", text, err)
		}
		if info, err := os.Stat(filepath.Join(c.Dir, "run.sh")); err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("run.sh: %v, %v", info, err)
		}
		// A directory that is there is somebody's.
		if _, err := Fetch(t.Context(), s, c); !errors.Is(err, fs.ErrExist) {
			t.Errorf("into a directory that is there: %v", err)
		}
		if len(tree(t, c.Dir)) == 0 {
			t.Error("it was emptied")
		}
	}
}

func TestFailures(t *testing.T) {
	repo, _ := newRepo(t)
	s, c := configFor(t, repo)

	s.Branch = "gone"
	wantFailure(t, s, c, ErrBranch, `"gone"`)
	s.Branch = ""
	wantFailure(t, Source{URL: s.URL + "x"}, c, ErrNotFound, "")

	empty := filepath.Join(filepath.Dir(repo), "empty")
	git(t, filepath.Dir(repo), "init", "-q", empty)
	wantFailure(t, Source{URL: "file://" + empty}, c, ErrBranch, "is empty")

	none := c
	none.path = t.TempDir()
	wantFailure(t, s, none, ErrNoGit, "install git")
	missing := c
	missing.Dir = filepath.Join(filepath.Dir(c.Dir), "missing", "new")
	if _, err := Fetch(t.Context(), s, missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a parent that is not there: %v", err)
	}
	relative := c
	relative.Dir = "new"
	if _, err := Fetch(t.Context(), s, relative); !errors.Is(err, ErrRefused) {
		t.Errorf("a relative directory: %v", err)
	}
	full := c
	full.Reserve = 1 << 60
	wantFailure(t, s, full, ErrNoSpace, "are to stay free")
	few := c
	few.MaxFiles = 4 // a, a/b, and three of five files
	wantFailure(t, s, few, ErrTooMany, "more than 4")

	write(t, repo, map[string]string{strings.Repeat("long/", 40) + "x": ""})
	commitAll(t, repo)
	wantFailure(t, s, c, ErrTree, "32 directories")
}

// A host that no resolver knows (RFC 2606) and a port where nothing listens.
func TestNoNetwork(t *testing.T) {
	c := Config{Dir: filepath.Join(t.TempDir(), "new"), Allow: []string{"https://no-such-host.invalid/*", "https://127.0.0.1:1/*"}, run: runner()}
	wantFailure(t, Source{URL: "https://no-such-host.invalid/x"}, c, ErrNetwork, "no-such-host.invalid")
	wantFailure(t, Source{URL: "https://127.0.0.1:1/x"}, c, ErrNetwork, "127.0.0.1")
}

func TestTimeAndCancel(t *testing.T) {
	repo, _ := newRepo(t)
	s, c := configFor(t, repo)
	c.path = slowGit(t)
	c.read = []string{c.path}
	c.Timeout = 50 * time.Millisecond
	wantFailure(t, s, c, ErrTimeout, "50ms")

	c.Timeout = 0
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := Fetch(ctx, s, c); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	wantEmpty(t, filepath.Dir(c.Dir))
	if out, err := exec.Command("pgrep", "-f", filepath.Join(c.path, "sleeper")).Output(); err == nil {
		t.Errorf("still running: %s", out)
	}
}

// slowGit is a git that never ends, and a child of it that would not either.
func slowGit(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	sleeper := filepath.Join(dir, "sleeper")
	if err := errors.Join(
		os.WriteFile(sleeper, []byte("#!/bin/sh\ntrap '' TERM\nwhile sleep 1; do :; done\n"), 0o755),
		os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\n"+sleeper+" &\nexec "+sleeper+"\n"), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestProgress(t *testing.T) {
	repo, _ := newRepo(t)
	s, c := configFor(t, repo)
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf 'Receiving objects:  10%%\\rReceiving objects:  20%%\\r' >&2\nsleep 3\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	c.path, c.read = dir, []string{dir}
	var mu sync.Mutex
	var said []string
	c.Progress = func(s string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, s)
	}
	if _, err := Fetch(t.Context(), s, c); !errors.Is(err, ErrGit) {
		t.Error(err)
	}
	if len(said) == 0 || len(said) > 4 || !slices.Contains(said, "Receiving objects:  20%") {
		t.Errorf("said %q", said)
	}
}

// wantOwner checks that all in a directory is one user's.
func wantOwner(t *testing.T, dir string, uid uint32) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != uid {
			t.Errorf("%s is not its", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A repository on this machine that only we can read becomes another user's.
func TestForAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give away")
	}
	repo, want := newRepo(t)
	if err := os.Chmod(repo, 0o700); err != nil {
		t.Fatal(err)
	}
	s, c := configFor(t, repo)
	c.UID = 61999
	commit, err := Fetch(t.Context(), s, c)
	if err != nil || commit != want {
		t.Fatalf("%s, %v; want %s", commit, err, want)
	}
	wantOwner(t, c.Dir, c.UID)
}

// Goroutines and descriptors return to their count.
func TestLeavesNoDescriptors(t *testing.T) {
	repo, _ := newRepo(t)
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	s, c := configFor(t, repo)
	s.Branch = "gone"
	wantFailure(t, s, c, ErrBranch, "")
	before := count()
	for range 3 {
		wantFailure(t, s, c, ErrBranch, "")
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

func TestReasons(t *testing.T) {
	j := job{source: Source{URL: "https://git.example/x"}, cfg: Config{Dir: t.TempDir(), Reserve: 1}}
	for said, want := range map[string]error{
		"fatal: unable to access 'https://x/': Could not resolve host: x":                    ErrNetwork,
		"fatal: unable to access 'https://x/': The requested URL returned error: 404":        ErrNotFound,
		"fatal: unable to access 'https://x/': The requested URL returned error: 503":        ErrNetwork,
		"fatal: unable to access 'https://x/': The requested URL returned error: 302":        ErrRefused,
		"fatal: could not read Username for 'https://x': terminal prompts disabled":          ErrNotFound,
		"remote: Repository not found.\nfatal: repository 'https://x/' not found":            ErrNotFound,
		"fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack": ErrNoSpace,
		"error: object 12: fsckd\nfatal: fsck error in packed object":                        ErrTree,
		"":                     ErrGit,
		"fatal: something new": ErrGit,
		strings.Repeat("fatal: \x1b[2Jlong ", 1000): ErrGit,
	} {
		var tl tail
		if _, err := tl.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
		err := j.reason("fetch", tl.text(), errors.New("exit status 128"))
		if !errors.Is(err, want) || len(err.Error()) > 500 || regexp.MustCompile(`[^ -~…]`).MatchString(err.Error()) {
			t.Errorf("%q: %q, want %v", said[:min(len(said), 80)], err, want)
		}
	}
	for _, r := range reasons {
		if r.text != strings.ToLower(r.text) {
			t.Errorf("%q is never found", r.text)
		}
	}
}
