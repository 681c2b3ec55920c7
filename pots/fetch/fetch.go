// Package fetch gets a pot's repository with the git program.
//
// It owns one directory while it works: a shallow copy of one branch, without
// hooks, submodules, filters or anybody's git configuration, bounded in bytes
// on disk, files and time, and looked through before it is handed over. It
// runs nothing of what it got, links no git library, and leaves nothing behind
// when it fails.
package fetch

import (
	"context"
	"errors"
	"time"
)

// What a Fetch may fail with; the error's text says more.
var (
	ErrRefused  = errors.New("not to be fetched")      // the address or the branch, by rule: -pots-allow
	ErrNoGit    = errors.New("no git program")         // install git
	ErrNoSpace  = errors.New("no space")               // on the file system of Dir
	ErrNetwork  = errors.New("no way to the server")   // unknown host, refused, timed out, TLS
	ErrNotFound = errors.New("no such repository")     // or one that asks for a password
	ErrBranch   = errors.New("no such branch")         //
	ErrTooLarge = errors.New("repository too large")   // Config.MaxBytes
	ErrTooMany  = errors.New("too many files")         // Config.MaxFiles
	ErrTree     = errors.New("repository not allowed") // a link that leaves it, a name with control characters, a broken object
	ErrTimeout  = errors.New("took too long")          // Config.Timeout
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
)

// Source says what to get.
type Source struct {
	URL    string
	Branch string // empty: the one the remote has as its default
}

// Config says how. Dir and Allow are required.
type Config struct {
	Dir      string   // a new directory, absolute: it must not exist, its parent must
	Allow    []string // globs as Allowed takes them
	MaxBytes int64    // on disk at any moment, git's own data included; 0: DefaultBytes
	MaxFiles int      // files of the branch; 0: DefaultFiles
	Reserve  int64    // bytes that stay free on the file system; 0: DefaultReserve
	Timeout  time.Duration
	UID      uint32       // as whom git runs and who owns Dir; 0: as we are. Needs root
	Progress func(string) // what is being done, at most once a second; must not block. May be nil
}

// Fetch makes c.Dir a copy of the branch and returns its commit, in hex. The
// copy holds no .git. All of it belongs to c.UID. On an error, which wraps one
// of those above or ctx's, nothing is left.
func Fetch(ctx context.Context, s Source, c Config) (commit string, err error) {
	return "", ErrNoGit
}

// Allowed tells why url may not be fetched: it must match one of the globs
// (path.Match: * is not for a slash), be https or of a scheme that the glob
// spells out (file or http), and hold no credentials, escapes, query, dots
// for directories or control characters. The error is ErrRefused and never
// shows credentials.
func Allowed(url string, globs []string) error {
	return ErrRefused
}
