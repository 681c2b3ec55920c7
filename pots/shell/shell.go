// Package shell owns what answers behind a login: a small Bourne shell, shared
// by telnet, SSH and ADB, over the file tree of a persona.
//
// It never runs anything, never touches a real path and never makes a
// connection. What is typed becomes events in Cowrie's words: command.input,
// command.failed, session.file_download (an address that a payload should have
// come from) and session.file_upload (a file that the session wrote).
//
// A line goes through parse (lex.go, parse.go, compound.go), eval (eval.go, redirect.go),
// expansion (expand.go) and the table of commands, grouped by file. The file
// system (fs.go) holds only what differs from the persona's tree.
//
// Limits: Limits, each line's and each session's. An idle shell costs less than
// 8 KiB; New allocates nothing but the Shell.
package shell

import (
	"io"
	"strings"
	"time"

	"forager/pots/persona"
)

// Config is what a shell needs. Persona is required.
type Config struct {
	Persona *persona.Persona
	User    string // who logged in; empty: root
	Limits  Limits // zero fields get their defaults
	Budget  *Budget
	// Event takes what happened. It must not keep the fields' bytes. nil: nobody asks.
	Event func(kind string, fields ...Field)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Sleep is called for what takes time on a device. nil: nothing takes
	// time.
	Sleep func(time.Duration)
	// Stdin gives what the client sends while a command reads: of a terminal
	// a line at a time, its newline included. nil: end of file.
	Stdin io.Reader
	// Fake lets downloads succeed: they leave a file of made-up bytes.
	Fake bool
	// TTY says that output goes to a terminal, which wants CR LF.
	TTY bool
	// Prompt is what the shell shows; "": the persona's. \u \h \w \W and \$ as in bash.
	Prompt string
	// Client is the attacker's address, for who and netstat; may be empty.
	Client string
}

// Shell is one session's. One goroutine uses it.
type Shell struct {
	cfg  Config
	p    *persona.Persona
	user persona.User
	fs   fileSystem

	cwd     string
	vars    map[string]string
	bytes   int // of vars and funcs
	lent    int // bytes of the budget that the running line holds
	funcs   map[string]*node
	args    []string // $0, $1, …
	status  int
	level   int // shells started in the shell: exit leaves one
	exec    bool
	scripts int // scripts and sh -c that run, in each other
	bgPID   int
	pids    int // processes that this session started

	held  []byte // lines of an unfinished command
	owed  int    // bytes of the budget that they have
	kept  int    // and those of what outlives a line
	lines int
	until string // the delimiter of the here-document that held ends in
	strip bool   // its tabs don't count

	steps, printed, depth int // of the line
	odd                   int // bytes that made no step yet
	halted                limit
	flow                  flow
	flowCount             int
	slept                 time.Duration
	seen                  map[uint64]struct{} // addresses that were recorded
	fetched               bool                // the line's commands recorded an address
	input                 string              // the command that runs, for events
}

