package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxPath is the longest path of a file, in bytes; maxDeep how many
	// directories it is in at most.
	maxPath, maxDeep = 1024, 32
)

// checkList reads the list of the branch's files and tells what may not be
// written. It ends git as soon as the list is too long: one that repeats its
// directories has no end.
func (j *job) checkList(ctx context.Context, commit string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := list{job: j, stop: cancel}
	if err := j.run(ctx, &l, "ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit); err != nil {
		return err
	}
	if l.err == nil && len(l.rest) > 0 {
		return fmt.Errorf("%w: ls-tree ended within a line", ErrGit)
	}
	return l.err
}

// list takes what ls-tree prints: "MODE TYPE ID SIZE\tPATH\0".
type list struct {
	job   *job
	stop  func(error)
	rest  []byte // of an entry that has not ended; at most maxEntry
	files int
	bytes int64
	err   error
}

// maxEntry is the longest entry of a list in bytes: mode, type, id, size.
const maxEntry = maxPath + 128

func (l *list) Write(p []byte) (int, error) {
	size := len(p)
	for l.err == nil {
		entry, rest, ended := bytes.Cut(p, []byte{0})
		if len(l.rest)+len(entry) > maxEntry {
			l.err = fmt.Errorf("%w: a path of more than %d bytes", ErrTree, maxPath)
			break
		}
		l.rest = append(l.rest, entry...)
		if !ended {
			break
		}
		l.err = l.add(string(l.rest))
		l.rest, p = l.rest[:0], rest
	}
	if l.err != nil {
		l.stop(l.err)
	}
	return size, nil
}

// add takes one entry.
func (l *list) add(entry string) error {
	head, name, ok := strings.Cut(entry, "\t")
	f := strings.Fields(head)
	if !ok || len(f) != 4 {
		return fmt.Errorf("%w: ls-tree printed %q", ErrGit, entry)
	}
	if err := checkName(name); err != nil {
		return err
	}
	if l.files++; l.files > l.job.cfg.MaxFiles {
		return l.job.tooMany()
	}
	switch f[0] {
	case "100644", "100755", "120000": // file, executable file, link: gitformat-index(5)
	case "040000", "160000": // directory; a submodule, which becomes an empty one
		return nil
	default:
		return fmt.Errorf("%w: %q is of mode %s", ErrTree, name, f[0])
	}
	n, err := strconv.ParseInt(f[3], 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%w: ls-tree printed %q", ErrGit, entry)
	}
	if n > l.job.cfg.MaxBytes-l.bytes {
		return l.job.tooLarge()
	}
	l.bytes += n
	return nil
}

// checkName tells why a path has no place on our disk. Git refuses those that
// lead out of the tree, and .git, by itself.
func checkName(name string) error {
	switch {
	case len(name) > maxPath || strings.Count(name, "/") > maxDeep:
		return fmt.Errorf("%w: %q…: a path of more than %d bytes or %d directories", ErrTree, name[:min(len(name), 60)], maxPath, maxDeep)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isControl):
		return fmt.Errorf("%w: %q: control characters in a name", ErrTree, name)
	case !filepath.IsLocal(filepath.FromSlash(name)):
		return fmt.Errorf("%w: %q leaves the repository", ErrTree, name)
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 }

// checkDir looks through what was written: files, directories, and links that
// stay inside, wherever they lead through.
func checkDir(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if name == ".git" {
			return fs.SkipDir
		}
		return checkFile(root, name, d)
	})
}

func checkFile(root *os.Root, name string, d fs.DirEntry) error {
	switch info, err := d.Info(); {
	case err != nil:
		return err
	case d.Type() == fs.ModeSymlink:
		return checkLink(root, name)
	case d.IsDir() || d.Type().IsRegular():
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: %q is of mode %s", ErrTree, name, d.Type())
}

// checkLink follows a link by os.Root, which ends where the directory ends. A
// link to what is not there is none's loss, but a way out for whoever makes
// that later: its target must be inside by its name too.
func checkLink(root *os.Root, name string) error {
	target, err := root.Readlink(name)
	if err != nil {
		return err
	}
	_, err = root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && filepath.IsLocal(filepath.Join(filepath.Dir(name), target)) && !filepath.IsAbs(target) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%w: link %q leads to %q: %w", ErrTree, name, target, err)
	}
	return nil
}
