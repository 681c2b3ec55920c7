package pots

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/tinylib/msgp/msgp"

	"forager/pots/install"
)

// decodeStore reads what encodeStore wrote, or that of version 1, and nothing
// else.
func decodeStore(b []byte) ([]keptPot, error) {
	r := storeReader{rest: b}
	r.array(2, 2)
	version := r.int()
	if r.err == nil && (version < 1 || version > storeVersion) {
		return nil, fmt.Errorf("version %d, want 1 to %d", version, storeVersion)
	}
	var kept []keptPot
	ids := make(map[string]bool)
	for n := r.array(0, MaxPots); n > 0 && r.err == nil; n-- {
		k := r.pot(version)
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

func (r *storeReader) pot(version int) (k keptPot) {
	fields := uint32(storeFields1)
	if version > 1 {
		fields = storeFields2
	}
	r.array(fields, fields)
	k.spec.ID = r.string(maxID)
	k.spec.Type = r.string(maxID)
	k.spec.Listen = r.string(maxKey)
	k.spec.ReportPort = uint16(r.intIn(0, 1<<16-1))
	k.spec.Options = r.options()
	k.want = r.bool()
	if version > 1 {
		k.program = r.program(&k.spec)
	}
	if r.err == nil {
		r.err = CheckID(k.spec.ID)
	}
	return k
}

// program reads how a pot runs that is one, and where it comes from.
func (r *storeReader) program(s *Spec) *install.Program {
	if r.err == nil && msgp.IsNil(r.rest) {
		r.rest, r.err = msgp.ReadNilBytes(r.rest)
		return nil
	}
	r.array(programFields, programFields)
	s.Source = Source{URL: r.string(maxValue), Branch: r.string(maxValue)}
	p := &install.Program{Commit: r.string(maxKey), Directory: r.string(maxValue)}
	p.UID = uint32(r.intIn(0, firstUser+MaxPots))
	p.Args, p.Env = r.texts(), r.texts()
	for n := r.array(0, maxWords); n > 0 && r.err == nil; n-- {
		p.Ports = append(p.Ports, uint16(r.intIn(1, 1<<16-1)))
	}
	p.Secrets = r.texts()
	switch {
	case r.err != nil:
	case s.Source.URL == "" || len(p.Args) == 0:
		r.err = errors.New("a program without source or arguments")
	case p.UID != 0 && p.UID < firstUser:
		r.err = fmt.Errorf("user %d, want 0 or %d and more", p.UID, firstUser)
	case p.Directory != "" && !filepath.IsLocal(p.Directory):
		r.err = fmt.Errorf("directory %s is outside", quote(p.Directory))
	}
	return p
}

func (r *storeReader) texts() (texts []string) {
	for n := r.array(0, maxWords); n > 0 && r.err == nil; n-- {
		texts = append(texts, r.string(maxValue))
	}
	return texts
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
