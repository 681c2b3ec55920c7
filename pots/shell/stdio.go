package shell

import (
	"bytes"
	"errors"
	"io"
)

// stdio is what a command reads and writes.
type stdio struct {
	in       *input
	out, err io.Writer
}

var (
	errPipe = errors.New("Broken pipe") //lint:ignore ST1005 strerror's word, which an attacker reads
	crlf    = []byte("\r\n")
)

// screen writes to the client, within Limits.Output.
type screen struct {
	s *Shell
	w io.Writer
}

func (o *screen) Write(p []byte) (int, error) {
	room := o.s.cfg.Limits.Output - o.s.printed
	if len(p) > room {
		p = p[:max(room, 0)]
		o.s.halt(limitOutput)
	}
	o.s.printed += len(p)
	if !o.s.cfg.TTY {
		if o.w != nil {
			_, _ = o.w.Write(p)
		}
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		line, after, more := bytes.Cut(rest, crlf[1:])
		_, _ = o.w.Write(line)
		if more {
			_, _ = o.w.Write(crlf)
		}
		rest = after
	}
	return len(p), nil
}

// pipe keeps what is written, up to a limit; then its reader has gone.
type pipe struct {
	s    *Shell
	data []byte
	lent int // of the shells' budget
}

func (p *pipe) Write(b []byte) (int, error) {
	room := p.s.cfg.Limits.Pipe - len(p.data)
	if need := len(p.data) + len(b); need > cap(p.data) && room > 0 {
		size := min(max(need, 2*cap(p.data), 256), p.s.cfg.Limits.Pipe)
		if size >= leastLoan && !p.s.cfg.Budget.Take(size-p.lent) {
			p.s.halt(limitMemory)
			return 0, errPipe
		}
		if size >= leastLoan {
			p.lent = size
		}
		data := make([]byte, len(p.data), size)
		copy(data, p.data)
		p.data = data
	}
	if len(b) > room {
		p.data = append(p.data, b[:room]...)
		return room, errPipe
	}
	p.data = append(p.data, b...)
	return len(b), nil
}

// close gives the memory back. What was in the pipe must not be used any more.
func (p *pipe) close() {
	p.s.cfg.Budget.Give(p.lent)
	p.data, p.lent = nil, 0
}

// null takes and forgets.
type null struct{}

func (null) Write(p []byte) (int, error) { return len(p), nil }

// fileWriter writes to a file of the session.
type fileWriter struct {
	s *Shell
	e *entry
}

func (w fileWriter) Write(p []byte) (int, error) {
	if err := w.s.fs.append(w.e, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// input is what a command reads: bytes at hand, and behind them what the
// client sends, if it is live.
type input struct {
	sh   *Shell
	data []byte
	live bool
}

// maxAsk is how much is read from the client at once, in bytes.
const maxAsk = 4096

// more reads from the client.
func (in *input) more() bool {
	if !in.live || in.sh.cfg.Stdin == nil || in.sh.stopped() || len(in.data) >= in.sh.cfg.Limits.Pipe {
		return false
	}
	if !in.sh.borrow(maxAsk) {
		return false
	}
	buf := make([]byte, maxAsk)
	n, err := in.sh.cfg.Stdin.Read(buf)
	in.data = append(in.data, buf[:n]...)
	return n > 0 && (err == nil || in.sh.step(1))
}

// all reads to the end, at most Limits.Pipe bytes.
func (in *input) all() []byte {
	for in.more() {
	}
	data := in.data
	in.data = nil
	in.sh.work(len(data))
	return data
}

// line reads a line without its newline; ok is false at the end.
func (in *input) line() (line []byte, ok bool) {
	for {
		if i := bytes.IndexByte(in.data, '\n'); i >= 0 {
			line, in.data = in.data[:i], in.data[i+1:]
			in.sh.step(1)
			return line, true
		}
		if !in.more() {
			break
		}
	}
	line, in.data = in.data, nil
	return line, len(line) > 0
}

// isTerminal tells whether a person or bot types what is read.
func (in *input) isTerminal() bool { return in.live && in.sh.cfg.Stdin != nil && !in.sh.exec }
