package pots

import (
	"sync"

	"forager/pots/shell"
)

// sshShells are the shells of a connection. What one session has uploaded the
// next one finds, as long as they do not run side by side: bots bring a file
// and run it in a session of its own.
type sshShells struct {
	link *sshLink
	mu   sync.Mutex
	home *shell.Shell // nil: not made yet, or in use
	made bool
}

// take gives a session its shell. end is called when the session is over.
func (s *sshShells) take(cfg shell.Config) (sh *shell.Shell, end func()) {
	l := s.link
	cfg.Persona, cfg.Budget, cfg.Fake = l.p.device, l.p.budget, l.p.fake
	cfg.User, cfg.Client = l.user, l.c.Src().Addr().String()
	cfg.Event = l.c.shellEvent
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
		return sh, sh.Close
	}
	return sh, func() {
		sh.Pause()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.home = sh
	}
}

// close ends the shell that outlived its sessions.
func (s *sshShells) close() {
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
