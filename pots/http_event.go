package pots

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"forager/pots/tlshello"
)

// How much of a request its event holds, in bytes. Escaped they may grow to
// six times that, and all of them together must fit wire.MaxData.
const (
	httpKeepURL    = 3 << 10
	httpKeepFields = 2 << 10
	httpKeepAgent  = 512
	httpKeepHost   = 256
	httpKeepLogin  = 1 << 10
)

// cut adds a text of which at most so many bytes are kept, and its length if
// it is longer.
func (e *Event) cut(key string, value []byte, most int) *Event {
	if len(value) > most {
		e.Number(key+"_length", int64(len(value)))
		value = value[:most]
	}
	return e.Bytes(key, value)
}

// tellRequest tells of a request and all that is in it. fault says what was
// wrong with it; status is how it was answered, 0 if not at all.
func (s *httpSession) tellRequest(status int, fault string) {
	r := s.r
	e := s.c.Event("request").Bytes("method", r.Method).cut("url", r.Target, httpKeepURL)
	w := s.w
	w.text = append(w.text[:0], '0'+r.Major, '.', '0'+r.Minor)
	e.Bytes("version", w.text)
	if host := r.Get("host"); host != nil {
		e.cut("host", host, httpKeepHost)
	}
	if agent := r.Get("user-agent"); agent != nil {
		e.cut("user_agent", agent, httpKeepAgent)
	}
	if lines := r.Lines(); len(lines) > 0 {
		e.cut("headers", lines, httpKeepFields)
	}
	if r.length > 0 {
		e.Number("length", r.length).Bytes("body", r.body)
		w.text = r.appendSum(w.text[:0])
		e.Bytes("shasum", w.text)
	}
	if r.route != nil {
		e.String("signature", r.route.name)
	}
	if r.logins > httpLogins {
		e.Number("logins_dropped", int64(r.logins-httpLogins))
	}
	if fault != "" {
		e.String("error", fault)
	}
	if status != 0 {
		e.Number("status", int64(status))
	}
	e.Send()
	s.tellLogins()
	s.tellURLs()
}

// appendSum appends the SHA-256 of the whole body.
func (r *httpRequest) appendSum(dst []byte) []byte {
	if r.sum != nil {
		var sum [sha256.Size]byte
		return hex.AppendEncode(dst, r.sum.Sum(sum[:0]))
	}
	sum := sha256.Sum256(r.body)
	return hex.AppendEncode(dst, sum[:])
}

// tellLogins tells of the credentials in a request: those of the header, and
// those of a form or, failing that, of the query.
func (s *httpSession) tellLogins() {
	r := s.r
	s.authorization(r.Get("authorization"))
	if r.route != nil && r.route.kind == httpXMLRPC {
		return // they were told as they came
	}
	form := &s.w.login
	found := len(r.body) > 0 && form.Find(r.body)
	if !found {
		if i := bytes.IndexByte(r.Target, '?'); i >= 0 && bytes.IndexByte(r.Target[i:], '=') > 0 {
			found = form.Find(r.Target[i+1:])
		}
	}
	if found {
		s.login("form", form.User(), form.Password()).Send()
	}
}

// login begins the event of a refused login.
func (s *httpSession) login(how string, user, password []byte) *Event {
	s.r.logins++
	return s.loginEvent(how, s.c.login("login.failed", user, password))
}

func (s *httpSession) loginEvent(how string, e *Event) *Event {
	e.String("auth", how).cut("request_uri", s.r.Target, httpKeepURL)
	if agent := s.r.Get("user-agent"); agent != nil {
		e.cut("user_agent", agent, httpKeepAgent)
	}
	return e
}

// xmlLogin takes one login of an XML-RPC call.
func (s *httpSession) xmlLogin(user, password []byte) {
	if s.r.logins >= httpLogins {
		s.r.logins++
		return
	}
	s.login("xmlrpc", user, password).Send()
}