// New makes the shell of a session. Call Close at its end.
func New(cfg Config) *Shell {
	if cfg.Persona == nil {
		panic("BUG: a shell without a persona")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.User == "" {
		cfg.User = "root"
	}
	cfg.Limits = cfg.Limits.withDefaults()
	s := &Shell{cfg: cfg, p: cfg.Persona, user: cfg.Persona.User(cfg.User)}
	s.fs.sh = s
	s.cwd = "/"
	if f, err := s.fs.walk(s.user.Home, true); err == nil && f.isDir() {
		s.cwd = s.fs.abs(s.user.Home)
	}
	return s
}

// Close ends the session: it tells of an unfinished command and of the files
// that were written, and gives its memory back.
func (s *Shell) Close() {
	s.dropUnfinished()
	s.owe(&s.kept, 0)
	s.fs.close()
}

// CutOff tells of a line whose end never came.
func (s *Shell) CutOff(line []byte) {
	text := string(line[:min(len(line), s.cfg.Limits.Line)])
	s.tellInput(text)
	s.tellAddresses(text)
}

// Run takes a line without its newline and writes what the device would. The
// status is that of the last command; exit says that the session is over. A
// line that ends inside quotes, a here-document or a loop is held until the
// rest has come; Prompt tells.
func (s *Shell) Run(line []byte, out io.Writer) (status int, exit bool) {
	text, ok := s.hold(line)
	if !ok {
		return s.status, false
	}
	n, err := parse(text, false, s.cfg.Limits.Depth)
	if inc, ok := err.(*incomplete); ok && s.keep(text, inc) {
		return s.status, false
	}
	s.drop()
	if strings.TrimSpace(text) == "" {
		return s.status, false
	}
	s.tellInput(text)
	s.do(text, n, err, out)
	s.settle()
	return s.status, s.flow == flowExit
}

// Exec runs a whole command, as `ssh host command` does.
func (s *Shell) Exec(line []byte, out, errOut io.Writer) (status int) {
	s.exec = true
	text := string(line[:min(len(line), s.cfg.Limits.Line)])
	s.tellInput(text)
	n, err := parse(text, true, s.cfg.Limits.Depth)
	s.doTo(text, n, err, out, errOut)
	s.settle()
	return s.status
}

// leastLoan is how many bytes are not worth asking the budget for.
const leastLoan = 1 << 10

// borrow takes memory for what the running line needs for a while. Without it
// the line is over.
func (s *Shell) borrow(n int) bool {
	if n < leastLoan {
		return true
	}
	if !s.cfg.Budget.Take(n) {
		s.halt(limitMemory)
		return false
	}
	s.lent += n
	return true
}

// release gives back what was borrowed since the mark.
func (s *Shell) release(mark int) {
	if s.lent > mark {
		s.cfg.Budget.Give(s.lent - mark)
		s.lent = mark
	}
}

// hold joins the line with what was held. It says no while that can't be
// complete: the end of a here-document has not come.
func (s *Shell) hold(line []byte) (string, bool) {
	if len(s.held) == 0 {
		return string(line[:min(len(line), s.cfg.Limits.Line)]), true
	}
	room := s.cfg.Limits.Line - len(s.held) - 1
	if len(line) > room {
		line = line[:max(room, 0)]
		s.tellLimit(limitLine)
		s.lines = s.cfg.Limits.Lines // it ends here
	}
	if !s.owe(&s.owed, len(s.held)+1+len(line)) {
		line, s.lines = nil, s.cfg.Limits.Lines
	}
	s.held = append(append(s.held, '\n'), line...)
	if s.lines++; s.until != "" && s.lines < s.cfg.Limits.Lines {
		word := string(line)
		if s.strip {
			word = strings.TrimLeft(word, "\t")
		}
		if word != s.until {
			return "", false
		}
	}
	return string(s.held), true
}

// keep holds an unfinished command, if it is not too long for that.
func (s *Shell) keep(text string, inc *incomplete) bool {
	if s.lines >= s.cfg.Limits.Lines || len(text) >= s.cfg.Limits.Line || !s.owe(&s.owed, len(text)) {
		return false
	}
	if len(s.held) == 0 {
		s.held = append(s.held, text...)
	}
	s.until, s.strip = inc.until, inc.strip
	return len(s.held) > 0
}

// owe makes what is owed to the budget n bytes. The first few are not worth it.
func (s *Shell) owe(owed *int, n int) bool {
	more := n/maxAsk*maxAsk - *owed
	if more < 0 {
		s.cfg.Budget.Give(-more)
	} else if !s.cfg.Budget.Take(more) {
		s.tellLimit(limitMemory)
		return false
	}
	*owed += more
	return true
}

// settle takes memory for what outlives a line: variables, functions and
// arguments. Without it they are forgotten.
func (s *Shell) settle() {
	n := s.bytes
	for _, a := range s.args {
		n += len(a) + 16 // a string's head
	}
	if !s.owe(&s.kept, n) {
		s.vars, s.funcs, s.args, s.bytes = nil, nil, nil, 0
		s.owe(&s.kept, 0)
	}
}

func (s *Shell) drop() {
	s.owe(&s.owed, 0)
	s.held, s.lines, s.until = nil, 0, ""
}

// dropUnfinished tells of a command whose end never came.
func (s *Shell) dropUnfinished() {
	if len(s.held) > 0 {
		s.CutOff(s.held)
		s.drop()
	}
}

// do evaluates what was parsed and tells what it showed.
func (s *Shell) do(text string, n *node, err error, out io.Writer) {
	s.doTo(text, n, err, out, out)
}

func (s *Shell) doTo(text string, n *node, err error, out, errOut io.Writer) {
	s.steps, s.printed, s.depth, s.flow, s.halted = 0, 0, 0, flowNone, limitNone
	s.input, s.fetched = text, false
	defer s.release(0) // whatever happens
	std := &stdio{in: &input{sh: s, live: true}, out: &screen{s: s, w: out}, err: &screen{s: s, w: errOut}}
	switch {
	case err != nil:
		s.complain(std, "%s", err.Error())
		s.status = 2
	case s.borrow(2*len(text) + n.cost):
		s.eval(n, std)
	}
	s.release(0)
	if s.halted != limitNone {
		s.tellLimit(s.halted)
		if text := s.halted.complaint(); text != "" {
			_, _ = std.err.Write([]byte(text))
		}
	}
	if s.flow == flowExit && s.level > 0 && !s.exec {
		s.level--
		s.flow = flowNone
	}
	s.tellAddresses(text)
	s.input = ""
}
