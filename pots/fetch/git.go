package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"forager/board"
	"forager/pots/process"
)

// maxStderr is how much of what git says last is kept, in bytes.
const maxStderr = 4 << 10

// settings are git's whole configuration: none of the system's, a user's or
// the repository's is read. Memory is for a machine of 64 MB: what is larger
// than bigFileThreshold is streamed. Objects are checked as they come; three
// complaints about the past of harmless repositories are not heard.
const settings = `[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	fsmonitor = false
	sshCommand = false
	askPass = true
	autocrlf = false
	symlinks = true
	protectHFS = true
	protectNTFS = true
	logAllRefUpdates = false
	bigFileThreshold = 1m
	packedGitWindowSize = 1m
	packedGitLimit = 16m
	deltaBaseCacheLimit = 4m
	fsync = none
[credential]
	helper =
[transfer]
	fsckObjects = true
	unpackLimit = 1
[fetch]
	fsckObjects = true
	recurseSubmodules = false
	writeCommitGraph = false
[fetch "fsck"]
	badTimezone = ignore
	missingSpaceBeforeDate = ignore
	zeroPaddedFilemode = ignore
[submodule]
	recurse = false
[pack]
	threads = 1
[index]
	threads = 1
[checkout]
	workers = 1
[http]
	followRedirects = false
	sslVerify = true
	lowSpeedLimit = 100
	lowSpeedTime = 60
[gc]
	auto = 0
[maintenance]
	auto = false
[advice]
	detachedHead = false
[init]
	defaultBranch = main
[safe]
	directory = *
[protocol]
	allow = never
`

// config is git's configuration for this source.
func (j *job) config() string {
	return settings + "[protocol \"" + j.scheme() + "\"]\n\tallow = always\n"
}

func (j *job) scheme() string {
	scheme, _, _ := strings.Cut(j.source.URL, ":")
	return scheme
}

// proxies are what git may know of our own environment: an operator's way out.
var proxies = []string{"https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"}