// authorization reads an Authorization field (RFC 9110 section 11.6.2).
func (s *httpSession) authorization(value []byte) {
	scheme, rest, ok := bytes.Cut(value, []byte(" "))
	if !ok {
		return
	}
	rest = bytes.TrimSpace(rest)
	switch {
	case bytes.EqualFold(scheme, []byte("basic")):
		s.basic(rest)
	case bytes.EqualFold(scheme, []byte("digest")):
		s.digest(rest)
	}
}

// basic decodes the credentials of RFC 7617.
func (s *httpSession) basic(b []byte) {
	b = bytes.TrimRight(b[:min(len(b), 2*httpKeepLogin)], "=")
	text := slices.Grow(s.w.text[:0], len(b))[:len(b)]
	s.w.text = text
	n, _ := base64.RawStdEncoding.Decode(text, b) // what is good before an error
	if n == 0 {
		return
	}
	user, password, _ := bytes.Cut(text[:n], []byte(":"))
	s.login("basic", user, password).Send()
}

// digestFields are the parameters of RFC 7616 that are told, but username. With
// them a password can be tried offline.
var digestFields = [...]string{"realm", "nonce", "uri", "response", "qop", "nc", "cnonce", "algorithm", "opaque"}

// digest tells of a Digest response. There is no password in it.
func (s *httpSession) digest(b []byte) {
	s.r.logins++
	s.c.l.inst.count.logins.Add(1)
	e := s.c.Event("login.failed").cut("username", digestParam(b, "username"), httpKeepLogin)
	for _, key := range &digestFields {
		if v := digestParam(b, key); len(v) > 0 {
			e.cut(key, v, httpKeepHost)
		}
	}
	s.loginEvent("digest", e.Bytes("method", s.r.Method)).Send()
}

// digestParam finds key=value or key="value".
func digestParam(b []byte, key string) []byte {
	for len(b) > 0 {
		b = bytes.TrimLeft(b, ", \t")
		name, rest, ok := bytes.Cut(b, []byte("="))
		if !ok {
			return nil
		}
		var value []byte
		if len(rest) > 0 && rest[0] == '"' {
			value, b, _ = bytes.Cut(rest[1:], []byte("\""))
		} else {
			value, b, _ = bytes.Cut(rest, []byte(","))
			value = bytes.TrimSpace(value)
		}
		if len(name) == len(key) && bytes.EqualFold(name, []byte(key)) {
			return value
		}
	}
	return nil
}

// tellURLs tells of the addresses that a request would have something fetched
// from. In its own target and header an address alone means nothing.
func (s *httpSession) tellURLs() {
	r, f := s.r, &s.w.urls
	f.Reset()
	if i := bytes.IndexAny(r.Target, "?;`$|&"); i >= 0 {
		f.Add(r.Target[i:])
	} else {
		f.AddCommands(r.Target)
	}
	f.Add(r.body)
	for i := range r.Fields() {
		if name, value := r.Field(i); !bytes.EqualFold(name, []byte("host")) {
			f.AddCommands(value)
		}
	}
	host := r.Get("host")
	for i := range f.Len() {
		if url := f.URL(i); !ownURL(url, host) {
			s.c.Event("session.file_download").Bytes("url", url).Send()
		}
	}
}

// ownURL tells whether url leads back to us, as forms do (redirect_to=…).
func ownURL(url, host []byte) bool {
	_, rest, ok := bytes.Cut(url, []byte("://"))
	if !ok || len(host) == 0 {
		return false
	}
	at, _, _ := bytes.Cut(rest, []byte("/"))
	return bytes.EqualFold(at, host)
}

// tellHello tells what a TLS client says of itself.
func (s *httpSession) tellHello(h *tlshello.Hello, err error) {
	var alpn strings.Builder
	for i, name := range h.ALPN {
		if i > 0 {
			alpn.WriteByte(',')
		}
		alpn.Write(name)
	}
	e := s.c.Event("client.hello").String("ja3", h.JA3()).String("ja4", h.JA4()).
		String("versions", string(h.AppendVersions(nil)))
	if h.HasSNI {
		e.cut("sni", h.ServerName, httpKeepHost)
	}
	if len(h.ALPN) > 0 {
		e.cut("alpn", []byte(alpn.String()), httpKeepHost)
	}
	if err != nil {
		e.String("error", err.Error())
	}
	e.Send()
}
