package install

import (
	"encoding/hex"
	"errors"
	"hash/fnv"
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

// MakeDir makes a directory that is elsewhere; it must be called while the node
// may still write there, and makes a link to it in the state directory.
func MakeDir(state string, users bool) error {
	dir, link := Dir(state, users), filepath.Join(state, "pots")
	if dir == link {
		return nil
	}
	err := os.MkdirAll(dir, 0o711)
	if old, e := os.Readlink(link); err == nil && (e != nil || old != dir) {
		if err = os.Remove(link); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		if err == nil {
			err = os.Symlink(dir, link)
		}
	}
	return err
}
