package pots

import (
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"time"

	"forager/pots/scp"
	"forager/pots/sftp"
	"forager/pots/shell"
	"forager/pots/tty"

	"golang.org/x/crypto/ssh"
)

// Limits of a session channel, what we chose.
const (
	sshSessionRequests = 1000
	sshVars            = 20   // environment variables in events
	sshLines           = 1000 // command lines of a shell
	sshCopy            = 8 << 10
)

// sshSession is a session channel (RFC 4254 section 6): one shell, command or
// subsystem. Two goroutines use it: requests writes the fields before it starts
// run.
type sshSession struct {
	l    *sshLink
	ch   ssh.Channel
	done chan struct{} // closed when the channel is
	wg   *sync.WaitGroup
	pty  bool
	ran  bool
	vars int
}

// session takes a session channel.
func (l *sshLink) session(nc ssh.NewChannel, wg *sync.WaitGroup) {
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	l.chans.Add(1)
	s := &sshSession{l: l, ch: ch, done: make(chan struct{}), wg: wg}
	l.discard(ch.Stderr(), wg)
	l.c.guarded(wg, func() {
		defer ssh.DiscardRequests(reqs) // none is left, unless requests has a bug
		s.requests(reqs)
	})
}

// requests answers requests until the channel is closed.
func (s *sshSession) requests(reqs <-chan *ssh.Request) {
	defer s.l.chans.Add(-1)
	defer close(s.done)
	n := 0
	for r := range reqs {
		if n++; n > sshSessionRequests {
			_ = s.l.Close()
		}
		s.l.consumed(len(r.Payload), false)
		ok, start := s.request(r.Type, sshFields{r.Payload})
		_ = r.Reply(ok, nil)
		if start != nil {
			s.ran = true
			s.l.c.guarded(s.wg, func() {
				status := start()
				s.exit(status)
			})
		}
	}
}

// request does what a request asks for. start is what is to run once the
// client has its answer.
func (s *sshSession) request(kind string, f sshFields) (ok bool, start func() int) {
	switch kind {
	case "pty-req":
		return s.terminal(&f), nil
	case "window-change":
		return true, nil
	case "env":
		return s.variable(&f), nil
	}
	if s.ran { // RFC 4254 section 6.5: only one of these a channel
		return false, nil
	}
	switch kind {
	case "shell":
		return true, s.shell
	case "exec":
		line := f.text()
		return true, func() int { return s.exec(line) }
	case "subsystem":
		name := f.text()
		s.l.c.Event("session.subsystem").Bytes("name", name).Send()
		if string(name) == "sftp" {
			return true, s.sftp
		}
	}
	return false, nil
}

// terminal takes a pty-req (RFC 4254 section 6.2).
func (s *sshSession) terminal(f *sshFields) bool {
	name, width, height := f.text(), f.number(), f.number()
	if s.pty {
		return false
	}
	s.pty = true
	s.l.c.Event("client.var").String("name", "TERM").Bytes("value", name).Send()
	s.l.c.Event("client.size").Number("width", int64(width)).Number("height", int64(height)).Send()
	return true
}

// variable takes an env request; servers let the language through.
func (s *sshSession) variable(f *sshFields) bool {
	name, value := f.text(), f.text()
	if s.vars++; s.vars <= sshVars {
		s.l.c.Event("client.var").Bytes("name", name).Bytes("value", value).Send()
	}
	return string(name) == "LANG" || strings.HasPrefix(string(name), "LC_")
}

// exit tells the status and closes, and waits until the client has closed too.
func (s *sshSession) exit(status int) {
	_, _ = s.ch.SendRequest("exit-status", false, binary.BigEndian.AppendUint32(nil, uint32(status)))
	_ = s.ch.CloseWrite()
	_ = s.ch.Close()
	_, _ = io.Copy(io.Discard, sshReader{s.ch, s.l})
}

// sleep waits as the device would, or until the channel is closed.
func (s *sshSession) sleep(t *tty.Terminal) func(time.Duration) {
	return func(d time.Duration) {
		t.Flush()
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.done:
		}
	}
}