func (j *job) environ() []string {
	env := []string{
		"PATH=" + board.SystemPath, "LC_ALL=C",
		"HOME=" + j.gitDir(), "XDG_CONFIG_HOME=" + j.gitDir(), "TMPDIR=" + j.gitDir(),
		"GIT_DIR=" + j.gitDir(), "GIT_WORK_TREE=" + j.cfg.Dir, "GIT_CEILING_DIRECTORIES=" + filepath.Dir(j.cfg.Dir),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + j.configFile(), "GIT_ATTR_NOSYSTEM=1",
		"GIT_ALLOW_PROTOCOL=" + j.scheme(), "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "SSH_ASKPASS=true", "GIT_SSH_COMMAND=false",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_LFS_SKIP_SMUDGE=1",
	}
	for _, name := range proxies {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return append(env, j.cfg.env...)
}

// run runs git in the directory, confined as pots are. Its output goes to
// stdout (nil: nowhere), and what it says last becomes the error.
func (j *job) run(ctx context.Context, stdout io.Writer, args ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if stdout == nil {
		stdout = io.Discard
	}
	var said tail
	limits := j.cfg.Limits
	limits.FileSize = j.cfg.MaxBytes
	err := j.cfg.run(ctx, process.Spec{
		Name: "git", Args: append([]string{j.git}, args...), Env: j.environ(), Dir: j.cfg.Dir, UID: j.gitUser(),
		Read: j.reads(), Limits: limits, Stdout: stdout, Stderr: io.MultiWriter(&said, &j.last),
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return nil
	}
	if e := j.measure(); e != nil { // the watch comes a moment later
		return e
	}
	return j.reason(args[0], said.text(), err)
}

// gitUser is as whom git runs. A repository on this machine may be closed to
// all others but us, and is as trusted as whoever put its path in -pots-allow.
func (j *job) gitUser() uint32 {
	if j.scheme() == fileScheme {
		return 0
	}
	return j.cfg.UID
}

// reads are what git may read beside its directory and the system.
func (j *job) reads() []string {
	if j.scheme() == fileScheme {
		return append([]string{strings.TrimPrefix(j.source.URL, fileScheme+"://")}, j.cfg.read...)
	}
	return j.cfg.read
}

// reasons are what git says (LC_ALL=C) in small letters, and what it means;
// the first that fits.
var reasons = []struct {
	text string
	err  *error // a pointer: the table is not made at the start
}{
	{"no space left on device", &ErrNoSpace},
	{"disk quota exceeded", &ErrNoSpace},
	{"couldn't find remote ref", &ErrBranch},
	{"could not resolve host", &ErrNetwork},
	{"couldn't resolve host", &ErrNetwork},
	{"could not resolve proxy", &ErrNetwork},
	{"failed to connect", &ErrNetwork},
	{"couldn't connect", &ErrNetwork},
	{"could not connect", &ErrNetwork},
	{"connection refused", &ErrNetwork},
	{"connection reset", &ErrNetwork},
	{"timed out", &ErrNetwork},
	{"too slow", &ErrNetwork},
	{"unreachable", &ErrNetwork},
	{"certificate", &ErrNetwork},
	{"ssl", &ErrNetwork},
	{"tls", &ErrNetwork},
	{"does not appear to be a git repository", &ErrNotFound},
	{"returned error: 404", &ErrNotFound},
	{"returned error: 401", &ErrNotFound},
	{"returned error: 403", &ErrNotFound},
	{"not found", &ErrNotFound},
	{"could not read username", &ErrNotFound},
	{"authentication failed", &ErrNotFound},
	{"does not exist", &ErrNotFound},
	{"returned error: 30", &ErrRefused}, // a redirection, which is not followed
	{"fsck", &ErrTree},
	{"invalid path", &ErrTree},
	{"malformed", &ErrTree},
	{"file size limit exceeded", &ErrTooLarge},
	{"file too large", &ErrTooLarge},
	{"early eof", &ErrNetwork},
	{"transfer closed", &ErrNetwork},
	{"hung up unexpectedly", &ErrNetwork},
	{"unexpected disconnect", &ErrNetwork},
	{"returned error: 5", &ErrNetwork},
}

// reason makes an error of what git said.
func (j *job) reason(what, said string, err error) error {
	kind := ErrGit
	low := strings.ToLower(said)
	for _, r := range reasons {
		if strings.Contains(low, r.text) {
			kind = *r.err
			break
		}
	}
	if kind == ErrGit && j.checkSpace(j.cfg.Dir) != nil {
		kind = ErrNoSpace // whatever a program says when that is so
	}
	if kind == ErrBranch {
		return fmt.Errorf("%s: %w: %s", show(j.source.URL), kind, branchText(j.source.Branch))
	}
	switch {
	case kind == ErrNotFound && (strings.Contains(low, "auth") || strings.Contains(low, "username")):
		said += ": it asks for a password"
	case kind == ErrRefused:
		said += ": it has moved; name its new address (-pots-allow)"
	}
	if said == "" {
		return fmt.Errorf("%s: %w: git %s: %w", show(j.source.URL), kind, what, err)
	}
	return fmt.Errorf("%s: %w: git %s: %s", show(j.source.URL), kind, what, said)
}

func branchText(name string) string {
	if name == "" {
		return "it has no default branch: it is empty, or no repository"
	}
	return fmt.Sprintf("%q", name)
}

// asNoSpace tells of an error of ours when it is that.
func asNoSpace(err error) error {
	if isNoSpace(err) && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

// bounded keeps the first max bytes.
type bounded struct {
	b   bytes.Buffer
	max int
}

func (w *bounded) Write(p []byte) (int, error) {
	w.b.Write(p[:min(len(p), w.max-w.b.Len())])
	return len(p), nil
}

func (w *bounded) line() string { return strings.TrimSuffix(w.b.String(), "\n") }

// tail keeps the last maxStderr bytes.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - maxStderr; over > 0 {
		t.b = t.b[:copy(t.b, t.b[over:])]
	}
	return len(p), nil
}

// maxSaid is how much of it an error shows, in bytes.
const maxSaid = 300

// text is what git said, in one line: its own complaints where there are
// some, without the progress.
func (t *tail) text() string {
	var said, all []string
	for line := range strings.FieldsFuncSeq(string(t.b), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = printable(strings.TrimSpace(line))
		rest, ok := strings.CutPrefix(line, "fatal: ")
		if !ok {
			rest, ok = strings.CutPrefix(line, "error: ")
		}
		if ok {
			said = append(said, rest)
		}
		all = append(all, line)
	}
	if said == nil {
		said = all[max(0, len(all)-2):]
	}
	s := strings.Join(said, "; ")
	if len(s) > maxSaid {
		s = s[:maxSaid] + "…"
	}
	return s
}

// printable leaves what a server may have said in ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
