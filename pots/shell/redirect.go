package shell

import (
	"io"
	"strings"
)

// redirect makes what a command reads and writes behind its redirections. It
// says what is wrong and returns nil if one can't be done.
func (s *Shell) redirect(list []*redir, std *stdio) *stdio {
	if len(list) == 0 {
		return std
	}
	to := *std
	for _, r := range list {
		if !s.redirectOne(r, &to, std) {
			s.status = 1
			return nil
		}
	}
	return &to
}

func (s *Shell) redirectOne(r *redir, to, from *stdio) bool {
	switch r.op {
	case "<<", "<<-":
		body := r.body
		if !r.plain {
			body = s.document(body, from)
		}
		s.work(len(body))
		to.in = &input{sh: s, data: []byte(body)}
		return true
	case "<<<":
		to.in = &input{sh: s, data: []byte(s.word(r.word, from) + "\n")}
		return true
	case ">&", "<&":
		return s.duplicate(r, to, from)
	case "<", "<>":
		return s.openInput(s.word(r.word, from), to, from)
	}
	w := s.openOutput(s.word(r.word, from), strings.HasSuffix(r.op, ">>"), from)
	if w == nil {
		return false
	}
	switch {
	case r.op[0] == '&':
		to.out, to.err = w, w
	case r.fd == 2:
		to.err = w
	case r.fd == 1 || r.fd < 0:
		to.out = w
	}
	return true
}

// duplicate does 2>&1, >&-, >&file.
func (s *Shell) duplicate(r *redir, to, from *stdio) bool {
	word := s.word(r.word, from)
	if r.op == "<&" {
		if word == "-" {
			to.in = &input{sh: s}
		}
		return true
	}
	var w io.Writer
	switch word {
	case "1":
		w = to.out
	case "2":
		w = to.err
	case "-":
		w = null{}
	default:
		if _, ok := atoi(word); ok {
			return true // some other descriptor
		}
		if w = s.openOutput(word, false, from); w != nil && r.fd < 0 {
			to.err = w
		}
	}
	if w == nil {
		return false
	}
	if r.fd == 2 {
		to.err = w
	} else if r.fd < 0 || r.fd == 1 {
		to.out = w
	}
	return true
}

// socket records bash's /dev/tcp/HOST/PORT and fails like a connection that
// nobody answers.
func (s *Shell) socket(name string, std *stdio) bool {
	proto, rest, ok := strings.Cut(strings.TrimPrefix(name, "/dev/"), "/")
	if !strings.HasPrefix(name, "/dev/") || !ok || proto != "tcp" && proto != "udp" {
		return false
	}
	if !s.p.Bash {
		return false
	}
	s.tellDownload(download{url: socketURL(proto, rest), tool: "bash"})
	s.wait(connectTime)
	s.complain(std, "connect: Connection timed out")
	s.complain(std, "%s: Connection timed out", name)
	return true
}

func (s *Shell) openInput(name string, to, std *stdio) bool {
	if s.socket(name, std) {
		return false
	}
	if isTerminalPath(name) {
		to.in = &input{sh: s, live: true}
		return true
	}
	data, err := s.fs.readPath(name)
	if err == errIsDir {
		data, err = nil, nil // opening works, reading does not
	}
	if err != nil {
		if s.p.Bash {
			s.complain(std, "%s: %v", name, err)
		} else {
			s.complain(std, "can't open %s: %s", name, ashError(err))
		}
		return false
	}
	s.work(len(data))
	to.in = &input{sh: s, data: data}
	return true
}

// ashError is how ash words errors of open.
func ashError(err error) string {
	if err == errNoEnt {
		return "no such file"
	}
	return err.Error()
}

func isTerminalPath(name string) bool {
	return name == "/dev/tty" || name == "/dev/console" || name == "/dev/pts/0" || name == "/dev/stdin" ||
		name == "/dev/ttyS0"
}

// openOutput opens a file for writing, or says why not and returns nil.
func (s *Shell) openOutput(name string, add bool, std *stdio) io.Writer {
	if s.socket(name, std) {
		return nil
	}
	w, err := s.writer(name, add, std)
	if err == nil {
		return w
	}
	if s.p.Bash {
		s.complain(std, "%s: %v", name, err)
	} else {
		why := err.Error()
		if err == errNoEnt {
			why = "nonexistent directory"
		}
		s.complain(std, "can't create %s: %s", name, why)
	}
	return nil
}

// writer opens a file for writing: what is written to a device or to /proc is
// lost.
func (s *Shell) writer(name string, add bool, std *stdio) (io.Writer, error) {
	switch {
	case isTerminalPath(name) && !strings.HasSuffix(name, "in"), name == "/dev/stdout":
		return std.out, nil
	case name == "/dev/stderr":
		return std.err, nil
	}
	f, err := s.fs.walk(name, true)
	if err == nil && f.isDev() && f.name() == "full" {
		return nil, errSpace
	}
	if err == nil && (f.isDev() || inProc(f.path) && !f.isDir()) {
		return null{}, nil
	}
	_, e, err := s.fs.create(name, add)
	if err != nil {
		return nil, err
	}
	return fileWriter{s, e}, nil
}
