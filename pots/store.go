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
	"forager/pots/install"
)

// The file of the installed pots: a MessagePack array [version, pots], a pot
// being [id, type, listen, report port, {key: value}, wish, program], and a
// program nil or [url, branch, commit, directory, user, [argument], [variable],
// [port], [secret]]. Version 1 had no program.
const (
	storeName    = "pots.msgp"
	storeVersion = 2
	// maxStore is the largest file in bytes that is written and read.
	maxStore = 1 << 20
	// storeFields are those of a pot in each version.
	storeFields1, storeFields2 = 6, 7
	// programFields are those of a program.
	programFields = 9
	// maxWords is how many arguments, variables, ports and secrets a program
	// has.
	maxWords = 128
)

// keptPot is a pot as it outlives the node.
type keptPot struct {
	spec    Spec
	want    bool
	program *install.Program // of a pot that is one
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
	b := encodeStore(snapshot())
	if len(b) > maxStore {
		return fmt.Errorf("%d bytes, want at most %d", len(b), maxStore)
	}
	return board.WriteFile(s.path, b)
}

func encodeStore(kept []keptPot) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendInt(b, storeVersion)
	b = msgp.AppendArrayHeader(b, uint32(len(kept)))
	for _, k := range kept {
		b = msgp.AppendArrayHeader(b, storeFields2)
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
		b = appendProgram(b, k)
	}
	return b
}

func appendProgram(b []byte, k keptPot) []byte {
	p := k.program
	if p == nil {
		return msgp.AppendNil(b)
	}
	b = msgp.AppendArrayHeader(b, programFields)
	for _, text := range []string{k.spec.Source.URL, k.spec.Source.Branch, p.Commit, p.Directory} {
		b = msgp.AppendString(b, text)
	}
	b = msgp.AppendUint32(b, p.UID)
	b = appendTexts(b, p.Args)
	b = appendTexts(b, p.Env)
	b = msgp.AppendArrayHeader(b, uint32(len(p.Ports)))
	for _, port := range p.Ports {
		b = msgp.AppendUint16(b, port)
	}
	return appendTexts(b, p.Secrets)
}

func appendTexts(b []byte, texts []string) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(texts)))
	for _, text := range texts {
		b = msgp.AppendString(b, text)
	}
	return b
}
