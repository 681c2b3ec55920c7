// Package fetch gets a pot's repository with the git program.
//
// It owns one directory while it works: a shallow copy of one branch, without
// hooks, submodules, filters or anybody's git configuration, bounded in bytes
// on disk, files and time, and looked through before it is handed over. It
// runs nothing of what it got, links no git library, and leaves nothing behind
// when it fails.
//
// A repository is a stranger's. What it would become is known before it is
// written: the branch's list of files is read first, so that a small pack that
// unfolds to 10 GB, or to a billion files, is never unfolded.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"forager/board"
	"forager/pots/process"
)

// What a Fetch may fail with; the error's text says more.
var (
	ErrRefused  = errors.New("not to be fetched")    // the address or the branch, by rule: -pots-allow
	ErrNoGit    = errors.New("no git program")       // install git
	ErrNoSpace  = errors.New("no space")             // on the file system of Dir
	ErrNetwork  = errors.New("no way to the server") // unknown host, refused, timed out, TLS
	ErrNotFound = errors.New("no such repository")   // or one that asks for a password
	ErrBranch   = errors.New("no such branch")
	ErrTooLarge = errors.New("repository too large")   // Config.MaxBytes
	ErrTooMany  = errors.New("too many files")         // Config.MaxFiles
	ErrTree     = errors.New("repository not allowed") // a link that leaves it, a name with control characters, a broken object
	ErrTimeout  = errors.New("took too long")          // Config.Timeout
	ErrGit      = errors.New("git failed")             // for a reason that is none of these
)

// Limits when Config does not say.
const (
	// DefaultBytes holds Cowrie's repository several times.
	DefaultBytes = 128 << 20
	// DefaultFiles is for a whole repository.
	DefaultFiles = 20000
	// DefaultTimeout is for the slow line of a router.
	DefaultTimeout = 10 * time.Minute
	// DefaultReserve is what stays free on the file system.
	DefaultReserve = 8 << 20
	// defaultMemory is for git: it takes 10 MB for Cowrie's repository.
	defaultMemory = 256 << 20
)

// Source says what to get.
type Source struct {
	URL    string
	Branch string // empty: the one the remote has as its default
}

// Config says how. Dir and Allow are required.
type Config struct {
	Dir      string         // a new directory, absolute: it must not exist, its parent must
	Allow    []string       // globs as Allowed takes them
	MaxBytes int64          // on disk at any moment, git's own data included; 0: DefaultBytes
	MaxFiles int            // files and directories of the branch; 0: DefaultFiles
	Reserve  int64          // bytes that stay free on the file system; 0: DefaultReserve
	Timeout  time.Duration  // 0: DefaultTimeout
	UID      uint32         // as whom git runs and who owns Dir; 0: as we are. Needs root
	Limits   process.Limits // of git; its FileSize is MaxBytes. No memory: defaultMemory
	Progress func(string)   // what git is doing, in its words, at most once a second; must not block. May be nil

	// For tests.
	path string                                    // where git is looked for; empty: board.SystemPath
	env  []string                                  // more of git's environment
	read []string                                  // more of what git may read
	run  func(context.Context, process.Spec) error // nil: process.Run
}

// Fetch makes c.Dir a copy of the branch and returns its commit, in hex. The
// copy holds no .git. All of it belongs to c.UID, as whom git runs too, but for
// a repository on this machine, which is read as we are. On an error, which wraps one
// of those above or ctx's, nothing is left.
func Fetch(ctx context.Context, s Source, c Config) (commit string, err error) {
	if err := Allowed(s.URL, c.Allow); err != nil {
		return "", err
	}
	if err := checkBranch(s.Branch); err != nil {
		return "", err
	}
	j := job{source: s, cfg: c.withDefaults()}
	if j.git, err = board.Program("git", c.path); err != nil {
		return "", fmt.Errorf("%w: %w (install git)", ErrNoGit, err)
	}
	if err := j.makeDir(); err != nil {
		return "", err
	}
	defer func() {
		if e := j.clean(err != nil); err == nil {
			err = e
		}
	}()
	timed, cancel := context.WithTimeoutCause(ctx, j.cfg.Timeout, fmt.Errorf("%w: more than %s", ErrTimeout, j.cfg.Timeout))
	defer cancel()
	return j.fetch(timed)
}

