package pots

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"forager/pots/adbwire"
)

// Limits of a stream, what we chose.
const (
	adbHeld = 160 << 10 // bytes that wait for the client, on all streams: a file of the shell, and more
	adbWait = 8 << 10   // bytes that wait on a stream before its shell must wait too
	adbFree = 1 << 10   // bytes of them that no budget is asked for
	adbStep = 4 << 10   // bytes by which the memory for more of them grows
)

// adbStream is one stream of a connection (protocol.txt, OPEN). The session's
// mu covers it. Each side has at most one WRTE that the other has not
// acknowledged with OKAY.
type adbStream struct {
	s             *adbSession
	local, remote uint32
	change        *sync.Cond // on the session's mu

	out   []byte // for the client
	lent  int    // bytes of the budget that it has
	ready bool   // the client has taken the last WRTE
	last  bool   // CLSE follows when out is empty

	in     []byte // from the client, not read yet
	inLent int    // bytes of the budget that it has
	unread bool   // and not acknowledged
	closed bool
	done   chan struct{} // closed with it

	take func(p []byte) // what handles data in the reader's goroutine; nil: it is read
	over func()         // called once when the stream closes; may be nil
}

// open answers OPEN.
func (s *adbSession) open(m *adbwire.Message) error {
	if s.opens++; s.opens > adbOpens {
		return errADBOver
	}
	name := string(bytes.TrimRight(m.Data, "\x00"))
	st := s.newStream(m.Arg0)
	if st == nil || !s.service(st, name) {
		s.c.Event("stream.refused").Bytes("destination", []byte(name)).Send()
		s.forget(st)
		return s.send(adbwire.CLSE, 0, m.Arg0, nil)
	}
	return nil
}

// newStream makes a stream, if there may be one more.
func (s *adbSession) newStream(remote uint32) *adbStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.streams) >= adbStreams || remote == 0 {
		return nil
	}
	if s.streams == nil {
		s.streams = make(map[uint32]*adbStream)
	}
	st := &adbStream{s: s, local: uint32(s.opens), remote: remote, ready: true, done: make(chan struct{})}
	st.change = sync.NewCond(&s.mu)
	s.streams[st.local] = st
	return st
}

func (s *adbSession) forget(st *adbStream) {
	if st == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st.local)
}

// service starts what a stream was opened for, or says that there is none.
func (s *adbSession) service(st *adbStream, name string) bool {
	kind, rest, _ := strings.Cut(name, ":")
	kind, args, _ := strings.Cut(kind, ",")
	switch kind {
	case "shell":
		s.accept(st)
		s.startShell(st, adbShellOf(args), rest)
	case "exec":
		s.accept(st)
		s.startShell(st, adbShell{}, rest)
	case "sync":
		s.accept(st)
		s.startSync(st)
	case "tcp":
		return s.forward(st, rest)
	case "reverse":
		s.accept(st)
		s.reverse(st, rest)
	case "root", "remount", "unroot", "disable-verity", "tcpip", "usb":
		s.accept(st)
		s.c.Event("command.input").Bytes("input", []byte(name)).Send()
		st.finish(adbReplies[kind])
	default:
		return false
	}
	return true
}

// adbReplies is what adbd of a device without protection says to its own
// commands (adb's services).
var adbReplies = map[string]string{
	"root": "adbd is already running as root\n", "remount": "remount succeeded\n", "unroot": "adbd not running as root\n",
	"disable-verity": "verity already disabled on /system\n", "tcpip": "restarting in TCP mode port: 5555\n", "usb": "restarting in USB mode\n",
}

// accept tells the client that its stream is open.
func (s *adbSession) accept(st *adbStream) { _ = s.send(adbwire.OKAY, st.local, st.remote, nil) }

// forward records where a client wants to go through the device, and what it
// says first; then the other side "hangs up".
func (s *adbSession) forward(st *adbStream, rest string) bool {
	port, host, _ := strings.Cut(rest, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return false
	}
	host = orName(host, "127.0.0.1")
	tell := func(what string) *Event {
		return s.c.Event(what).Bytes("target_host", []byte(host)).Number("target_port", int64(n))
	}
	tell("direct-tcpip.request").Send()
	st.take = func(p []byte) {
		tell("direct-tcpip.data").Number("length", int64(len(p))).Bytes("data", p).Send()
		st.finish("")
	}
	s.accept(st)
	return true
}

// reverse records a port that the device should listen on for the client, and
// refuses it as adbd does.
func (s *adbSession) reverse(st *adbStream, rest string) {
	s.c.Event("tcpip-forward.request").Bytes("destination", []byte(rest)).Send()
	const why = "cannot bind listener: Operation not permitted"
	st.finish("FAIL" + hex4(len(why)) + why)
}

// hex4 is a length in adb's answers.
func hex4(n int) string {
	s := "000" + strconv.FormatInt(int64(n), 16)
	return s[len(s)-4:]
}

// onStream handles a message for a stream.
func (s *adbSession) onStream(m *adbwire.Message) {
	if st, take := s.deliver(m); take != nil && !st.isClosed() {
		_ = s.send(adbwire.OKAY, st.local, st.remote, nil)
		take(m.Data)
	}
}

