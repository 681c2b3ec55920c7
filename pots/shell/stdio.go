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
	errPipe = errors.New("Broken pipe")
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
}

func (p *pipe) Write(b []byte) (int, error) {
	if len(p.data)+len(b) > p.s.cfg.Limits.Pipe {
		b = b[:p.s.cfg.Limits.Pipe-len(p.data)]
		p.data = append(p.data, b...)
		return len(b), errPipe
	}
	p.data = append(p.data, b...)
	return len(b), nil
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
	w.s.work(len(p))
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
