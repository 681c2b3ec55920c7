package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"forager/pots/process"
)

// Names beside the pots' in the directory; no pot's id begins with a dot.
const (
	newPrefix = ".new-" // a pot under construction
	oldPrefix = ".old-" // a pot that another one replaces at this moment
)

// Place is the directory of a pot.
func (in *Installer) Place(id string) string { return filepath.Join(in.Dir, id) }

// Spec tells how a pot runs in its place. Where the kernel can tell it listens
// on no other ports than those that it said; without any it may on all.
func (in *Installer) Spec(id string, p *Program, out *process.Output) process.Spec {
	dir := filepath.Join(in.Place(id), p.Directory)
	return process.Spec{
		Name: id, Args: p.Args, Env: withPort(p.Env, in.EventPort), Dir: dir,
		Bind: p.Ports, UID: p.UID, Limits: in.limits(), Output: out,
	}
}

// eventPort is how a pot learns the intake's port.
const eventPort = "HONEYBEE_EVENT_PORT="

// withPort tells the port that the intake has now, which may not be the one
// of the day when the pot was installed.
func withPort(env []string, port uint16) []string {
	var out []string
	for _, e := range env {
		if strings.HasPrefix(e, eventPort) {
			e = eventPort + strconv.Itoa(int(port))
		}
		out = append(out, e)
	}
	return out
}

// Prepare makes the directory of the pots. The users of pots come to theirs in
// a view of their own (package process); where the node can't give them one,
// for Landlock forbids it, the state directory is opened to those who pass
// through it. Its files stay their owner's alone.
func (in *Installer) Prepare(uid uint32) error {
	err := os.Mkdir(in.Dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil {
		err = in.link()
	}
	if err == nil && uid != 0 && !process.OwnMounts() {
		err = errors.Join(open(in.Dir), open(filepath.Dir(in.Dir)))
	}
	if err != nil {
		return fmt.Errorf("%w (-state-dir)", err)
	}
	return nil
}

// open lets other users pass through a directory of ours.
func open(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o011 == 0o011 {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o011)
}

// Swap puts the pot in its place and removes what was there. After an error
// the old one is there as before, and Drop is still to be called.
func (b *Built) Swap() error {
	place := b.in.Place(b.id)
	err := unix.Renameat2(unix.AT_FDCWD, b.root, unix.AT_FDCWD, place, unix.RENAME_EXCHANGE)
	switch {
	case err == nil: // the old one is in the box now
	case errors.Is(err, unix.ENOENT):
		err = os.Rename(b.root, place) // nothing was there
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS): // jffs2 and old kernels can't exchange
		err = b.replace(place)
	}
	if err != nil {
		return fmt.Errorf("putting it in its place: %w (-state-dir)", err)
	}
	syncDir(b.in.Dir)
	go writeOut(place) // a power cut before that may leave files without content
	b.Drop()
	return nil
}

// replace does it in two steps. Clean mends what a crash leaves between them.
func (b *Built) replace(place string) error {
	old := filepath.Join(b.in.Dir, oldPrefix+b.id)
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(place, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(b.root, place); err != nil {
		return errors.Join(err, os.Rename(old, place))
	}
	return os.RemoveAll(old)
}

func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// writeOut has the file system write what it holds back. That takes as long as
// it takes, up to minutes of a slow card; a pot need not wait for it.
func writeOut(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = unix.Syncfs(int(d.Fd()))
		d.Close()
	}
}

// Drop removes what was built, or what it replaced.
func (b *Built) Drop() {
	if b.box == "" {
		return
	}
	if err := os.RemoveAll(b.box); err != nil {
		b.in.Log.Errorf("install of pot %s: what is left of it can't be removed: %v (-state-dir)", b.id, err)
	}
	b.box = ""
}

// Has tells whether the pot's directory is there.
func (in *Installer) Has(id string, p *Program) bool {
	info, err := os.Stat(filepath.Join(in.Place(id), p.Directory))
	return err == nil && info.IsDir()
}

// Remove removes a pot's directory.
func (in *Installer) Remove(id string) error { return os.RemoveAll(in.Place(id)) }

// Mend puts back a pot that was being replaced when the node died, and that
// has no successor.
func (in *Installer) Mend(known func(id string) bool) error {
	var errs []error
	for _, name := range in.names() {
		id, ok := strings.CutPrefix(name, oldPrefix)
		if !ok || !known(id) {
			continue
		}
		if _, err := os.Lstat(in.Place(id)); errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, os.Rename(in.Place(name), in.Place(id)))
		}
	}
	return errors.Join(errs...)
}

// Clean removes what a crash left behind: pots under construction, and
// directories of pots that nobody knows. Nothing may be built meanwhile.
func (in *Installer) Clean(known func(id string) bool) error {
	var errs []error
	for _, name := range in.names() {
		if !known(name) {
			errs = append(errs, os.RemoveAll(in.Place(name)))
		}
	}
	return errors.Join(errs...)
}

// names lists the directory; one that can't be read has nothing to clean.
func (in *Installer) names() (names []string) {
	entries, _ := os.ReadDir(in.Dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
