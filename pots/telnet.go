package pots

import (
	"sync"
	"time"

	"forager/pots/persona"
	"forager/pots/shell"
)

// Limits of the telnet pot, what we chose.
const (
	telnetBuffer    = 256                    // bytes read at once
	telnetLogin     = 2048                   // longest user name or password in bytes; the rest is counted
	telnetLine      = 64 << 10               // longest command line in bytes; the rest is counted
	telnetShort     = 4096                   // from here on a line must ask for its memory
	telnetKeepLine  = 256                    // largest line buffer in bytes that a session keeps
	telnetLines     = 1000                   // commands of one session
	telnetRaw       = 1024                   // bytes kept of a session that comes to no login
	telnetFlush     = 4096                   // bytes of output before they are written
	telnetAnswers   = 300 * time.Millisecond // for a client to answer the first options
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
		Help: "accept= never, any, after:N or user:password[,user:password…] (never); shell-download= fail or fake (fail); tries= (3); the persona's: banner=; hostname=; prompt= the login prompt; shell= the shell's; negotiate= busybox or linux",
		New:  newTelnet,
	})
}

// telnet is a login over telnet (RFC 854) as BusyBox's telnetd and login do
// it, and the shared shell behind it.
type telnet struct {
	device    *persona.Persona
	greeting  []byte // negotiation, banner, prompt
	later     []byte // what of that comes after the client's answers
	prompt    []byte
	incorrect []byte
	shell     string // the shell's prompt; empty: the persona's
	tries     int
	fake      bool // downloads seem to work
	accept    acceptor
	sleep     func(time.Duration)

	once   sync.Once
	budget *shell.Budget // of all shells; from once on
}

func newTelnet(s *Setup) (Handler, error) {
	model, err := persona.Load(s.Persona, "")
	if err != nil {
		return nil, err
	}
	p := model.For(s.NodeID)
	o := s.Options
	prompt := p.Telnet.Login
	if host := o.String("hostname", "", telnetMaxHost); host != "" {
		prompt = host + " login: "
	}
	t := &telnet{
		device:    p,
		prompt:    []byte(o.String("prompt", prompt, telnetMaxHost*2)),
		incorrect: []byte(p.Telnet.Incorrect + "\r\n"),
		shell:     o.String("shell", "", telnetMaxHost*2),
		sleep:     time.Sleep,
		tries:     o.Int("tries", telnetTries, 1, telnetMostTries),
	}
	banner := o.String("banner", p.Telnet.Banner, telnetMaxBanner)
	negotiate := o.String("negotiate", p.Telnet.Negotiate, telnetMaxHost)
	hello, ok := telnetHello[negotiate]
	if !ok {
		o.Fail("negotiate", "want busybox or linux, not "+quote(negotiate))
	}
	download := o.String("shell-download", "fail", telnetMaxHost)
	if t.fake = download == "fake"; !t.fake && download != "fail" {
		o.Fail("shell-download", "want fail or fake, not "+quote(download))
	}
	t.greeting = []byte(hello.first)
	login := append(append([]byte(hello.then), banner...), t.prompt...)
	if hello.then == "" {
		t.greeting = append(t.greeting, login...)
	} else {
		t.later = login
	}
	if err := t.accept.parse(o.String("accept", "never", maxValue)); err != nil {
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
	telnetInput // for a command that reads
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
	lent    int // bytes of the budget that the line has
	shell   *telnetShell

	raw    []byte // what came before the first login, with its negotiation
	rawLen int64
	typed  bool // there was more in it than negotiation and empty lines
	logins bool // one was told

	buf  [telnetBuffer]byte
	rest []byte // of buf: what was read and not looked at
	out  []byte // what was not written yet; empty between reads
}

var (
	telnetSessions = sync.Pool{New: func() any { return new(telnetSession) }}
	telnetOutputs  = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}
)

