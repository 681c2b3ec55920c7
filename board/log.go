package board

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
)

// Level is how much a Log says.
type Level int

// The levels, quietest first.
const (
	LevelError Level = iota
	LevelWarn
	LevelInfo
	LevelDebug
)

var levelNames = [...]string{"error", "warn", "info", "debug"}

func (l Level) String() string { return levelNames[l] }

// ParseLevel reads a -log-level.
func ParseLevel(s string) (Level, error) {
	for i, name := range levelNames {
		if s == name {
			return Level(i), nil
		}
	}
	return 0, fmt.Errorf("log level %q: want error, warn, info or debug (-log-level)", s)
}

// Log writes one line a message, without a time: syslog, journald and logread
// add their own. A nil Log says nothing, so a part may go without.
type Log struct {
	mu    sync.Mutex
	w     io.Writer
	level Level
}

// NewLog makes a Log that writes what is at most level to w.
func NewLog(w io.Writer, level Level) *Log { return &Log{w: w, level: level} }

// SetLevel changes what is said from now on.
func (l *Log) SetLevel(level Level) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level = level
}

// Level returns how much is said; for a nil Log LevelError.
func (l *Log) Level() Level {
	if l == nil {
		return LevelError
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.level
}

// Errorf says what an operator must mend.
func (l *Log) Errorf(format string, args ...any) { l.printf(LevelError, format, args) }

// Warnf says what works less well than it should.
func (l *Log) Warnf(format string, args ...any) { l.printf(LevelWarn, format, args) }

// Infof says what changed.
func (l *Log) Infof(format string, args ...any) { l.printf(LevelInfo, format, args) }

// Debugf says what happens.
func (l *Log) Debugf(format string, args ...any) { l.printf(LevelDebug, format, args) }

func (l *Log) printf(level Level, format string, args []any) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if level > l.level {
		return
	}
	text := strings.Map(printable, fmt.Sprintf(format, args...))
	_, _ = io.WriteString(l.w, levelNames[level]+": "+text+"\n")
}

// printable keeps one message one line, and terminals from obeying it: some
// words of it may be an attacker's.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}
