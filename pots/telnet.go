package pots

import (
	"sync"
)

// Limits of the telnet pot, what we chose.
const (
	telnetBuffer    = 256      // bytes read at once
	telnetLogin     = 2048     // longest user name or password in bytes; the rest is counted
	telnetLine      = MaxField // longest command line in bytes; the rest is counted
	telnetKeepLine  = 256      // largest line buffer in bytes that a session keeps
	telnetLines     = 1000     // commands of one session
	telnetRaw       = 1024     // bytes kept of a session that comes to no login
	telnetFlush     = 4096     // bytes of output before they are written
	telnetMaxBanner = 256
	telnetMaxHost   = 64
	telnetMostTries = 100
)

// What BusyBox's login does (loginutils/login.c).
const (
	telnetTries   = 3  // failed logins before it hangs up
	telnetEmpties = 10 // empty user names before it hangs up (EMPTY_USERNAME_COUNT)
)

func init() {
	Register(Type{
		Name: "telnet",
		Port: 23,
		Help: "accept= never, any, after:N or user:password[,user:password…] (never); banner=; hostname=; prompt= the login prompt; shell= the shell's; tries= (3); negotiate= busybox or linux (busybox)",
		New:  newTelnet,
	})
}

// telnet is a login over telnet (RFC 854) as BusyBox's telnetd and login do
// it, and a prompt behind it.
type telnet struct {
	greeting []byte // negotiation, banner, prompt
	prompt   []byte
	shell    []byte
	tries    int
	accept   acceptor
}

func newTelnet(s *Setup) (Handler, error) {
	o := s.Options
	host := o.String("hostname", orName(s.Persona, "router"), telnetMaxHost)
	t := &telnet{
		prompt: []byte(o.String("prompt", host+" login: ", telnetMaxHost*2)),
		shell:  []byte(o.String("shell", "# ", telnetMaxHost*2)),
		tries:  o.Int("tries", telnetTries, 1, telnetMostTries),
	}
	banner := o.String("banner", "\r\n", telnetMaxBanner)
	negotiate := o.String("negotiate", "busybox", telnetMaxHost)
	if telnetHello[negotiate] == "" {
		o.Fail("negotiate", "want busybox or linux, not "+quote(negotiate))
	}
	t.greeting = append(append([]byte(telnetHello[negotiate]), banner...), t.prompt...)
	err := t.accept.parse(o.String("accept", "never", maxValue))
	if err != nil {
		o.Fail("accept", err.Error())
	}
	return t, nil
}

func orName(name, def string) string {
	if name == "" {
		return def
	}
	return name
}

// Greeting is the same for all.
func (t *telnet) Greeting() []byte { return t.greeting }

// telnetState is what the next line is.
type telnetState uint8

const (
	telnetUser telnetState = iota
	telnetPassword
	telnetCommand
	telnetOver
)

// telnetSession is one attacker at a telnet pot. An idle one holds nothing but
// this.
type telnetSession struct {
	t     *telnet
	c     *Conn
	state telnetState
	opt   telnetOptions
	wasCR bool // the last byte ended a line, and what belongs to it may follow

	line    []byte
	dropped int64 // bytes of the line over its limit
	user    []byte
	userCut int64 // bytes of user over its limit
	tries   int
	empties int
	lines   int
	shell   lineShell

	raw    []byte // what came before the first login, with its negotiation
	rawLen int64
	typed  bool // there was more in it than negotiation and empty lines
	logins bool // one was told

	buf [telnetBuffer]byte
	out []byte // what was not written yet; empty between reads
}

var (
	telnetSessions = sync.Pool{New: func() any { return new(telnetSession) }}
	telnetOutputs  = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}
)

// Serve reads, answers what was read with one write, and so on.
func (t *telnet) Serve(c *Conn) {
	s := telnetSessions.Get().(*telnetSession)
	s.t, s.c = t, c
	for s.state != telnetOver {
		n, err := c.Read(s.buf[:])
		if err != nil {
			s.cutOff()
			break
		}
		if s.take(s.buf[:n]) != nil {
			break
		}
	}
	s.tellRaw()
	s.recycle()
}