// begin makes the terminal and the shell of a session; end gives it back.
func (s *sshSession) begin(in io.Reader) (t *tty.Terminal, sh *shell.Shell, end func()) {
	t = tty.New(in, s.ch, s.pty, s.l.p.budget)
	sh, over := s.l.shells.take(shell.Config{Stdin: t, TTY: s.pty, Sleep: s.sleep(t)})
	return t, sh, func() {
		over()
		t.Close()
	}
}

// shell is an interactive session.
func (s *sshSession) shell() int {
	t, sh, end := s.begin(sshReader{s.ch, s.l})
	defer end()
	if s.pty {
		_, _ = io.WriteString(t, orName(s.l.p.device.Get("ssh.motd"), s.l.p.device.Telnet.Motd))
	}
	return t.Serve(sh, sshLines)
}

// exec is a session of one command.
func (s *sshSession) exec(line []byte) int {
	if c, ok := scp.ParseCommand(string(line)); ok {
		s.l.c.Event("command.input").Bytes("input", line).Send()
		return s.scp(c)
	}
	in := &sshInput{r: sshReader{s.ch, s.l}}
	t, sh, end := s.begin(in)
	defer end()
	defer t.Flush()
	if s.pty {
		return sh.Exec(line, t, t)
	}
	status := sh.Exec(line, t, sshStderr{t, s.ch.Stderr()})
	in.finish(s.l.c)
	return status
}

// sshStderr writes errors behind what was printed before them.
type sshStderr struct {
	t *tty.Terminal
	w io.Writer
}

func (e sshStderr) Write(p []byte) (int, error) {
	e.t.Flush()
	return e.w.Write(p)
}

// feed gives what the client sends to take, until it ends or take has enough.
func (s *sshSession) feed(take func(p []byte) (more bool)) {
	buf := make([]byte, sshCopy)
	r := sshReader{s.ch, s.l}
	for {
		n, err := r.Read(buf)
		if n > 0 && !take(buf[:n]) || err != nil {
			return
		}
	}
}

// sftp serves the SFTP subsystem.
func (s *sshSession) sftp() int {
	sh, end := s.l.shells.take(shell.Config{})
	defer end()
	server := sftp.New(&sftpFiles{s.l, sh, s.l.p.budget})
	defer server.Close()
	status := 0
	s.feed(func(p []byte) bool {
		if err := server.Feed(p, s.ch); err != nil {
			status = 255
		}
		return status == 0
	})
	return status
}

// scp is the far end of an old scp.
func (s *sshSession) scp(c scp.Command) int {
	sh, end := s.l.shells.take(shell.Config{})
	defer end()
	if !c.Take {
		return s.scpGive(sh, c.Path)
	}
	isDir := func(at string) bool {
		f, err := sh.Stat(at, true)
		return err == nil && f.Mode&0o170000 == 0o040000
	}
	sink := scp.NewSink(&scpFiles{l: s.l, sh: sh}, c.Path, isDir)
	defer sink.Close()
	_, _ = io.WriteString(s.ch, scp.Hello)
	status := 0
	var out []byte
	s.feed(func(p []byte) bool {
		var err error
		if out, err = sink.Feed(p, out[:0]); err != nil {
			status = 1
		}
		_, _ = s.ch.Write(out)
		return err == nil
	})
	return status
}

func (s *sshSession) scpGive(sh *shell.Shell, at string) int {
	f, err := sh.Stat(at, true)
	var data []byte
	if err == nil {
		data, err = sh.ReadFile(at)
	}
	if err == nil && !s.l.p.budget.Take(cap(data)) {
		err = shell.ErrMemory
	}
	if err != nil {
		_, _ = io.WriteString(s.ch, scp.Refusal(at, err.Error()))
		return 1
	}
	defer s.l.p.budget.Give(cap(data))
	give := scp.NewSource(f.Name, f.Mode, data)
	s.feed(func(p []byte) bool { return give.Feed(p, s.ch) == nil })
	return 0
}
