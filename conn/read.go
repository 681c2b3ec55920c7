package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"forager/board"
	"forager/conn/wire"
)

// readBuffer is the size of one read from Core in bytes: a command is a few
// hundred.
const readBuffer = 1024

// reader takes Core's messages off one connection.
type reader struct {
	conn   net.Conn
	dec    wire.Decoder
	buf    []byte
	broken func(error)
}

// next returns the next message; a broken frame is reported and skipped.
func (r *reader) next(m *wire.Message) error {
	for {
		ok, err := r.dec.Next(m)
		if err != nil {
			r.broken(err)
			continue
		}
		if ok {
			return nil
		}
		n, err := r.conn.Read(r.buf)
		if n == 0 && err != nil {
			return err
		}
		r.dec.Feed(r.buf[:n])
	}
}

// register sends NodeRegistration and waits for the ack.
func (l *link) register(ctx context.Context) error {
	s := l.s
	s.set(func(st *Stats) { st.State = LinkRegistering })
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = l.conn.SetDeadline(time.Now().Add(s.cfg.timing.ack))
	reg := s.cfg.Node
	if s.cfg.TOTP != nil {
		code, err := s.cfg.TOTP.Code(time.Now())
		if err != nil {
			return fmt.Errorf("making a TOTP code: %w", err)
		}
		reg.TOTPCode = code
	}
	if err := l.write(wire.AppendRegistration(nil, &reg)); err != nil {
		return fmt.Errorf("registering: %w", err)
	}
	ack, err := l.awaitAck()
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%w within %v", errNoAck, s.cfg.timing.ack)
		}
		return fmt.Errorf("%w: %w", errNoAck, err)
	}
	if !ack.Accepted {
		return fmt.Errorf("%w: %.200q", errRejected, ack.Message)
	}
	l.takeKey(ack.TOTPKey)
	if !stop() && ctx.Err() != nil {
		return ctx.Err()
	}
	return l.conn.SetDeadline(time.Time{})
}

func (l *link) awaitAck() (*wire.Ack, error) {
	for {
		var m wire.Message
		if err := l.rd.next(&m); err != nil {
			return nil, err
		}
		l.checkVersion(&m)
		if m.Ack != nil {
			return m.Ack, nil
		}
		l.s.cfg.Log.Debugf("ignored %.64q before the RegistrationAck", m.Kind)
	}
}

// takeKey stores a totp_key. The registration stands even when that fails.
func (l *link) takeKey(key string) {
	cfg := &l.s.cfg
	if key == "" {
		return
	}
	t := cfg.TOTP
	if t == nil && cfg.StateDir == "" {
		cfg.Log.Warnf("Core handed out a TOTP secret, and there is nowhere to keep it (-state-dir)")
		return
	}
	if t == nil { // Core hands it out only once: -totp may come later
		t = &TOTP{path: totpPath(cfg.StateDir)}
	}
	if err := t.Store(key); err != nil {
		cfg.Log.Errorf("%v", err)
		l.s.Error(err.Error())
		return
	}
	if cfg.TOTP == nil {
		cfg.Log.Warnf("stored the TOTP secret that Core handed out; codes are not sent (-totp)")
		return
	}
	cfg.Log.Infof("stored the TOTP secret that Core handed out")
}

// receive reads until the connection ends and tells why on l.dead.
func (l *link) receive() {
	for {
		var m wire.Message
		if err := l.rd.next(&m); err != nil {
			l.dead <- err
			return
		}
		l.s.read.Begin(readTime)
		l.checkVersion(&m)
		switch {
		case m.Command != nil:
			l.s.set(func(st *Stats) { st.Commands++ })
			if l.s.cfg.OnCommand != nil {
				l.s.cfg.OnCommand(*m.Command)
			}
		case m.Ack != nil:
			l.s.cfg.Log.Debugf("ignored a second RegistrationAck")
		default:
			l.reportBroken(fmt.Errorf("unknown message %.64q", m.Kind))
		}
		l.s.read.End()
	}
}

func (l *link) checkVersion(m *wire.Message) {
	if m.Version != wire.Version && !l.versionSaid {
		l.versionSaid = true
		l.s.cfg.Log.Warnf("Core speaks protocol version %d, not %d; going on", m.Version, wire.Version)
	}
}

// reportBroken counts what could not be understood, and says so once a minute:
// a Core gone mad must not fill the router's log or its own.
func (l *link) reportBroken(err error) {
	s := l.s
	s.set(func(st *Stats) { st.Broken++ })
	if before, due := l.brokenPace.Due(time.Now()); due {
		text := board.More(fmt.Sprintf("from Core: %.300v", err), before)
		s.cfg.Log.Warnf("%s", text)
		s.lane.put(urgent{kind: failure, text: text})
	}
}

// closedByPeer tells an end that Core made from one that the network or we
// made.
func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
