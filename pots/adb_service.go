package pots

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"forager/pots/adbwire"
	"forager/pots/shell"
	"forager/pots/tty"
)

// adbLines is how many command lines a shell takes.
const adbLines = 1000

// adbShell is how a shell was asked for (SERVICES.TXT, shell).
type adbShell struct {
	pty bool
	v2  bool // shell protocol 2
}

// adbShellOf reads the arguments of "shell,v2,TERM=xterm,raw:". Without any it
// is a terminal, as before Android 7.
func adbShellOf(args string) adbShell {
	a := adbShell{pty: true}
	for arg := range strings.SplitSeq(args, ",") {
		switch arg {
		case "v2":
			a.v2 = true
		case "raw":
			a.pty = false
		case "pty":
			a.pty = true
		}
	}
	return a
}

// startShell runs a command, or a shell without one, in a goroutine.
func (s *adbSession) startShell(st *adbStream, how adbShell, line string) {
	r := &adbRun{st: st, how: how, line: line}
	s.c.guarded(&s.wg, r.run)
}

// adbRun is a shell on a stream. In shell protocol 2 it stands between the
// stream's packets and the terminal's bytes.
type adbRun struct {
	st   *adbStream
	how  adbShell
	line string

	dec    adbwire.ShellDecoder
	typed  []byte // taken out of packets, not read yet
	ended  bool   // the client's input
	sized  bool
	packet []byte
}

func (r *adbRun) run() {
	s := r.st.s
	t := tty.New(r, r, r.how.pty, s.budget())
	defer t.Close()
	sh, end := s.shells.take(shell.Config{Stdin: t, TTY: r.how.pty, Sleep: r.sleep(t)})
	defer end()
	defer r.st.finish("")
	status := 0
	switch {
	case r.line == "":
		status = t.Serve(sh, adbLines)
	case r.how.v2 && !r.how.pty:
		status = sh.Exec([]byte(r.line), t, adbStderr{t, r})
	default:
		status = sh.Exec([]byte(r.line), t, t)
	}
	t.Flush()
	if r.how.v2 {
		_, _ = r.st.Write(adbwire.AppendShell(nil, adbwire.ShellExit, []byte{byte(status)}))
	}
}

// sleep waits as the device would, or until the stream is closed.
func (r *adbRun) sleep(t *tty.Terminal) func(time.Duration) {
	return func(d time.Duration) {
		t.Flush()
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.st.done:
		}
	}
}

// Read gives what is typed.
func (r *adbRun) Read(p []byte) (int, error) {
	if !r.how.v2 {
		return r.st.Read(p)
	}
	for len(r.typed) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		var buf [adbBuffer]byte
		n, err := r.st.Read(buf[:])
		if err != nil {
			return 0, err
		}
		r.typed = r.typed[:0]
		r.dec.Feed(buf[:n], func(text []byte) { r.typed = append(r.typed, text...) }, r.control)
	}
	n := copy(p, r.typed)
	r.typed = r.typed[n:]
	return n, nil
}

// control takes a packet that is no text.
func (r *adbRun) control(kind byte, data []byte) {
	switch kind {
	case adbwire.ShellCloseStdin:
		r.ended = true
	case adbwire.ShellWindow:
		rows, rest, _ := strings.Cut(string(data), "x")
		columns, _, _ := strings.Cut(rest, ",")
		height, err1 := strconv.ParseUint(rows, 10, 16)
		width, err2 := strconv.ParseUint(columns, 10, 16)
		if err1 == nil && err2 == nil && !r.sized {
			r.sized = true
			r.st.s.c.Event("client.size").Number("width", int64(width)).Number("height", int64(height)).Send()
		}
	}
}

// Write sends what is printed.
func (r *adbRun) Write(p []byte) (int, error) { return r.write(adbwire.ShellStdout, p) }

// write sends it in packets that are no longer than a message.
func (r *adbRun) write(kind byte, p []byte) (int, error) {
	if !r.how.v2 {
		return r.st.Write(p)
	}
	for part := range slices.Chunk(p, adbwire.MaxData-adbwire.ShellHeader) {
		r.packet = adbwire.AppendShell(r.packet[:0], kind, part)
		if _, err := r.st.Write(r.packet); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// adbStderr writes errors behind what was printed before them.
type adbStderr struct {
	t *tty.Terminal
	r *adbRun
}

func (e adbStderr) Write(p []byte) (int, error) {
	e.t.Flush()
	return e.r.write(adbwire.ShellStderr, p)
}

// startSync serves the sync service on a stream.
func (s *adbSession) startSync(st *adbStream) {
	sh, end := s.shells.take(shell.Config{})
	sync := adbwire.NewSync(&adbFiles{c: s.c, sh: sh})
	st.over = func() {
		sync.Close()
		end()
	}
	st.take = func(p []byte) {
		err := sync.Feed(p, adbAnswers{st})
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == errADBFull {
			st.close()
			return
		}
		st.last = err != nil
		st.push()
	}
}

// adbAnswers keeps the answers of the sync service until one message of the
// client is done.
type adbAnswers struct{ *adbStream }

// errADBFull is what Write returns when the client takes too little.
var errADBFull = errors.New("adb: too much waits")

func (st adbAnswers) Write(p []byte) (int, error) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	if !st.grow(len(p)) {
		return 0, errADBFull
	}
	st.out = append(st.out, p...)
	return len(p), nil
}

// adbFiles is the shell's file system for the sync service.
type adbFiles struct {
	c  *Conn
	sh *shell.Shell
}

func adbInfo(i shell.Info) adbwire.Info {
	return adbwire.Info{Name: i.Name, Mode: i.Mode, Size: uint32(i.Size), Time: uint32(i.Time.Unix())}
}

// Stat, and what follows, is adbwire.Files.
func (f *adbFiles) Stat(at string) adbwire.Info {
	i, err := f.sh.Stat(at, false)
	if err != nil {
		return adbwire.Info{}
	}
	return adbInfo(i)
}

func (f *adbFiles) List(at string) (list []adbwire.Info) {
	infos, _ := f.sh.ReadDir(at)
	for _, i := range infos {
		list = append(list, adbInfo(i))
	}
	return list
}

func (f *adbFiles) Read(at string) ([]byte, error) {
	data, err := f.sh.ReadFile(at)
	if err != nil {
		err = errors.New("open failed: " + err.Error())
	}
	return data, err
}

func (f *adbFiles) Send(at string, mode uint32) adbwire.Pushed {
	u, _ := f.c.newUpload("sync", f.sh, at, mode&0o777, true)
	return u
}
