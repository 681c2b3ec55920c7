package config

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"forager/board"

	"golang.org/x/sys/unix"
)

// idFile holds the node's id in the state directory, in decimal.
const idFile = "node-id"

// maxID is the bound of a random id: the whole numbers that a JSON reader
// with floating-point numbers keeps exact (RFC 8259 section 6).
const maxID = 1 << 53

// machineIDs name the machine, and stay the same over its restarts
// (machine-id(5)); a router without one has its first network card.
var machineIDs = []string{"/etc/machine-id", "/var/lib/dbus/machine-id", "/sys/class/net/eth0/address"}

// State is the state directory, found by OpenState.
type State struct {
	Dir     string
	Created bool // it was not there
}

// OpenState makes the state directory, mode 0700, when it is missing, and
// tells whether it can be written. The node can go on after an error; what it
// would keep there is lost at its end. The error names -state-dir.
func OpenState(dir string) (State, error) {
	s := State{Dir: dir}
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		s.Created = true
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = writable(dir)
	}
	if err != nil {
		return s, fmt.Errorf("state directory: %w (-state-dir)", err)
	}
	return s, nil
}

// writable asks the kernel, which also knows read-only file systems, and
// writes nothing.
func writable(dir string) error {
	if info, err := os.Stat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is no directory", dir)
	} else if m := info.Mode(); m&0o022 != 0 && m&fs.ModeSticky == 0 {
		return fmt.Errorf("others may write to %s (mode %04o, want 0700)", dir, m.Perm())
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// NodeID returns the id kept in the state directory, or makes one and keeps
// it there. When that fails, the id is derived from the machine's, so that it
// is the same the next time; without one it is random, for this run. The
// error then names -state-dir, and the id is good all the same.
func (s State) NodeID() (uint64, error) {
	path := filepath.Join(s.Dir, idFile)
	id, err := readID(path)
	if err == nil {
		return id, nil
	}
	broken := err
	if errors.Is(err, fs.ErrNotExist) {
		broken = nil
	}
	id = randomID()
	if err := board.WriteFile(path, strconv.AppendUint(nil, id, 10)); err != nil {
		return fallbackID(machineIDs), fmt.Errorf("node id not kept: %w (-state-dir, or set -node-id)", err)
	}
	if broken != nil {
		return id, fmt.Errorf("node id replaced by a new one: %w (-state-dir)", broken)
	}
	return id, nil
}

func readID(path string) (uint64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%s holds no node id", path)
	}
	return id, nil
}

func randomID() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: crypto/rand
		if id := binary.NativeEndian.Uint64(b[:]) % maxID; id != 0 {
			return id
		}
	}
}

// fallbackID hashes the machine's id, which machine-id(5) asks not to be told
// to others.
func fallbackID(paths []string) uint64 {
	for _, path := range paths {
		if b, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(b)) > 0 {
			sum := sha256.Sum256(append([]byte("forager node id "), bytes.TrimSpace(b)...))
			if id := binary.BigEndian.Uint64(sum[:]) % maxID; id != 0 {
				return id
			}
		}
	}
	return randomID()
}
