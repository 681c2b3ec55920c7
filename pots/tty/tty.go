// Package tty is what stands between a client's keys and a shell: the echo, the
// line editing and the reading of lines, as the terminal of a device has them
// (Linux's line discipline, and what BusyBox and bash add at their prompt).
//
// It runs nothing and keeps nothing but the line and a short history. Limits:
// MaxLine, what keeps the history short, and for long lines what Memory lends.
package tty

import (
	"io"
	"unicode/utf8"
)

// Limits, what we chose.
const (
	// MaxLine is the longest line in bytes; what goes beyond it is left out,
	// and counted.
	MaxLine = 64 << 10
	free    = 4096 // bytes of a line that Memory is not asked for
	readMax = 512  // bytes read from the client at once
	history = 8    // lines that the arrow keys bring back
	keep    = 1024 // bytes of the longest line that history keeps
	flushAt = 4096 // bytes of output before they are written
)

// The keys, as Linux has them by default (termios(3)) and as shells bind them.
const (
	keyInterrupt = 0x03 // ^C
	keyEOF       = 0x04 // ^D
	keyBackspace = 0x08
	keyTab       = 0x09
	keyClear     = 0x0c // ^L
	keyQuit      = 0x1c // ^\
	keyKill      = 0x15 // ^U
	keyWord      = 0x17 // ^W
	keyEscape    = 0x1b
	keyDelete    = 0x7f
)

// Shell is what reads the lines.
type Shell interface {
	// Prompt is what is shown when a line is waited for.
	Prompt() string
	// Run takes a line without its end. exit ends the session.
	Run(line []byte, out io.Writer) (status int, exit bool)
}

// Memory lends bytes for long lines.
type Memory interface {
	// Take lends n bytes, or nothing.
	Take(n int) bool
	// Give takes them back.
	Give(n int)
}

// Terminal is one session's. One goroutine uses it.
type Terminal struct {
	in   io.Reader
	out  io.Writer
	echo bool
	mem  Memory

	buf     []byte // read and not looked at
	at      int
	room    [readMax]byte
	line    []byte
	lent    int   // bytes of memory that it has
	dropped int64 // bytes over MaxLine, or over what there was memory for
	wasCR   bool
	escape  escape
	past    []string
	pick    int    // of the history, counted from its end
	out1    []byte // to be written
	input   []byte // a line that a command reads, not taken yet
	inLent  int    // bytes of memory that it has
	err     error
}

// New makes a terminal. With echo it is one that a person or a bot sees (a
// pty); without, lines are only read. Close it.
func New(in io.Reader, out io.Writer, echo bool, mem Memory) *Terminal {
	return &Terminal{in: in, out: out, echo: echo, mem: mem}
}

// Close gives all memory back. The terminal must not be used any more.
func (t *Terminal) Close() {
	t.mem.Give(t.lent + t.inLent)
	t.line, t.lent, t.input, t.inLent = nil, 0, nil, 0
}

// what a line ended with.
type ending uint8

const (
	ended ending = iota
	interrupted
	endOfFile
)

// Serve prompts, reads lines and gives them to the shell until it exits or the
// client's input ends. The status is that of the last line.
func (t *Terminal) Serve(sh Shell, most int) (status int) {
	defer t.Flush()
	for range most {
		if t.echo {
			t.say(sh.Prompt())
		}
		end := t.read(sh)
		if t.err != nil && len(t.line) == 0 {
			return status
		}
		switch end {
		case interrupted:
			status = 130 // as for a command that SIGINT ended
		case endOfFile:
			if t.echo {
				t.say("exit\r\n")
			}
			return status
		case ended:
			t.remember()
			var exit bool
			status, exit = sh.Run(t.line, t)
			if exit || t.err != nil {
				return status
			}
		}
	}
	return status
}

