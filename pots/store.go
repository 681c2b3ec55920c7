package pots

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/tinylib/msgp/msgp"

	"forager/board"
)

// The file of the installed pots: a MessagePack array [version, pots], a pot
// being [id, type, listen, report port, {key: value}, wish].
const (
	storeName    = "pots.msgp"
	storeVersion = 1
	// maxStore is the largest file in bytes that is read.
	maxStore = 1 << 20
	// storeFields are those of a pot.
	storeFields = 6
)

// keptPot is a pot as it outlives the node.
type keptPot struct {
	spec Spec
	want bool
}

// store keeps the installed pots in the state directory. A nil store keeps
// nothing.
type store struct {
	mu   sync.Mutex
	path string
}

func newStore(dir string) *store {
	if dir == "" {
		return nil
	}
	return &store{path: filepath.Join(dir, storeName)}
}

// load returns the kept pots; none is no error. A file that can't be decoded
// is set aside under the name of the error.
func (s *store) load() ([]keptPot, error) {
	if s == nil {
		return nil, nil
	}
	data, err := readAtMost(s.path, maxStore)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		var kept []keptPot
		if kept, err = decodeStore(data); err == nil {
			return kept, nil
		}
	}
	aside := s.path + ".broken"
	if e := os.Rename(s.path, aside); e != nil {
		return nil, fmt.Errorf("installed pots: %s: %w; can't set it aside: %w (-state-dir)", s.path, err, e)
	}
	return nil, fmt.Errorf("installed pots: %s: %w; set aside as %s, going on without (-state-dir)", s.path, err, aside)
}

func readAtMost(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > most || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%d bytes of mode %s, want a file of at most %d", info.Size(), info.Mode(), most)
	}
	return os.ReadFile(path)
}

// save writes down what snapshot returns; it is called while no other save
// goes on, so that the last writer knows the latest.
func (s *store) save(snapshot func() []keptPot) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return board.WriteFile(s.path, encodeStore(snapshot()))
}

func encodeStore(kept []keptPot) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendInt(b, storeVersion)
	b = msgp.AppendArrayHeader(b, uint32(len(kept)))
	for _, k := range kept {
		b = msgp.AppendArrayHeader(b, storeFields)
		b = msgp.AppendString(b, k.spec.ID)
		b = msgp.AppendString(b, k.spec.Type)
		b = msgp.AppendString(b, k.spec.Listen)
		b = msgp.AppendUint16(b, k.spec.ReportPort)
		b = msgp.AppendMapHeader(b, uint32(len(k.spec.Options)))
		for _, key := range slices.Sorted(maps.Keys(k.spec.Options)) {
			b = msgp.AppendString(b, key)
			b = msgp.AppendString(b, k.spec.Options[key])
		}
		b = msgp.AppendBool(b, k.want)
	}
	return b
}

// decodeStore reads what encodeStore wrote and nothing else.
func decodeStore(b []byte) ([]keptPot, error) {
	r := storeReader{rest: b}
	r.array(2, 2)
	if v := r.int(); r.err == nil && v != storeVersion {
		return nil, fmt.Errorf("version %d, want %d", v, storeVersion)
	}
	var kept []keptPot
	ids := make(map[string]bool)
	for n := r.array(0, MaxPots); n > 0 && r.err == nil; n-- {
		k := r.pot()
		if r.err == nil && ids[k.spec.ID] {
			r.err = fmt.Errorf("pot %s is there twice", quote(k.spec.ID))
		}
		ids[k.spec.ID] = true
		kept = append(kept, k)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%d bytes behind the end", len(r.rest))
	}
	if r.err != nil {
		return nil, r.err
	}
	return kept, nil
}

// storeReader reads MessagePack within limits; the first error sticks.
type storeReader struct {
	rest []byte
	err  error
}

func (r *storeReader) pot() (k keptPot) {
	r.array(storeFields, storeFields)
	k.spec.ID = r.string(maxID)
	k.spec.Type = r.string(maxID)
	k.spec.Listen = r.string(maxKey)
	k.spec.ReportPort = uint16(r.intIn(0, 1<<16-1))
	k.spec.Options = r.options()
	k.want = r.bool()
	if r.err == nil {
		r.err = CheckID(k.spec.ID)
	}
	return k
}

func (r *storeReader) options() map[string]string {
	if r.err != nil {
		return nil
	}
	var n uint32
	n, r.rest, r.err = msgp.ReadMapHeaderBytes(r.rest)
	if r.err == nil && n > maxOptions {
		r.err = fmt.Errorf("%d options, want at most %d", n, maxOptions)
	}
	if r.err != nil || n == 0 {
		return nil
	}
	m := make(map[string]string)
	for ; n > 0 && r.err == nil; n-- {
		key := r.string(maxKey)
		if _, twice := m[key]; twice && r.err == nil {
			r.err = fmt.Errorf("option %s is there twice", quote(key))
		}
		m[key] = r.string(maxValue)
	}
	return m
}

func (r *storeReader) array(low, high uint32) (n uint32) {
	if r.err != nil {
		return 0
	}
	n, r.rest, r.err = msgp.ReadArrayHeaderBytes(r.rest)
	if r.err == nil && (n < low || n > high) {
		r.err = fmt.Errorf("an array of %d, want %d to %d", n, low, high)
	}
	return n
}

func (r *storeReader) string(most int) string {
	if r.err != nil {
		return ""
	}
	var b []byte
	b, r.rest, r.err = msgp.ReadStringZC(r.rest)
	if r.err == nil && len(b) > most {
		r.err = fmt.Errorf("a text of %d bytes, want at most %d", len(b), most)
	}
	return string(b)
}

func (r *storeReader) int() (n int) {
	if r.err == nil {
		n, r.rest, r.err = msgp.ReadIntBytes(r.rest)
	}
	return n
}

func (r *storeReader) intIn(low, high int) int {
	n := r.int()
	if r.err == nil && (n < low || n > high) {
		r.err = fmt.Errorf("the number %d, want %d to %d", n, low, high)
	}
	return n
}

func (r *storeReader) bool() (v bool) {
	if r.err == nil {
		v, r.rest, r.err = msgp.ReadBoolBytes(r.rest)
	}
	return v
}