// deliver gives a message to its stream. take is what handles its data, if that
// is not the stream itself.
func (s *adbSession) deliver(m *adbwire.Message) (st *adbStream, take func(p []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st = s.streams[m.Arg1]
	if st == nil || st.remote != m.Arg0 && (m.Command != adbwire.CLSE || m.Arg0 != 0) {
		if m.Command == adbwire.WRTE {
			_ = s.sendLocked(adbwire.CLSE, 0, m.Arg0, nil)
		}
		return nil, nil
	}
	switch m.Command {
	case adbwire.OKAY:
		st.ready = true
		st.push()
	case adbwire.CLSE:
		st.close()
	case adbwire.WRTE:
		if st.take == nil {
			st.receive(m.Data)
		}
		return st, st.take
	}
	return nil, nil
}

func (st *adbStream) isClosed() bool {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	return st.closed
}

// receive keeps data for a reader, if there is one. A client that does not wait
// for OKAY breaks the protocol; one that sends more at once than it may gets
// what the budget has. mu is held.
func (st *adbStream) receive(p []byte) {
	switch {
	case st.last:
	case st.unread:
		st.close()
	case len(p) > adbwire.MaxData && !st.s.budget().Take(len(p)):
		st.close()
	default:
		if len(p) > adbwire.MaxData {
			st.inLent = len(p)
		}
		st.in, st.unread = bytes.Clone(p), true
		st.change.Broadcast()
	}
}

// drained forgets what the client has sent. mu is held.
func (st *adbStream) drained() {
	st.s.budget().Give(st.inLent)
	st.in, st.inLent = nil, 0
}

// Read gives what the client sends, and acknowledges it when all is read.
func (st *adbStream) Read(p []byte) (int, error) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	for len(st.in) == 0 && !st.closed {
		st.change.Wait()
	}
	if len(st.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, st.in)
	st.in = st.in[n:]
	if len(st.in) == 0 {
		st.drained()
		if st.unread = false; !st.closed {
			_ = st.s.sendLocked(adbwire.OKAY, st.local, st.remote, nil)
		}
	}
	return n, nil
}

// errADBClosed is what Write returns when the client has gone.
var errADBClosed = errors.New("adb: stream closed")

// Write sends to the client, and waits while it does not take what is there.
func (st *adbStream) Write(p []byte) (int, error) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	for rest := p; len(rest) > 0; {
		if st.closed {
			return 0, errADBClosed
		}
		n := st.room(len(rest))
		if n == 0 {
			st.change.Wait()
			continue
		}
		st.queue(rest[:n])
		rest = rest[n:]
	}
	return len(p), nil
}

// room makes room for some of a shell's n bytes, and returns how many: with
// nothing of the budget left they are few, but none only while others wait. mu
// is held.
func (st *adbStream) room(n int) int {
	n = min(n, adbWait-len(st.out))
	if n > 0 && !st.grow(n) {
		n = min(n, max(cap(st.out), adbFree)-len(st.out))
	}
	return max(n, 0)
}

// grow makes room for n more bytes, if they may wait. mu is held.
func (st *adbStream) grow(n int) bool {
	need := len(st.out) + n
	if need <= max(cap(st.out), adbFree) {
		return true
	}
	need = (need + adbStep - 1) / adbStep * adbStep
	more := need - st.lent
	if st.s.held+more > adbHeld || !st.s.budget().Take(more) {
		return false
	}
	st.lent = need
	st.s.held += more
	st.out = append(make([]byte, 0, need), st.out...)
	return true
}

// sent forgets what was sent. mu is held.
func (st *adbStream) sent() {
	st.s.budget().Give(st.lent)
	st.s.held -= st.lent
	st.out, st.lent = nil, 0
}

// queue adds to what is sent, without waiting. mu is held.
func (st *adbStream) queue(p []byte) {
	if !st.grow(len(p)) {
		st.close()
		return
	}
	st.out = append(st.out, p...)
	st.push()
}

// push sends the next part, if the client is ready for it. mu is held.
func (st *adbStream) push() {
	switch {
	case st.closed || !st.ready:
	case len(st.out) > 0:
		n := min(len(st.out), st.s.max)
		st.ready = false
		_ = st.s.sendLocked(adbwire.WRTE, st.local, st.remote, st.out[:n])
		if st.out = append(st.out[:0], st.out[n:]...); len(st.out) == 0 { // not st.out[n:], which is as large as ever
			st.sent()
		}
		st.change.Broadcast()
	case st.last:
		st.close()
	}
}

// finish sends a text and closes behind it. Nobody reads any more.
func (st *adbStream) finish(text string) {
	st.s.mu.Lock()
	defer st.s.mu.Unlock()
	st.drained()
	if st.closed || st.last {
		return
	}
	st.last = true
	st.queue([]byte(text))
	if len(text) == 0 {
		st.push()
	}
}

// close closes the stream, or answers that the client did. mu is held.
func (st *adbStream) close() {
	if st.closed {
		return
	}
	delete(st.s.streams, st.local)
	_ = st.s.sendLocked(adbwire.CLSE, st.local, st.remote, nil)
	st.shut()
}

// shut ends the stream without a word. mu is held.
func (st *adbStream) shut() {
	if st.closed {
		return
	}
	st.closed = true
	st.sent()
	close(st.done)
	st.change.Broadcast()
	if st.over != nil {
		st.over()
	}
}
