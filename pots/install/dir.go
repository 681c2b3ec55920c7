package install

import (
	"encoding/hex"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"

	"forager/pots/process"
)

// elsewhere is where the pots are whose users can't come to the state
// directory: below a directory of somebody's own, such as root's.
const elsewhere = "/var/lib/forager-pots"

// aUser is some user of a pot.
const aUser = 65000

// Dir is the directory of the pots of a node: pots in the state directory,
// which is absolute. With users of their own, on a way that is closed to them,
// it is one of the node's own below elsewhere.
func Dir(state string, users bool) string {
	if !users || process.Reachable(state, aUser) {
		return filepath.Join(state, "pots")
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(state)) // never fails
	return filepath.Join(elsewhere, hex.EncodeToString(h.Sum(nil)))
}

// MakeElsewhere makes the directory that Dir's is in, if that is not the state
// directory. It must be called while the node may still write there.
func MakeElsewhere(state string, users bool) error {
	if filepath.Dir(Dir(state, users)) != elsewhere {
		return nil
	}
	return os.MkdirAll(elsewhere, 0o711)
}

// link makes the state directory lead to the pots, where they are elsewhere.
func (in *Installer) link() error {
	name := filepath.Join(in.State, "pots")
	if in.Dir == name {
		return nil
	}
	in.linking.Lock() // against other installs
	defer in.linking.Unlock()
	if to, err := os.Readlink(name); err == nil && to == in.Dir {
		return nil
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(in.Dir, name)
}
