package pots

import (
	"io"
	"time"

	"forager/pots/shell"
)

// Limits of the shells of a telnet pot, what we chose.
const (
	// telnetMemory is how many bytes a connection adds to what all shells of
	// the pot may hold together: files, long lines and what runs.
	telnetMemory = 4 << 10
	// telnetNap is how often a pause looks whether the connection is over.
	telnetNap = 200 * time.Millisecond
)

// telnetShell is the shared shell behind a telnet login. Its output goes to the
// session's buffer, its input are the lines that are typed while a command
// reads.
type telnetShell struct {
	s  *telnetSession
	sh *shell.Shell

	input []byte // a line for the command that reads
	ready bool   // it has come, or will not
	ended bool   // no more: the end-of-file key, an interrupt, the connection
}

// newTelnetShell makes the shell of a session that has logged in.
func newTelnetShell(s *telnetSession) *telnetShell {
	s.t.once.Do(func() {
		s.t.budget = shell.NewBudget(int64(s.c.l.limits().Conns) * telnetMemory)
	})
	t := &telnetShell{s: s}
	t.sh = shell.New(shell.Config{
		Persona: s.t.device, User: string(s.user), Fake: s.t.fake, Prompt: s.t.shell, Budget: s.t.budget,
		Event: t.event, TTY: true, Stdin: t, Sleep: t.pause, Client: s.c.src.Addr().String(),
	})
	return t
}

// line has the shell answer the line of the session. more tells whether the
// shell goes on.
func (t *telnetShell) line() (more bool) {
	_, exit := t.sh.Run(t.s.line, t)
	return !exit
}

// event tells what the shell tells, and how long a line was of which we kept
// the start.
func (t *telnetShell) event(kind string, fields ...shell.Field) {
	if kind == "command.input" && t.s.dropped > 0 && len(fields) == 1 {
		f := fields[0]
		t.s.c.Event(kind).Bytes(f.Key, f.Bytes[:min(len(f.Bytes), MaxField)]).
			Number("input_length", int64(len(f.Bytes))+t.s.dropped).Send()
		return
	}
	t.s.c.shellEvent(kind, fields...)
}

// Write takes output of the shell.
func (t *telnetShell) Write(p []byte) (int, error) {
	s := t.s
	s.out = append(s.out, p...)
	if len(s.out) > telnetFlush {
		return len(p), s.flush()
	}
	return len(p), nil
}

// pause shows what was printed so far and waits.
func (t *telnetShell) pause(d time.Duration) {
	if t.s.flush() != nil {
		return
	}
	for ; d > 0 && t.s.c.ended.Load() == 0; d -= telnetNap {
		t.s.t.sleep(min(d, telnetNap))
	}
}

// Read waits for a line that the attacker types while a command reads.
func (t *telnetShell) Read(p []byte) (int, error) {
	if len(t.input) == 0 && !t.fill() {
		return 0, io.EOF
	}
	n := copy(p, t.input)
	if t.input = t.input[n:]; len(t.input) == 0 {
		t.input = nil
	}
	return n, nil
}

// close ends the shell's session.
func (t *telnetShell) close() { t.sh.Close() }

// fill reads until a line has come. The command's own line is not needed any
// more: the shell has copied it.
func (t *telnetShell) fill() bool {
	s := t.s
	s.dropLine()
	if s.state == telnetOver {
		return false
	}
	s.state, t.ready, t.ended = telnetInput, false, false
	for !t.ready && s.state == telnetInput {
		if len(s.rest) == 0 && !s.more() {
			t.cut(s.line)
			break
		}
		s.eat()
	}
	if s.state == telnetInput {
		s.state = telnetCommand
	}
	return t.ready && !t.ended
}

// take takes the line that was typed.
func (t *telnetShell) take(line []byte) {
	t.input = append(append(t.input[:0], line...), '\n')
	t.ready = true
}

// cut takes what was typed of a line when the connection ended.
func (t *telnetShell) cut(line []byte) {
	t.input = append(t.input[:0], line...)
	t.ready, t.ended = true, len(line) == 0
}

// end is the end-of-file key or an interrupt.
func (t *telnetShell) end() { t.ready, t.ended = true, true }
