package pots

import (
	"sync"

	"forager/pots/shell"
)

// connShells are the shells of a connection whose protocol has many sessions.
// What one session has uploaded the next one finds, as long as they do not run
// side by side: bots bring a file and run it in a session of its own.
type connShells struct {
	base shell.Config // what all have

	mu   sync.Mutex
	home *shell.Shell // nil: not made yet, or in use
	made bool
}

// start sets what all shells of the connection have.
func (s *connShells) start(c *Conn, base shell.Config) {
	base.Client = c.Src().Addr().String()
	base.Event = c.shellEvent
	s.base = base
}

// take gives a session its shell, with its Stdin, TTY and Sleep. end is called
// when the session is over.
func (s *connShells) take(own shell.Config) (sh *shell.Shell, end func()) {
	cfg := s.base
	cfg.Stdin, cfg.TTY, cfg.Sleep = own.Stdin, own.TTY, own.Sleep
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.home != nil:
		sh, s.home = s.home, nil
		sh.Again(cfg)
	case !s.made:
		s.made = true
		sh = shell.New(cfg)
	default:
		sh = shell.New(cfg)
		return sh, sh.Close // side by side with another
	}
	return sh, func() {
		sh.Pause()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.home = sh
	}
}

// close ends the shell that outlived its sessions.
func (s *connShells) close() {
	if s.home != nil {
		s.home.Close()
	}
}

// shellEvent makes an event of what a shell tells.
func (c *Conn) shellEvent(kind string, fields ...shell.Field) {
	e := c.Event(kind)
	for _, f := range fields {
		if f.IsNum {
			e.Number(f.Key, f.Num)
		} else {
			e.Bytes(f.Key, f.Bytes)
		}
	}
	e.Send()
}