// recycle gives the session back, with its small buffers. It builds no session
// on the stack, which would be Serve's while it waits.
func (s *telnetSession) recycle() {
	line, user, raw := kept(s.line), kept(s.user), kept(s.raw)
	*s = telnetSession{}
	s.line, s.user, s.raw = line, user, raw
	telnetSessions.Put(s)
}

func kept(b []byte) []byte {
	if cap(b) > telnetKeepLine {
		return nil
	}
	return b[:0]
}

// take handles what came in one read.
func (s *telnetSession) take(p []byte) error {
	pool := telnetOutputs.Get().(*[]byte)
	s.out = (*pool)[:0]
	for i, c := range p {
		if s.state == telnetOver {
			p = p[:i]
			break
		}
		if data, ok := s.opt.next(s, c); ok {
			s.input(data)
		}
		if len(s.out) > telnetFlush {
			s.flush()
		}
	}
	if !s.logins {
		s.rawLen += int64(len(p))
		s.raw = append(s.raw, p[:min(len(p), telnetRaw-len(s.raw))]...)
	}
	err := s.flush()
	if cap(s.out) <= 2*telnetFlush {
		*pool = s.out
		telnetOutputs.Put(pool)
	}
	s.out = nil
	if len(s.line) == 0 {
		s.line = kept(s.line)
	}
	return err
}

func (s *telnetSession) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.c.Write(s.out)
	s.out = s.out[:0]
	if err != nil {
		s.state = telnetOver
	}
	return err
}

// The keys of a terminal, as Linux's line discipline has them by default.
const (
	keyInterrupt = 0x03
	keyEOF       = 0x04
	keyBackspace = 0x08
	keyKill      = 0x15
	keyDelete    = 0x7f
)

// input takes one byte of text.
func (s *telnetSession) input(c byte) {
	wasCR := s.wasCR
	s.wasCR = false
	s.typed = s.typed || c != '\r' && c != '\n' && c != 0
	switch c {
	case '\r':
		s.wasCR = true
		s.enter()
	case '\n':
		if !wasCR {
			s.enter()
		}
	case 0: // CR NUL is a carriage return (RFC 854); elsewhere it is padding
	case keyBackspace, keyDelete:
		s.erase(1)
	case keyKill:
		s.erase(len(s.line))
	case keyInterrupt:
		s.interrupt()
	case keyEOF:
		if len(s.line) == 0 {
			s.state = telnetOver
		}
	default:
		s.letter(c)
	}
}

// letter adds to the line and echoes, unless it is a password.
func (s *telnetSession) letter(c byte) {
	most := telnetLogin
	if s.state == telnetCommand {
		most = telnetLine
	}
	if len(s.line) >= most {
		s.dropped++
		return
	}
	s.line = append(s.line, c)
	s.echo(c)
}

func (s *telnetSession) echo(c byte) {
	switch {
	case s.state == telnetPassword:
	case c < ' ' && c != '\t':
		s.out = append(s.out, '^', c|'@')
	default:
		s.out = append(s.out, c)
	}
}

func (s *telnetSession) erase(n int) {
	for ; n > 0 && len(s.line) > 0; n-- {
		last := s.line[len(s.line)-1]
		s.line = s.line[:len(s.line)-1]
		if s.state == telnetPassword {
			continue
		}
		s.out = append(s.out, "\b \b"...)
		if last < ' ' {
			s.out = append(s.out, "\b \b"...)
		}
	}
}

// interrupt drops the line, as Ctrl-C does.
func (s *telnetSession) interrupt() {
	s.line, s.dropped = s.line[:0], 0
	s.out = append(s.out, "^C\r\n"...)
	if s.state != telnetCommand {
		s.state = telnetUser
	}
	s.ask()
}

// ask prints the prompt of the state.
func (s *telnetSession) ask() {
	switch s.state {
	case telnetUser:
		s.out = append(s.out, s.t.prompt...)
	case telnetPassword:
		s.out = append(s.out, "Password: "...)
	case telnetCommand:
		s.out = s.shell.Prompt(s.out)
	}
}