// Read gives a command what is typed, a line at a time and its newline with
// it; of a client without a terminal, whatever comes.
func (t *Terminal) Read(p []byte) (int, error) {
	if len(t.input) == 0 {
		if !t.echo {
			return t.raw(p)
		}
		switch t.read(nil) {
		case endOfFile, interrupted:
			return 0, io.EOF
		}
		if t.err != nil && len(t.line) == 0 {
			return 0, io.EOF
		}
		t.input, t.inLent = append(t.line, '\n'), t.lent
		t.line, t.lent = nil, 0
	}
	n := copy(p, t.input)
	if t.input = t.input[n:]; len(t.input) == 0 {
		t.mem.Give(t.inLent)
		t.input, t.inLent = nil, 0
	}
	return n, nil
}

// raw gives bytes as they come.
func (t *Terminal) raw(p []byte) (int, error) {
	if t.at == len(t.buf) && !t.fill() {
		return 0, io.EOF
	}
	n := copy(p, t.buf[t.at:])
	t.at += n
	return n, nil
}

// fill reads from the client; false is the end.
func (t *Terminal) fill() bool {
	t.Flush()
	if t.err != nil {
		return false
	}
	n, err := t.in.Read(t.room[:])
	t.buf, t.at = t.room[:n], 0
	if err != nil && n == 0 {
		t.err = err
	}
	return n > 0
}

// say writes what the shell shows by itself.
func (t *Terminal) say(text string) {
	if t.out1 = append(t.out1, text...); len(t.out1) > flushAt {
		t.Flush()
	}
}

// Write takes what a command prints. It is written when there is enough of it,
// when the client is waited for, or at Flush: a packet for each word would show
// what is behind this. What is long is not copied: the client may take its time.
func (t *Terminal) Write(p []byte) (int, error) {
	if len(p) > flushAt {
		t.Flush()
		_, _ = t.out.Write(p)
		return len(p), nil
	}
	if t.out1 = append(t.out1, p...); len(t.out1) > flushAt {
		t.Flush()
	}
	return len(p), nil
}

// Flush writes what is to be seen. A client that has gone shows at the next
// read.
func (t *Terminal) Flush() {
	if len(t.out1) > 0 {
		_, _ = t.out.Write(t.out1)
	}
	t.out1 = t.out1[:0]
	if cap(t.out1) > keep {
		t.out1 = nil
	}
}

// read reads a line. sh is for drawing it anew; nil where there is no prompt.
func (t *Terminal) read(sh Shell) ending {
	t.line, t.dropped, t.pick = t.line[:0], 0, 0
	if cap(t.line) > keep {
		t.line = nil
	}
	t.mem.Give(t.lent)
	t.lent = 0
	for {
		if t.at == len(t.buf) && !t.fill() {
			return ended // what was typed still counts
		}
		c := t.buf[t.at]
		t.at++
		if end, done := t.key(c, sh); done {
			t.Flush()
			return end
		}
	}
}

// Dropped is how many bytes of the last line were over MaxLine, or over what
// there was memory for.
func (t *Terminal) Dropped() int64 { return t.dropped }

// letter adds a byte to the line.
func (t *Terminal) letter(c byte) {
	if len(t.line) >= MaxLine || len(t.line) == free+t.lent && !t.lend() {
		t.dropped++
		return
	}
	t.line = append(t.line, c)
	if t.echo {
		t.out1 = append(t.out1, c)
	}
}

// lend takes memory for a line twice as long.
func (t *Terminal) lend() bool {
	n := free + t.lent
	if !t.mem.Take(n) {
		return false
	}
	t.lent += n
	return true
}

// erase takes the last character away, be it of several bytes.
func (t *Terminal) erase() {
	if len(t.line) == 0 {
		return
	}
	_, n := utf8.DecodeLastRune(t.line)
	t.line = t.line[:len(t.line)-n]
	t.say("\b \b")
}

func (t *Terminal) eraseAll() {
	for len(t.line) > 0 {
		t.erase()
	}
}

// remember puts the line into the history.
func (t *Terminal) remember() {
	if !t.echo || len(t.line) == 0 || len(t.line) > keep {
		return
	}
	if len(t.past) == history {
		t.past = append(t.past[:0], t.past[1:]...)
	}
	t.past = append(t.past, string(t.line))
}
