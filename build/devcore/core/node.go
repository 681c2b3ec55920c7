package core

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// strictRead is the size of the real Core's read buffer, measured: what
	// one read returns must be exactly one document.
	strictRead = 4096
	// maxFrame is the documents' recommended largest frame, newline included.
	maxFrame = 64 << 10
	// lenientBuffer holds several frames, so that a read costs little each.
	lenientBuffer = 4 * maxFrame
	// loggedRefusals of one connection are told one by one, the rest counted.
	loggedRefusals = 20
)

// node is one connection on the nodes' port.
type node struct {
	core   *Core
	raw    net.Conn // below TLS, if any
	conn   net.Conn
	number int
	faults Faults
	check  checker
	frame  frame
	batch  batch

	// Of its own goroutine.
	id         uint64
	registered bool
	frames     int
	glances    int
	refusals   int
	eventTimer *time.Timer

	writing sync.Mutex
}

var (
	errDropped       = errors.New("node said NodeDrop")
	errRejected      = errors.New("registration rejected")
	errFault         = errors.New("closed as the test asked")
	errTooLongStrict = fmt.Errorf("frame longer than %d bytes", strictRead)
	errTooLong       = fmt.Errorf("frame longer than %d bytes", maxFrame)
)

// serveNode speaks with one node until either side ends it.
func (c *Core) serveNode(raw net.Conn) {
	n := &node{core: c, raw: raw, conn: raw}
	defer func() { _ = raw.Close() }()
	if !c.enter(n) {
		c.cfg.Log("node connection %s refused: %d are open", raw.RemoteAddr(), maxNodes)
		return
	}
	defer c.leave(n)
	err := n.serve()
	if n.eventTimer != nil {
		n.eventTimer.Stop()
	}
	if n.refusals > loggedRefusals {
		c.cfg.Log("connection %d: %d frames refused in all", n.number, n.refusals)
	}
	c.cfg.Log("connection %d (%s) ended: %v", n.number, raw.RemoteAddr(), err)
}

func (c *Core) enter(n *node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || len(c.conns) >= maxNodes {
		return false
	}
	c.accepted++
	n.number, n.faults = c.accepted, c.faults
	n.check.strict = c.cfg.Strict
	c.conns[n] = true
	return true
}

func (c *Core) leave(n *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, n)
	if c.byID[n.id] == n {
		delete(c.byID, n.id)
	}
}

// resetOnClose makes the close of the socket an RST.
func (n *node) resetOnClose() {
	if t, ok := n.raw.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

func (n *node) serve() error {
	if n.faults.slow() {
		if t, ok := n.raw.(*net.TCPConn); ok {
			_ = t.SetReadBuffer(smallReceive)
		}
		n.conn = &faultyReader{Conn: n.raw, faults: &n.faults, quit: n.core.quit}
	}
	if cfg := n.core.cfg.TLS; cfg != nil {
		t := tls.Server(n.conn, cfg)
		n.conn = t
		_ = n.raw.SetDeadline(time.Now().Add(handshakeTime))
		if err := t.Handshake(); err != nil {
			return fmt.Errorf("TLS handshake: %w", err)
		}
		_ = n.raw.SetDeadline(time.Time{})
	}
	defer n.flush()
	if n.core.cfg.Strict {
		return n.readStrict()
	}
	return n.readLenient()
}

// readStrict takes what one read returns as one document. A short one does
// not even need the newline, but a newline of its own is an empty document.
func (n *node) readStrict() error {
	buf := make([]byte, strictRead)
	for {
		got, err := n.conn.Read(buf)
		if got == strictRead && buf[got-1] != '\n' {
			n.refuse(buf, errTooLongStrict)
			return errTooLongStrict
		}
		if got > 0 {
			if err := n.take(buf[:got]); err != nil {
				return err
			}
			n.flush()
		}
		if err != nil {
			return err
		}
	}
}

// readLenient takes lines, in any cut. A refused one is told and passed over;
// one over 64 KiB ends the connection.
func (n *node) readLenient() error {
	buf := make([]byte, 0, lenientBuffer)
	for {
		got, err := n.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+got]
		rest, lineErr := n.takeLines(buf)
		n.flush()
		switch {
		case lineErr != nil:
			return lineErr
		case errors.Is(err, io.EOF) && len(rest) > 0:
			return fmt.Errorf("EOF inside a frame of %d bytes", len(rest))
		case err != nil:
			return err
		case len(rest) >= maxFrame:
			n.refuse(rest, errTooLong)
			return errTooLong
		}
		buf = buf[:copy(buf[:cap(buf)], rest)]
	}
}

// takeLines takes the whole lines of b and returns what is left.
func (n *node) takeLines(b []byte) ([]byte, error) {
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return b, nil
		}
		line := b[:end]
		b = b[end+1:]
		if len(line) >= maxFrame {
			n.refuse(line, errTooLong)
			return nil, errTooLong
		}
		if n.glance(line) || len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := n.take(line); err != nil {
			return nil, err
		}
	}
}

