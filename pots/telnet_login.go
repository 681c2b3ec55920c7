package pots

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// enter takes the line as it stands: a user name, a password or a command.
func (s *telnetSession) enter() {
	s.out = append(s.out, '\r', '\n')
	switch s.state {
	case telnetUser:
		s.enterUser()
	case telnetPassword:
		s.enterPassword()
	case telnetCommand:
		s.enterCommand()
	case telnetInput:
		s.shell.take(s.line)
		return
	}
	s.dropLine()
	s.ask()
}

// enterUser asks again for an empty name.
func (s *telnetSession) enterUser() {
	if len(s.line) == 0 {
		if s.empties++; s.empties >= telnetEmpties {
			s.state = telnetOver
		}
		return
	}
	s.user, s.line = s.line, s.user // the line keeps a buffer
	s.userCut = s.dropped
	s.state = telnetPassword
}

func (s *telnetSession) enterPassword() {
	if s.t.accept.accepts(s.c.AddrKey(), s.user, s.line) {
		s.tellLogin("login.success")
		s.shell = newTelnetShell(s)
		s.out = append(s.out, s.t.device.Telnet.Motd...)
		s.state = telnetCommand
		return
	}
	s.tellLogin("login.failed")
	s.out = append(s.out, s.t.incorrect...)
	s.state = telnetUser
	if s.tries++; s.tries >= s.t.tries {
		s.state = telnetOver
	}
}

func (s *telnetSession) tellLogin(what string) {
	s.logins = true
	e := s.c.login(what, s.user, s.line)
	if s.userCut > 0 {
		e.Number("username_length", int64(len(s.user))+s.userCut)
	}
	if s.dropped > 0 {
		e.Number("password_length", int64(len(s.line))+s.dropped)
	}
	e.Send()
}

// enterCommand has the shell answer a line.
func (s *telnetSession) enterCommand() {
	s.lines += min(len(s.line), 1)
	if more := s.shell.line(); !more || s.lines >= telnetLines {
		s.state = telnetOver
	}
}

// cutOff records what was typed when the connection ended without an Enter: a
// client that hangs up behind its last word still said it.
func (s *telnetSession) cutOff() {
	switch {
	case s.state == telnetPassword && len(s.line) > 0:
		s.tellLogin("login.failed")
	case s.state == telnetCommand && len(s.line) > 0:
		s.shell.sh.CutOff(s.line)
	}
}

// tellRaw records what a client said that never came to a login: one that does
// not speak telnet at all shows what it does speak.
func (s *telnetSession) tellRaw() {
	if s.logins || !s.typed {
		return
	}
	s.c.Event("session.data").Number("length", s.rawLen).Bytes("payload", s.raw).Send()
}

// Limits of an acceptor.
const (
	acceptPairs = 64  // user:password pairs
	acceptAfter = 100 // most refused logins before one is accepted
	// acceptSlots is how many addresses accept=after:N remembers. Two that
	// share a place forget each other, which only costs them another try.
	acceptSlots = 512
)

// acceptor says which logins are good.
type acceptor struct {
	any   bool
	pairs map[string]bool // "user:password"
	after int             // 0: not that way

	mu    sync.Mutex
	tries []acceptTries
}

type acceptTries struct {
	key uint64
	n   int
}

// parse reads the value of accept=.
func (a *acceptor) parse(v string) error {
	switch {
	case v == "never":
		return nil
	case v == "any":
		a.any = true
		return nil
	case strings.HasPrefix(v, "after:"):
		n, err := strconv.Atoi(v[len("after:"):])
		if err != nil || n < 1 || n > acceptAfter {
			return fmt.Errorf("want after:1 to after:%d, not %s", acceptAfter, quote(v))
		}
		a.after = n
		return nil
	}
	a.pairs = make(map[string]bool)
	for pair := range strings.SplitSeq(v, ",") {
		user, _, ok := strings.Cut(pair, ":")
		if !ok || user == "" {
			return fmt.Errorf("want never, any, after:N or user:password[,user:password…], not %s", quote(v))
		}
		if a.pairs[pair] = true; len(a.pairs) > acceptPairs {
			return errors.New("want at most " + strconv.Itoa(acceptPairs) + " pairs of user and password")
		}
	}
	return nil
}

// accepts judges a login of the attacker at key.
func (a *acceptor) accepts(key uint64, user, password []byte) bool {
	if a.any {
		return true
	}
	if a.pairs != nil {
		return a.pairs[string(user)+":"+string(password)]
	}
	return a.after > 0 && a.enough(key)
}

// enough tells whether this address has been refused often enough, and counts
// one more refusal if not.
func (a *acceptor) enough(key uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tries == nil {
		a.tries = make([]acceptTries, acceptSlots)
	}
	t := &a.tries[key*0x9e3779b97f4a7c15>>55] // 9 bits: acceptSlots
	if t.key != key {
		*t = acceptTries{key: key}
	}
	if t.n >= a.after {
		return true
	}
	t.n++
	return false
}
