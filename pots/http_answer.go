package pots

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// httpAnswer is what a request gets.
type httpAnswer struct {
	status   int
	auth     httpAuth // the challenge of a 401
	realm    string
	ctype    string
	location string
	cookie   string
	server   string // instead of the face's
	body     string
	faults   int // XML-RPC: how many faults stand there instead of the body
	close    bool
}

// The content types.
const (
	httpHTML  = "text/html"
	httpText  = "text/plain"
	httpXML   = "text/xml; charset=\"utf-8\""
	httpJSON  = "application/json"
	httpBytes = "application/octet-stream"
)

// answer chooses what a whole request gets.
func (s *httpSession) answer() httpAnswer {
	r, f := s.r, s.pot.face
	switch string(r.Method) {
	case "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH":
	case "OPTIONS":
		return httpAnswer{status: 200, ctype: httpHTML}
	default:
		return httpAnswer{status: 501, ctype: httpHTML, close: true}
	}
	switch {
	case s.plain:
		return httpAnswer{close: true}
	case f.ours(r):
		return f.own(r)
	case r.route != nil && !(r.route.servers && f.device.BusyBox != ""):
		return s.routed(r.route)
	case f.soap:
		return f.service404()
	}
	return f.own(r)
}

// ours tells whether a request is for the persona's own login. A product's
// refusal is better than no page.
func (f *httpFace) ours(r *httpRequest) bool {
	path := r.path[:r.query]
	if f.auth != httpForm || !equalPath(path, f.path) && !equalPath(path, f.action) {
		return false
	}
	return string(r.Method) != "POST" || f.refused != "" || r.route == nil || r.route.kind != httpLogin
}

// own is what the device's own pages answer.
func (f *httpFace) own(r *httpRequest) httpAnswer {
	path := r.path[:r.query]
	root := string(path) == "/"
	login := root || equalPath(path, f.path) || equalPath(path, f.action) || loginPath(path)
	switch {
	case f.auth == httpBasic || f.auth == httpDigest:
		return f.challenge(f.auth, f.realm)
	case login && string(r.Method) == "POST" && f.auth == httpForm:
		return f.denied()
	case root && f.path != "/":
		return httpAnswer{status: 302, ctype: httpHTML, location: f.path}
	case login:
		return httpAnswer{status: 200, ctype: httpHTML, body: f.page}
	}
	return httpAnswer{status: 404, ctype: httpHTML, body: f.missing}
}

// loginNames are the usual names of a first page and of what takes logins.
var loginNames = [...]string{"/index.", "/main.", "login", "logon", "signin", "/auth", "/session"}

func loginPath(path []byte) bool {
	for _, name := range &loginNames {
		if bytes.Contains(path, []byte(name)) {
			return true
		}
	}
	return false
}

// equalPath compares a path in lower case with one of the persona's.
func equalPath(path []byte, of string) bool {
	return len(path) > 1 && bytes.EqualFold(path, []byte(of))
}

func (f *httpFace) challenge(how httpAuth, realm string) httpAnswer {
	a := httpAnswer{status: 401, auth: how, realm: realm, ctype: httpHTML, body: f.refused}
	if a.body == "" {
		a.body = "<html><head><title>401 Unauthorized</title></head>\n<body><h1>401 Unauthorized</h1></body></html>\n"
	}
	return a
}

// denied is what a login form answers to any password: its page again, where
// the persona has no other.
func (f *httpFace) denied() httpAnswer {
	a := httpAnswer{status: 200, ctype: httpHTML, body: orName(f.refused, f.page)}
	if strings.HasPrefix(a.body, "<?xml") {
		a.ctype = httpXML
	}
	return a
}

// service404 is what a port without pages answers to what it does not know.
func (f *httpFace) service404() httpAnswer {
	if f.auth != httpNoAuth {
		return httpAnswer{status: 401, auth: f.auth, realm: f.realm, ctype: httpHTML}
	}
	return httpAnswer{status: 404, ctype: httpHTML, body: httpMissing}
}

// appendError answers what was no request.
func (s *httpSession) appendError(a *httpAnswer) {
	text := httpReason(a.status)
	code := strconv.Itoa(a.status)
	a.body = "<html><head><title>" + code + " " + text + "</title></head>\n<body><h1>" + code + " " + text + "</h1></body></html>\n"
	s.appendAnswer(a)
}