func (c Config) withDefaults() Config {
	if c.MaxBytes <= 0 {
		c.MaxBytes = DefaultBytes
	}
	if c.MaxFiles <= 0 {
		c.MaxFiles = DefaultFiles
	}
	if c.Reserve <= 0 {
		c.Reserve = DefaultReserve
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Limits.Memory <= 0 {
		c.Limits.Memory = defaultMemory
	}
	if c.run == nil {
		c.run = process.Run
	}
	return c
}

// job is one fetch.
type job struct {
	source Source
	cfg    Config
	git    string // the program
	last   progress
}

// makeDir makes the directory, if there is room for anything.
func (j *job) makeDir() error {
	if !filepath.IsAbs(j.cfg.Dir) {
		return fmt.Errorf("%w: directory %s is not absolute", ErrRefused, j.cfg.Dir)
	}
	if err := j.checkSpace(filepath.Dir(j.cfg.Dir)); err != nil {
		return err
	}
	err := os.Mkdir(j.cfg.Dir, 0o700)
	if err == nil {
		err = os.Mkdir(j.gitDir(), 0o700)
	}
	if err == nil {
		err = os.WriteFile(j.configFile(), []byte(j.config()), 0o600)
	}
	for _, name := range []string{j.configFile(), j.gitDir(), j.cfg.Dir} {
		if id := int(j.gitUser()); err == nil && id != 0 {
			err = os.Lchown(name, id, id)
		}
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		_ = j.clean(true)
	}
	return asNoSpace(err)
}

func (j *job) gitDir() string     { return filepath.Join(j.cfg.Dir, ".git") }
func (j *job) configFile() string { return filepath.Join(j.gitDir(), "forager") }

// clean removes git's data, or everything.
func (j *job) clean(everything bool) error {
	if everything {
		return os.RemoveAll(j.cfg.Dir)
	}
	return os.RemoveAll(j.gitDir())
}

// fetch does it step by step, under watch.
func (j *job) fetch(ctx context.Context) (string, error) {
	ctx, stop := j.watch(ctx)
	defer stop()
	if err := j.run(ctx, nil, "init", "--quiet", "--template="); err != nil {
		return "", err
	}
	ref := "HEAD"
	if j.source.Branch != "" {
		ref = "refs/heads/" + j.source.Branch
	}
	if err := j.run(ctx, nil, "fetch", "--progress", "--depth=1", "--no-tags", "--no-recurse-submodules",
		"--", j.source.URL, "+"+ref+":"+ownRef); err != nil {
		return "", err
	}
	commit, err := j.commit(ctx)
	if err != nil {
		return "", err
	}
	if err := j.checkList(ctx, commit); err != nil {
		return "", err
	}
	if err := j.run(ctx, nil, "checkout", "--quiet", "--force", "--detach", commit); err != nil {
		return "", err
	}
	if err := j.measure(); err != nil {
		return "", err
	}
	if err := checkDir(j.cfg.Dir); err != nil {
		return "", fmt.Errorf("%s: %w", show(j.source.URL), err)
	}
	return commit, j.give()
}

// give gives the copy to its owner.
func (j *job) give() error {
	if j.cfg.UID == j.gitUser() {
		return nil
	}
	return filepath.WalkDir(j.cfg.Dir, func(file string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(file, int(j.cfg.UID), int(j.cfg.UID))
		}
		return err
	})
}

// ownRef is what the branch is called here.
const ownRef = "refs/forager/pot"

// commit asks what was fetched.
func (j *job) commit(ctx context.Context) (string, error) {
	out := bounded{max: 128}
	if err := j.run(ctx, &out, "rev-parse", "--verify", ownRef+"^{commit}"); err != nil {
		return "", err
	}
	id := out.line()
	ok := len(id) == 40 || len(id) == 64 // SHA-1, SHA-256
	for i := range len(id) {
		ok = ok && ('0' <= id[i] && id[i] <= '9' || 'a' <= id[i] && id[i] <= 'f')
	}
	if !ok {
		return "", fmt.Errorf("%w: no commit but %q", ErrGit, id)
	}
	return id, nil
}
