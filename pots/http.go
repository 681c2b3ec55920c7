package pots

import (
	"hash"
	"io"
	"sync"
	"time"

	"forager/pots/httpform"
	"forager/pots/httpwire"
	"forager/pots/payload"
	"forager/pots/xmlrpc"
)

// Limits of the web pots, what we chose.
const (
	httpBuffer   = 600              // bytes that an idle session reads into: what most requests fit
	httpMiddle   = 4 << 10          // bytes of the next larger buffer
	httpMost     = 20 << 10         // bytes of the largest buffer: a head and some of a body
	httpRoom     = 128              // bytes that a read should have room for
	httpBody     = 4 << 10          // bytes of a body that are recorded
	httpRequests = 100              // of one connection
	httpIdle     = 30 * time.Second // of silence
	httpDrain    = time.Second      // of silence behind a refusal
	httpFlush    = 16 << 10         // bytes of answers before they are written
	httpLogins   = 512              // credentials taken from one request
)

func init() {
	const help = "auth= none, basic, digest or form (the persona's); server= header; realm="
	Register(Type{Name: "http", Port: 80, Help: help, New: newHTTP})
	Register(Type{Name: "cwmp", Port: 7547, Help: help, New: newHTTP})
	Register(Type{Name: "upnp", Port: 37215, Help: help, New: newHTTP})
	Register(Type{Name: "https", Port: 443, Help: help + "; key= ecdsa or rsa of its certificate (ecdsa)", New: newHTTPS})
}

// httpPot is a web server that takes credentials and refuses them, and lets
// exploits believe that they work.
type httpPot struct {
	face *httpFace
	tls  *httpTLS // nil: plain
}

func newHTTP(s *Setup) (Handler, error) {
	face, err := newHTTPFace(s)
	return &httpPot{face: face}, err
}

// httpState is what the next byte belongs to.
type httpState uint8

const (
	httpInHello httpState = iota // TLS, before anything else
	httpInHead
	httpInBody
	httpRefused // what comes is thrown away, so that the answer can be read
	httpOver
)

// httpSession is one attacker's connection. An idle one holds its buffer and
// nothing more.
type httpSession struct {
	pot      *httpPot
	c        *Conn
	rw       io.ReadWriter // c, or TLS over it
	state    httpState
	plain    bool // no TLS where TLS should be
	find     httpwire.Finder
	head     int          // length of the head in buf, while its body comes
	r        *httpRequest // from a whole head on
	w        *httpWork    // while bytes are taken
	requests int

	buf   []byte // small, or a larger one
	n     int    // bytes in buf
	small [httpBuffer]byte
}

// httpRequest is what is kept of a request while its body comes.
type httpRequest struct {
	httpwire.Request
	route  *httpRoute
	path   []byte // of the target, decoded, in lower case; with its query
	query  int    // where that begins
	body   []byte // its first bytes
	length int64  // of all of it
	sum    hash.Hash
	dec    httpwire.Body
	xml    xmlrpc.Scanner
	logins int
}

// httpWork is what a session needs while it takes bytes.
type httpWork struct {
	out   []byte
	login httpform.Login
	urls  payload.Finder
	text  []byte
}

var (
	httpSessions = sync.Pool{New: func() any { return new(httpSession) }}
	httpReqs     = sync.Pool{New: func() any { return new(httpRequest) }}
	httpWorks    = sync.Pool{New: func() any { return new(httpWork) }}
	httpMiddles  = sync.Pool{New: func() any { return new([httpMiddle]byte) }}
)

// Serve reads, answers what was read with one write, and so on.
func (h *httpPot) Serve(c *Conn) {
	c.SetIdle(httpIdle)
	s := httpSessions.Get().(*httpSession)
	s.pot, s.c, s.rw, s.state = h, c, c, httpInHead
	s.buf = s.small[:]
	if h.tls != nil {
		h.tls.serve(s)
	} else {
		s.run()
	}
	s.release()
}

// run is the session, once there is something to read HTTP from.
func (s *httpSession) run() {
	for s.state != httpOver {
		n, err := s.rw.Read(s.buf[s.n:])
		if s.n += n; n > 0 {
			s.take()
		}
		if err != nil {
			s.cutOff()
			return
		}
	}
}

func (s *httpSession) release() {
	if s.r != nil {
		s.r.release()
	}
	if len(s.buf) == httpMiddle {
		httpMiddles.Put((*[httpMiddle]byte)(s.buf))
	}
	*s = httpSession{}
	httpSessions.Put(s)
}

func (r *httpRequest) release() {
	body, path := r.body[:0], r.path[:0]
	if cap(body) > httpBuffer {
		body = nil
	}
	if cap(path) > httpBuffer {
		path = nil
	}
	r.Reset()
	r.route, r.sum, r.body, r.path = nil, nil, body, path
	r.length, r.logins = 0, 0
	r.xml.Reset()
	httpReqs.Put(r)
}

// take handles what has been read.
func (s *httpSession) take() {
	s.w = httpWorks.Get().(*httpWork)
	for more := true; more && s.state != httpOver; {
		switch s.state {
		case httpInHead:
			more = s.takeHead()
		case httpInBody:
			more = s.takeBody()
		default:
			s.n, more = 0, false
		}
		if len(s.w.out) > httpFlush {
			s.flush()
		}
	}
	s.flush()
	s.putWork()
	s.fit()
}

func (s *httpSession) putWork() {
	w := s.w
	s.w = nil
	w.urls.Reset()
	if cap(w.out) <= 2*httpFlush {
		httpWorks.Put(w)
	}
}

func (s *httpSession) flush() {
	if len(s.w.out) == 0 {
		return
	}
	if s.plain { // a device's TLS library says nothing to what is no TLS
		s.w.out, s.state = s.w.out[:0], httpOver
		return
	}
	if _, err := s.rw.Write(s.w.out); err != nil {
		s.state = httpOver
	}
	s.w.out = s.w.out[:0]
}

// fit gives the session a buffer that is not full, and no larger one than it
// needs.
func (s *httpSession) fit() {
	switch room := len(s.buf) - s.n; {
	case room >= httpRoom && (s.n > httpBuffer/2 || len(s.buf) == httpBuffer || s.r != nil):
	case room >= httpRoom:
		s.move(s.small[:])
	case len(s.buf) == httpBuffer:
		s.move(httpMiddles.Get().(*[httpMiddle]byte)[:])
	case len(s.buf) < httpMost:
		s.move(make([]byte, httpMost))
	}
}

// move changes the buffer. A request points into it.
func (s *httpSession) move(buf []byte) {
	copy(buf, s.buf[:s.n])
	if len(s.buf) == httpMiddle {
		httpMiddles.Put((*[httpMiddle]byte)(s.buf))
	}
	s.buf = buf
	if s.state == httpInBody {
		_ = s.r.Parse(s.buf[:s.head]) // it was good before
	}
}
