package pots

import (
	"crypto/tls"
	"errors"
	"net"
	"time"

	"forager/pots/tlshello"
)

// Limits of a handshake, what we chose.
const (
	tlsIdle  = 10 * time.Second // of silence until the handshake is done
	tlsBytes = 64 << 10         // from the client until then
)

// httpTLS is the TLS of a pot: whatever an old device would still speak, since
// many tools are as old.
type httpTLS struct {
	config tls.Config
	cert   *deviceCert
}

func newHTTPS(s *Setup) (Handler, error) {
	face, err := newHTTPFace(s)
	if err != nil {
		return nil, err
	}
	key := s.Options.String("key", orName(face.device.Get("tls.key"), "ecdsa"), httpMaxText)
	if key != "ecdsa" && key != "rsa" {
		s.Options.Fail("key", "want ecdsa or rsa, not "+quote(key))
	}
	h := &httpTLS{cert: &deviceCert{dir: s.StateDir, kind: key, device: face.device, log: s.Log}}
	h.config = tls.Config{
		MinVersion: tls.VersionTLS10, CipherSuites: allSuites(), SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return h.cert.get() },
	}
	return &httpPot{face: face, tls: h}, nil
}

// allSuites are all that Go has, the broken ones too: nothing that is secret
// goes over them.
func allSuites() (ids []uint16) {
	for _, list := range [...][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// serve takes the hello, records it, and gives the session the TLS connection
// to read from. What is no TLS is read as what it is, and gets no answer.
func (h *httpTLS) serve(s *httpSession) {
	s.state = httpInHello
	s.c.SetIdle(min(tlsIdle, httpIdle))
	for s.state == httpInHello {
		n, err := s.c.Read(s.buf[s.n:])
		if s.n += n; n > 0 {
			h.look(s)
		}
		if err != nil && s.state == httpInHello {
			if s.n > 0 {
				s.c.Event("session.data").Number("length", int64(s.n)).Bytes("payload", s.buf[:s.n]).Send()
			}
			return
		}
	}
	if s.plain {
		s.take()
		s.run()
		return
	}
	h.handshake(s)
}

// look tells what the bytes so far are.
func (h *httpTLS) look(s *httpSession) {
	have := s.buf[:s.n]
	if !tlshello.Looks(have) {
		s.plain, s.state = true, httpInHead
		return
	}
	hello, err := tlshello.Parse(have)
	if err == tlshello.ErrShort && s.n < httpMost {
		s.fit()
		return
	}
	if hello != nil {
		s.tellHello(hello, err)
	}
	s.state = httpInHead // crypto/tls says what is wrong with the rest
}

// handshake does it, and then the session.
func (h *httpTLS) handshake(s *httpSession) {
	wire := &helloConn{c: s.c, pre: s.buf[:s.n], left: tlsBytes}
	t := tls.Server(wire, &h.config)
	if err := t.Handshake(); err != nil {
		s.c.Event("handshake.failed").String("error", err.Error()).Send()
		return
	}
	s.n = 0
	s.fit()
	wire.pre, wire.left = nil, 0
	wire.done = true
	s.c.SetIdle(httpIdle)
	s.rw = t
	s.run()
	_ = t.Close() // tells the client, if it still listens
}

// errHandshake ends a handshake that is too long.
var errHandshake = errors.New("too many bytes before the handshake was done")

// helloConn is the attacker's connection for crypto/tls, which reads what was
// read before once more. Its deadlines are the guard's.
type helloConn struct {
	c    *Conn
	pre  []byte
	left int
	done bool
}

func (w *helloConn) Read(p []byte) (int, error) {
	if w.done {
		return w.c.Read(p)
	}
	if len(w.pre) > 0 {
		n := copy(p, w.pre)
		w.pre = w.pre[n:]
		return n, nil
	}
	n, err := w.c.Read(p)
	if w.left -= n; w.left < 0 {
		return 0, errHandshake
	}
	return n, err
}

func (w *helloConn) Write(p []byte) (int, error)      { return w.c.Write(p) }
func (w *helloConn) Close() error                     { return nil } // the listener's
func (w *helloConn) LocalAddr() net.Addr              { return w.c.nc.LocalAddr() }
func (w *helloConn) RemoteAddr() net.Addr             { return w.c.nc.RemoteAddr() }
func (w *helloConn) SetDeadline(time.Time) error      { return nil }
func (w *helloConn) SetReadDeadline(time.Time) error  { return nil }
func (w *helloConn) SetWriteDeadline(time.Time) error { return nil }
