package pots

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"forager/pots/httpwire"
	"forager/pots/tlshello"
)

// takeHead looks for a head in the buffer, and tells whether to go on.
func (s *httpSession) takeHead() bool {
	have := s.buf[:s.n]
	end, err := s.find.Find(have)
	if err != nil {
		return s.refuse(have, err)
	}
	if end == 0 {
		return false
	}
	s.r = httpReqs.Get().(*httpRequest)
	if err := s.r.Parse(have[:end]); err != nil {
		return s.refuse(have, err)
	}
	s.r.target()
	s.head, s.state = end, httpInBody
	s.r.dec.Start(s.r.Length)
	if s.r.Expect && s.r.Length != 0 && s.n == end {
		s.w.out = append(s.w.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
	}
	return true
}

// takeBody takes what is there of the body, and tells whether to go on.
func (s *httpSession) takeBody() bool {
	r := s.r
	at := s.head
	for at < s.n && !r.dec.Done() {
		data, used, err := r.dec.Next(s.buf[at:s.n])
		s.addBody(data)
		if at += used; err != nil {
			return s.refuse(s.buf[:s.head], err)
		}
	}
	if !r.dec.Done() {
		s.n = s.head
		return false
	}
	s.finish()
	s.n = copy(s.buf, s.buf[at:s.n])
	return s.n > 0
}

// addBody keeps the first bytes of a body and hashes the rest.
func (s *httpSession) addBody(p []byte) {
	r := s.r
	if len(p) == 0 {
		return
	}
	r.length += int64(len(p))
	if r.route != nil && r.route.kind == httpXMLRPC {
		r.xml.Feed(p, s.xmlLogin)
	}
	if r.sum == nil {
		take := min(len(p), httpBody-len(r.body))
		r.body = append(r.body, p[:take]...)
		if p = p[take:]; len(p) == 0 {
			return
		}
		r.sum = sha256.New()
		r.sum.Write(r.body)
	}
	r.sum.Write(p)
}

// finish answers a whole request and records it.
func (s *httpSession) finish() {
	s.requests++
	s.c.CountRequest()
	r := s.r
	a := s.answer()
	if s.requests >= httpRequests {
		a.close = true
	}
	a.close = a.close || r.Close
	s.tellRequest(a.status, "")
	s.appendAnswer(&a)
	over := a.close || s.state == httpOver // nobody took the start of a long one
	s.next()
	if over {
		s.state = httpOver
	}
}

// next makes the session ready for another request.
func (s *httpSession) next() {
	s.r.release()
	s.r, s.head, s.find, s.state = nil, 0, httpwire.Finder{}, httpInHead
}

// refuse records what could not be served and says so. What of it is HTTP is
// a request; anything else is data.
func (s *httpSession) refuse(have []byte, err error) bool {
	why := httpwire.ErrLine
	errors.As(err, &why)
	switch s.hello() {
	case helloShort:
		s.find = httpwire.Finder{} // it is not HTTP that is looked for
		return false
	case helloNone:
		s.record(have, why)
	}
	a := httpAnswer{status: why.Status, close: true, ctype: httpHTML}
	if s.r == nil {
		s.r = httpReqs.Get().(*httpRequest)
	}
	s.r.Major = 1 // HTTP/0.9 has no errors
	s.appendError(&a)
	s.r.release()
	s.r = nil
	s.state, s.n = httpRefused, 0
	s.c.SetIdle(httpDrain)
	return false
}

// record tells of bytes that were no good request.
func (s *httpSession) record(have []byte, why error) {
	if s.r == nil {
		s.r = httpReqs.Get().(*httpRequest)
		_ = s.r.Parse(have[:min(len(have), httpwire.MaxHead)]) // for what can be read of it
	}
	if s.r.Method == nil || why == httpwire.ErrLine {
		s.c.Event("session.data").Number("length", int64(len(have))).Bytes("payload", have).Send()
		return
	}
	s.c.CountRequest()
	if s.r.path = s.r.path[:0]; s.r.Target != nil {
		s.r.target()
	}
	status := 0
	if ref, ok := why.(*httpwire.Refusal); ok {
		status = ref.Status
	}
	if s.plain {
		status = 0
	}
	s.tellRequest(status, why.Error())
}

// helloState is what hello found.
type helloState uint8

const (
	helloNone  helloState = iota // the bytes are no TLS
	helloShort                   // they may become a hello
	helloTold                    // it was one
)

// hello looks whether the bytes are TLS, which is what many try on any port.
func (s *httpSession) hello() helloState {
	have := s.buf[:s.n]
	if len(have) == 0 || s.requests > 0 || !tlshello.Looks(have) {
		return helloNone
	}
	hello, err := tlshello.Parse(have)
	switch {
	case err == tlshello.ErrShort && s.n < httpMost:
		return helloShort
	case hello == nil:
		return helloNone
	}
	s.tellHello(hello, err)
	return helloTold
}

// errUnfinished is why a request is recorded that never ended.
var errUnfinished = errors.New("unfinished")

// cutOff records what was sent when the connection ended in between.
func (s *httpSession) cutOff() {
	s.w = httpWorks.Get().(*httpWork)
	defer s.putWork()
	switch s.state {
	case httpInBody:
		s.c.CountRequest()
		s.tellRequest(0, errUnfinished.Error())
	case httpInHead:
		at, ok := s.find.Begun(s.buf[:s.n])
		if !ok {
			return
		}
		have := s.buf[at:s.n]
		if bytes.IndexByte(have, '\n') < 0 {
			s.c.Event("session.data").Number("length", int64(len(have))).Bytes("payload", have).Send()
			return
		}
		s.record(have, errUnfinished)
	}
}