// How a PotEvent begins and ends that a node wrote without spaces.
var (
	potEventHead = []byte(`{"version":2,"message":{"PotEvent":{"`)
	potEventTail = []byte(`}}}`)
)

// glance counts a frame that looks like a PotEvent, if it is one of those
// that Config.CheckEvery leaves unchecked.
func (n *node) glance(line []byte) bool {
	every := n.core.cfg.CheckEvery
	if every <= 1 || !n.registered ||
		!bytes.HasPrefix(line, potEventHead) || !bytes.HasSuffix(line, potEventTail) {
		return false
	}
	if n.glances++; n.glances%every == 0 {
		return false
	}
	n.batch.stats.Frames++
	n.batch.stats.PotEvents++
	n.batch.stats.Kinds[PotEvent]++
	n.batch.stats.Bytes += uint64(len(line))
	return true
}

// take checks one frame and acts on it. An error ends the connection.
func (n *node) take(b []byte) error {
	if !utf8.Valid(b) {
		b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	err := n.check.check(b, &n.frame)
	if err == nil && !n.registered && n.frame.kind != NodeRegistration {
		err = errors.New("the first message must be NodeRegistration")
	}
	if err != nil {
		n.refuse(b, err)
		if n.core.cfg.Strict {
			return fmt.Errorf("refused: %w", err)
		}
		return nil
	}
	if n.frame.kind == NodeRegistration {
		return n.register(b)
	}
	return n.accept(b)
}

// refuse tells about a frame that Core does not take.
func (n *node) refuse(b []byte, err error) {
	n.refusals++
	n.core.sink.refused.Add(1)
	if n.refusals <= loggedRefusals {
		n.core.cfg.Log("connection %d: refused: %v: %.200q", n.number, err, b)
	}
}

// accept hands a good frame on, and ends the connection if it is time to.
func (n *node) accept(b []byte) error {
	n.batch.add(&n.core.cfg, n, b)
	n.frames++
	event := n.frame.kind == PotEvent
	if event && n.eventTimer == nil && n.faults.CloseAfterEvent != 0 {
		n.eventTimer = time.AfterFunc(n.faults.CloseAfterEvent, func() { _ = n.raw.Close() })
	}
	switch {
	case n.faults.CloseAfterFrames > 0 && n.frames >= n.faults.CloseAfterFrames:
		return errFault
	case n.faults.CloseAfterEvent < 0 && event:
		return errFault
	case n.frame.kind == NodeDrop:
		return errDropped
	}
	return nil
}

// flush hands the batch on: what a node sent is visible before Core answers.
func (n *node) flush() { n.core.sink.deliver(&n.batch) }

// register answers a registration.
func (n *node) register(b []byte) error {
	id := n.frame.nodeID
	key, err := n.core.totp.verify(id, string(n.frame.totpCode))
	if n.faults.Reject != "" {
		err = errors.New(n.faults.Reject)
	}
	if err != nil {
		n.refuse(b, err)
		_ = n.send(appendAck(nil, id, false, err.Error(), ""))
		return errRejected
	}
	end := n.accept(b)
	n.flush()
	if end != nil || n.faults.NoAck {
		return end
	}
	// Known before it is told so: a command may follow its ack at once, but
	// not overtake it, so both wait for the same lock.
	n.writing.Lock()
	n.core.adopt(n, id)
	err = n.write(append(appendAck(nil, id, true, "Registration successful", key), n.faults.Rubbish...))
	n.writing.Unlock()
	return err
}

// adopt makes n the connection of node id; one before it is forgotten.
func (c *Core) adopt(n *node, id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.registered && c.byID[n.id] == n {
		delete(c.byID, n.id)
	}
	n.id, n.registered = id, true
	c.byID[id] = n
}

// send writes frames to the node, whole, within ten seconds.
func (n *node) send(b []byte) error {
	n.writing.Lock()
	defer n.writing.Unlock()
	return n.write(b)
}

func (n *node) write(b []byte) error {
	_ = n.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := n.conn.Write(b); err != nil {
		return fmt.Errorf("send to connection %d: %w", n.number, err)
	}
	return nil
}

func appendAck(b []byte, id uint64, accepted bool, message, key string) []byte {
	b = append(b, `{"version":2,"message":{"RegistrationAck":{"node_id":`...)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, `,"accepted":`...)
	b = strconv.AppendBool(b, accepted)
	b = append(b, `,"message":`...)
	b = appendString(b, message)
	if key != "" {
		b = append(b, `,"totp_key":`...)
		b = appendString(b, key)
	}
	return append(b, "}}}\n"...)
}

func appendCommand(b []byte, id uint64, command string) []byte {
	b = append(b, `{"version":2,"message":{"NodeCommand":{"node_id":`...)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, `,"command":`...)
	b = append(b, command...)
	return append(b, "}}}\n"...)
}
