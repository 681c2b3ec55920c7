package shell

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"forager/pots/persona"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// session is a shell under test: what it printed and what it told.
type session struct {
	*Shell
	out    bytes.Buffer
	events []string
	slept  time.Duration
}

func open(t testing.TB, name string, change ...func(*Config)) *session {
	t.Helper()
	tm, err := persona.Load(name, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{}
	cfg := Config{
		Persona: tm.For(42), Now: func() time.Time { return noon }, Client: "198.51.100.7",
		Sleep: func(d time.Duration) { s.slept += d },
		Event: func(kind string, fields ...Field) { s.events = append(s.events, eventText(kind, fields)) },
	}
	for _, c := range change {
		c(&cfg)
	}
	s.Shell = New(cfg)
	return s
}

func eventText(kind string, fields []Field) string {
	var b strings.Builder
	b.WriteString(kind)
	for _, f := range fields {
		if f.IsNum {
			fmt.Fprintf(&b, " %s=%d", f.Key, f.Num)
		} else {
			fmt.Fprintf(&b, " %s=%q", f.Key, f.Bytes)
		}
	}
	return b.String()
}

// run types lines and returns what they printed.
func (s *session) run(lines ...string) string {
	s.out.Reset()
	for _, l := range lines {
		s.Run([]byte(l), &s.out)
	}
	return s.out.String()
}

// told returns the events of a kind.
func (s *session) told(kind string) (list []string) {
	for _, e := range s.events {
		if strings.HasPrefix(e, kind+" ") {
			list = append(list, e)
		}
	}
	return list
}

// TestHeldLoans: an unfinished command is the budget's, and ends where that
// does.
func TestHeldLoans(t *testing.T) {
	const all = 32 << 10
	line := strings.Repeat("x", 1000)
	for name, end := range map[string]func(s *session){
		"finished":    func(s *session) { s.run("E") },
		"closed":      func(s *session) { s.Close() },
		"for another": func(s *session) { s.Pause() },
		"too long":    func(s *session) { s.run(slices.Repeat([]string{line}, 30)...) },
	} {
		b := NewBudget(all)
		s := open(t, "router", func(c *Config) { c.Budget = b })
		s.run("cat > /dev/null <<E")
		s.run(slices.Repeat([]string{line}, 10)...)
		if got := all - b.Left(); got != 8<<10 {
			t.Errorf("%s: %d bytes lent for ten lines", name, got)
		}
		end(s)
		if len(s.held) > 0 || b.Left() != all {
			t.Errorf("%s: %d bytes are held, %d lent", name, len(s.held), all-b.Left())
		}
		if told := len(s.told("command.limit")) > 0; told != (name == "too long") {
			t.Errorf("%s: a limit was told: %v", name, told)
		}
	}
}

// TestKept: variables and arguments are the budget's for as long as they stay,
// and are forgotten where it has nothing left.
func TestKept(t *testing.T) {
	const all = 64 << 10
	x := "x=" + strings.Repeat("x", 1000) + "; "
	for _, c := range []struct {
		name, line string
		kept       int
	}{
		{"little", x, 0},
		{"a variable", x + "y=$x$x$x$x$x$x$x$x$x", 8 << 10},
		{"arguments", x + "set -- $x$x$x $x$x$x $x$x$x", 8 << 10},
		{"a function", "f() { echo " + strings.Repeat("y", 9000) + "; }", 8 << 10},
	} {
		b := NewBudget(all)
		s := open(t, "router", func(c *Config) { c.Budget = b })
		s.run(c.line)
		if got := all - b.Left(); got != c.kept {
			t.Errorf("%s: %d bytes kept", c.name, got)
		}
		s.Pause()
		s.Again(s.cfg)
		if b.Left() != all {
			t.Errorf("%s: %d bytes kept for another session", c.name, all-b.Left())
		}
		s.run(c.line)
		rest := b.Left()
		b.Take(rest)
		s.run("set -- $@ $@ $@ $@", "z=1")
		b.Give(rest)
		if got := s.run("echo $# $z"); got != "0 1\n" || len(s.told("command.limit")) != b2i(c.name == "arguments") {
			t.Errorf("%s: afterwards %q, %q", c.name, got, s.told("command.limit"))
		}
		if s.Close(); b.Left() != all {
			t.Errorf("%s: %d bytes are not given back", c.name, all-b.Left())
		}
	}
}