// Serve reads, answers what was read with one write, and so on.
func (t *telnet) Serve(c *Conn) {
	s := telnetSessions.Get().(*telnetSession)
	s.t, s.c = t, c
	n, err := s.first()
	for err == nil && s.take(s.buf[:n]) == nil && s.state != telnetOver {
		n, err = c.Read(s.buf[:])
	}
	s.end()
	s.recycle()
}

// first is the first read. Where the greeting has a second part, it waits for a
// client that answers the first, but not long, since few bots do.
func (s *telnetSession) first() (n int, err error) {
	if len(s.t.later) == 0 {
		return s.c.Read(s.buf[:])
	}
	if len(s.c.pre) == 0 { // else the client has spoken before we did
		n, err = s.c.readWithin(s.buf[:], telnetAnswers)
	}
	if err != nil && err != errSilent {
		return 0, err
	}
	if _, err := s.c.Write(s.t.later); err != nil || n > 0 {
		return n, err
	}
	return s.c.Read(s.buf[:])
}

// end tells what is left to tell.
func (s *telnetSession) end() {
	if s.state != telnetOver {
		s.cutOff()
	}
	s.tellRaw()
	if s.shell != nil {
		s.shell.close()
	}
	s.giveBack()
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
	raw := !s.logins
	s.rest = p
	for len(s.rest) > 0 && s.state != telnetOver {
		s.eat()
	}
	if raw && !s.logins {
		p = p[:len(p)-len(s.rest)]
		s.rawLen += int64(len(p))
		s.raw = append(s.raw, p[:min(len(p), telnetRaw-len(s.raw))]...)
	}
	s.rest = nil
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

// eat takes the next byte of what was read.
func (s *telnetSession) eat() {
	c := s.rest[0]
	s.rest = s.rest[1:]
	if data, ok := s.opt.next(s, c); ok {
		s.input(data)
	}
	if len(s.out) > telnetFlush {
		_ = s.flush() // its error is the state
	}
}

// more reads again in the middle of a command.
func (s *telnetSession) more() bool {
	if s.flush() != nil {
		return false
	}
	n, err := s.c.Read(s.buf[:])
	s.rest = s.buf[:n]
	return err == nil
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
		s.endOfFile()
	default:
		s.letter(c)
	}
}

// letter adds to the line and echoes, unless it is a password.
func (s *telnetSession) letter(c byte) {
	most := telnetLogin
	if s.state == telnetCommand || s.state == telnetInput {
		most = telnetLine
	}
	if len(s.line) >= most || len(s.line) == telnetShort && !s.lend() {
		s.dropped++
		return
	}
	s.line = append(s.line, c)
	s.echo(c)
}

// lend takes memory for a long line, out of what the pot's shells share.
func (s *telnetSession) lend() bool {
	if s.lent == 0 && s.t.budget.Take(telnetLine) {
		s.lent = telnetLine
	}
	return s.lent > 0
}

// dropLine makes room for the next line.
func (s *telnetSession) dropLine() {
	s.line, s.dropped = s.line[:0], 0
	s.giveBack()
}

// giveBack returns what lend took, with the buffer it was for.
func (s *telnetSession) giveBack() {
	if s.lent > 0 {
		s.line = nil
		s.t.budget.Give(s.lent)
		s.lent = 0
	}
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
	s.dropLine()
	s.out = append(s.out, "^C\r\n"...)
	switch s.state {
	case telnetInput:
		s.shell.end()
		return
	case telnetCommand:
	default:
		s.state = telnetUser
	}
	s.ask()
}

// endOfFile is Ctrl-D, which means something at the start of a line only.
func (s *telnetSession) endOfFile() {
	switch {
	case len(s.line) > 0:
	case s.state == telnetInput:
		s.shell.end()
	default:
		s.state = telnetOver
	}
}

// ask prints the prompt of the state.
func (s *telnetSession) ask() {
	switch s.state {
	case telnetUser:
		s.out = append(s.out, s.t.prompt...)
	case telnetPassword:
		s.out = append(s.out, s.t.device.Telnet.Password...)
	case telnetCommand:
		s.out = append(s.out, s.shell.sh.Prompt()...)
	}
}