// appendAnswer writes an answer behind the others.
func (s *httpSession) appendAnswer(a *httpAnswer) {
	r, w := s.r, s.w
	length := len(a.body)
	if a.faults > 0 {
		length = faultsLength(a.faults)
	}
	if r.Major > 0 {
		w.out = append(w.out, s.pot.face.version...)
		w.out = strconv.AppendInt(w.out, int64(a.status), 10)
		w.out = append(w.out, ' ')
		if a.status == 401 {
			w.out = append(w.out, s.pot.face.no401...)
		} else {
			w.out = append(w.out, httpReason(a.status)...)
		}
		w.out = append(w.out, '\r', '\n')
		w.out = s.appendFields(w.out, a, length)
		w.out = append(w.out, '\r', '\n')
	}
	switch {
	case string(r.Method) == "HEAD":
	case a.faults > 0:
		s.writeFaults(a.faults)
	default:
		w.out = append(w.out, a.body...)
	}
}

// appendFields writes the fields in the order of the face.
func (s *httpSession) appendFields(dst []byte, a *httpAnswer, length int) []byte {
	f := s.pot.face
	for i := range len(f.order) {
		switch f.order[i] {
		case 'd':
			dst = appendDate(append(dst, "Date: "...), time.Now().UTC())
		case 's':
			dst = appendLine(dst, "Server: ", orName(a.server, f.server))
		case 'x':
			dst = append(dst, f.extra...)
		case 't':
			dst = appendLine(dst, "Content-Type: ", a.ctype)
		case 'l':
			dst = append(dst, "Content-Length: "...)
			dst = append(strconv.AppendInt(dst, int64(length), 10), '\r', '\n')
		case 'c':
			dst = s.appendConnection(dst, a)
		case 'a':
			dst = appendChallenge(dst, a)
			dst = appendLine(dst, "Location: ", a.location)
			dst = appendLine(dst, "Set-Cookie: ", a.cookie)
			if string(s.r.Method) == "OPTIONS" {
				dst = append(dst, "Allow: GET, HEAD, POST, OPTIONS\r\n"...)
			}
		}
	}
	return dst
}

// appendDate writes a time as RFC 9110 section 5.6.7 wants it. time's own
// formatter needs 600 bytes of stack, which every session would pay for.
func appendDate(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(append(dst, t.Weekday().String()[:3]...), ',', ' ')
	dst = append(appendTwo(dst, day), ' ')
	dst = append(append(dst, month.String()[:3]...), ' ')
	dst = append(appendTwo(appendTwo(dst, year/100), year%100), ' ')
	dst = append(appendTwo(dst, hour), ':')
	dst = append(appendTwo(dst, minute), ':')
	return append(appendTwo(dst, second), " GMT\r\n"...)
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10%10), byte('0'+n%10)) }

func appendLine(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(dst, name...), value...)
	return append(dst, '\r', '\n')
}

func (s *httpSession) appendConnection(dst []byte, a *httpAnswer) []byte {
	if a.close {
		return append(dst, "Connection: close\r\n"...)
	}
	return append(dst, "Connection: keep-alive\r\n"...)
}

// appendChallenge writes the challenge of a 401 (RFC 7617, RFC 7616). The nonce
// is forgotten at once: no answer to it is good.
func appendChallenge(dst []byte, a *httpAnswer) []byte {
	switch a.auth {
	case httpBasic:
		dst = append(dst, "WWW-Authenticate: Basic realm=\""...)
		dst = append(dst, a.realm...)
	case httpDigest:
		dst = append(dst, "WWW-Authenticate: Digest realm=\""...)
		dst = append(dst, a.realm...)
		dst = append(dst, "\", nonce=\""...)
		dst = appendSession(appendSession(dst, rand.Uint64()), rand.Uint64())
		dst = append(dst, "\", algorithm=MD5, qop=\"auth"...)
	default:
		return dst
	}
	return append(dst, '"', '\r', '\n')
}

// httpReason returns the phrase of a status (RFC 9110 section 15).
func httpReason(status int) string {
	switch status {
	case 200:
		return "OK"
	case 201:
		return "Created"
	case 204:
		return "No Content"
	case 301:
		return "Moved Permanently"
	case 302:
		return "Found"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 414:
		return "Request-URI Too Long"
	case 431:
		return "Request Header Fields Too Large"
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Error"
}
