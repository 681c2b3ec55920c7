package conn

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tinylib/msgp/msgp"

	"forager/board"
)

// Dialect is how events travel. Spec is what HoneyBee's documents say:
// PotEvent frames up to 64 KiB, many of them in one write. Core is what the
// strict Core takes: events inside NodeEvent Alarm, one frame a write, paced.
// Auto finds out.
type Dialect string

// The dialects of -core-dialect.
const (
	Auto Dialect = "auto"
	Spec Dialect = "spec"
	Core Dialect = "core"
)

// ParseDialect reads a -core-dialect.
func ParseDialect(s string) (Dialect, error) {
	switch d := Dialect(s); d {
	case Auto, Spec, Core:
		return d, nil
	}
	return "", fmt.Errorf("dialect %q: want auto, spec or core (-core-dialect)", s)
}

// closesToLearn is how many connections running Core must close that way.
const closesToLearn = 2

// learner finds out the dialect of one Core address.
type learner struct {
	fixed   bool
	dialect Dialect // Auto: unlearned
	closes  int     // connections running that Core closed after the first PotEvent
	slower  int     // how often the gap between frames is doubled
}

// maxSlower bounds the gap between two frames to 200 ms.
const maxSlower = 3

func newLearner(set, known Dialect) learner {
	if set == Spec || set == Core {
		return learner{fixed: true, dialect: set}
	}
	if known == Spec || known == Core {
		return learner{dialect: known}
	}
	return learner{dialect: Auto}
}

// speaks is the dialect to use now; an unlearned Core gets the documents'.
func (l *learner) speaks() Dialect {
	if l.dialect == Core {
		return Core
	}
	return Spec
}

// sure tells whether the dialect is known to be understood.
func (l *learner) sure() bool { return l.dialect != Auto }

// closed notes that Core closed a connection within timing.learn of its first
// PotEvent. It returns true when that taught something. A Core that was
// understood before and now closes like that is a different one: unlearn.
func (l *learner) closed() bool {
	if l.dialect == Core {
		// A machine so busy that it reads late finds two frames in one read.
		l.slower = min(l.slower+1, maxSlower)
	}
	if l.fixed || l.dialect == Core {
		return false
	}
	if l.closes++; l.closes < closesToLearn {
		return false
	}
	l.closes = 0
	if l.dialect == Spec {
		l.dialect = Auto
	} else {
		l.dialect = Core
	}
	return true
}

// survived notes that a connection outlived timing.learn. It returns true when
// that taught something.
func (l *learner) survived() bool {
	l.closes, l.slower = 0, max(l.slower-1, 0)
	if l.fixed || l.dialect != Auto {
		return false
	}
	l.dialect = Spec
	return true
}

// unreachable notes that Core could not be dialled: the close before was its
// end, not its opinion.
func (l *learner) unreachable() { l.closes, l.slower = 0, max(l.slower-1, 0) }

// gap is the least time between two frames to a strict Core.
func (l *learner) gap() time.Duration { return gap << l.slower }

// String says what status shows.
func (l *learner) String() string {
	switch {
	case l.fixed:
		return string(l.dialect) + " (set by -core-dialect)"
	case l.dialect == Auto:
		return "spec (being tried)"
	}
	return string(l.dialect) + " (learned)"
}

const (
	dialectFile = "dialects.msgp"
	maxDialects = 64
)

// loadDialects reads what was learned by this version of the node. A file
// that is missing, broken or another version's teaches nothing.
func loadDialects(cfg *Config) map[string]Dialect {
	known := make(map[string]Dialect)
	if cfg.StateDir == "" {
		return known
	}
	b, err := os.ReadFile(filepath.Join(cfg.StateDir, dialectFile))
	if err != nil {
		return known
	}
	if err := parseDialects(b, cfg.Version, known); err != nil {
		cfg.Log.Warnf("learned dialects are unreadable, learning anew: %v", err)
		clear(known)
	}
	return known
}

func parseDialects(b []byte, version string, known map[string]Dialect) error {
	v, b, err := msgp.ReadStringBytes(b)
	if err != nil || v != version {
		return err
	}
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil || n > maxDialects {
		return fmt.Errorf("%d addresses: %w", n, err)
	}
	for range n {
		var addr, d string
		if addr, b, err = msgp.ReadStringBytes(b); err != nil {
			return err
		}
		if d, b, err = msgp.ReadStringBytes(b); err != nil {
			return err
		}
		known[addr] = Dialect(d)
	}
	return nil
}

// saveDialects stores what was learned of each address; what it says of an
// address that is configured no more is forgotten.
func (s *Session) saveDialects() {
	if s.cfg.StateDir == "" {
		return
	}
	b := msgp.AppendString(nil, s.cfg.Version)
	n := uint32(0)
	for _, c := range s.peers {
		if !c.learn.fixed && c.learn.sure() {
			n++
		}
	}
	b = msgp.AppendMapHeader(b, n)
	for _, c := range s.peers {
		if !c.learn.fixed && c.learn.sure() {
			b = msgp.AppendString(msgp.AppendString(b, c.addr), string(c.learn.dialect))
		}
	}
	if err := board.WriteFile(filepath.Join(s.cfg.StateDir, dialectFile), b); err != nil {
		s.cfg.Log.Warnf("the learned dialect will be forgotten at the next start: %v (-state-dir)", err)
	}
}
