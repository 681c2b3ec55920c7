package pots

import (
	"bytes"
	"strings"
	"time"
)

// httpRoute is a path that attackers come for.
type httpRoute struct {
	path   string
	name   string // "signature" of its events
	kind   httpKind
	status int // 0: 200
	ctype  string
	body   string
	denied string // httpLogin: the page of a refused login
	realm  string // httpProtected
	server string // instead of the face's
	cookie string
	// servers: on a device without room for it, it would give us away; nmap
	// -A asks. There the path is told and answered like any other.
	servers bool
}

// httpKind is how a route answers.
type httpKind uint8

const (
	httpFixed     httpKind = iota // the body, whatever comes
	httpLogin                     // a form: the body, and to a POST denied
	httpProtected                 // 401 Basic
	httpMoved                     // 302 to what the body says
	httpSOAP                      // the response to the action that is asked
	httpHNAP                      // the same, and the device's settings
	httpXMLRPC                    // one fault a login
)

// httpPath is how many bytes of a target routes are looked up by.
const httpPath = 1 << 10

// target decodes the target for the routes and finds its route.
func (r *httpRequest) target() {
	t := r.Target
	if i := bytes.Index(t, []byte("://")); i > 0 && i < 8 && t[0] != '/' { // absolute form: what a proxy is asked
		t = t[i+3:]
		if i = bytes.IndexByte(t, '/'); i < 0 {
			t = []byte("/")
		} else {
			t = t[i:]
		}
	}
	r.path, r.query = appendPath(r.path[:0], t[:min(len(t), httpPath)])
	r.route = routeOf(r.path, r.query)
}

// appendPath decodes %XX, puts letters in lower case and makes several slashes
// one. query is where the query begins, the question mark included.
func appendPath(dst, t []byte) (path []byte, query int) {
	query = -1
	for i := 0; i < len(t); i++ {
		c := t[i]
		switch {
		case c == '%' && i+2 < len(t) && hexDigit(t[i+1]) >= 0 && hexDigit(t[i+2]) >= 0:
			c = byte(hexDigit(t[i+1])<<4 | hexDigit(t[i+2]))
			i += 2
		case c == '+' && query >= 0:
			c = ' '
		case c == '?' && query < 0:
			query = len(dst)
		}
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c == '/' && query < 0 && len(dst) > 0 && dst[len(dst)-1] == '/' {
			continue
		}
		dst = append(dst, c)
	}
	if query < 0 {
		query = len(dst)
	}
	return dst, query
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// routeOf finds the first route that matches; nil without one.
func routeOf(path []byte, query int) *httpRoute {
	if string(path) == "/" {
		return nil // what most ask for
	}
	for i := range httpRoutes {
		if httpRoutes[i].matches(path, query) {
			return &httpRoutes[i]
		}
	}
	return nil
}

func (r *httpRoute) matches(path []byte, query int) bool {
	p := r.path
	switch {
	case p[0] == '*':
		return bytes.Contains(path, []byte(p[1:len(p)-1]))
	case p[len(p)-1] == '*':
		return bytes.HasPrefix(path, []byte(p[:len(p)-1]))
	}
	return string(path[:query]) == p
}

// routed answers by the route.
func (s *httpSession) routed(t *httpRoute) httpAnswer {
	f := s.pot.face
	a := httpAnswer{status: 200, ctype: t.ctype, server: t.server, body: f.filled(t.body), cookie: f.filled(t.cookie)}
	if t.status != 0 {
		a.status = t.status
	}
	switch t.kind {
	case httpLogin:
		a.ctype = httpHTML
		if string(s.r.Method) == "POST" {
			a.body = f.filled(t.denied)
		}
	case httpProtected:
		a = f.challenge(httpBasic, t.realm)
		a.server, a.body = t.server, ""
	case httpMoved:
		a.status, a.ctype, a.location, a.body = 302, httpHTML, a.body, ""
	case httpSOAP:
		a.ctype, a.body = httpXML, soapResponse(s.r.Get("soapaction"))
	case httpHNAP:
		a.ctype, a.body = httpXML, s.hnap()
	case httpXMLRPC:
		a.ctype, a.faults = httpXML, max(1, min(s.r.logins, httpLogins))
		if string(s.r.Method) != "POST" {
			a.ctype, a.faults, a.status, a.body = httpText, 0, 405, "XML-RPC server accepts POST requests only."
		}
	}
	return a
}

// filled fills the placeholders of a text.
func (f *httpFace) filled(text string) string {
	return f.device.Expand(text, time.Time{})
}

// soapResponse is the empty response to the action that a SOAPAction field
// names, "urn:…#Action". What stands there is an attacker's: only names get in.
func soapResponse(action []byte) string {
	urn, name, ok := bytes.Cut(bytes.Trim(action, "\"' "), []byte("#"))
	if !ok || !soapName(urn) || !soapName(name) {
		urn, name = []byte("urn:dslforum-org:service:DeviceConfig:1"), []byte("SetConfig")
	}
	return pageSOAP + "<u:" + string(name) + "Response xmlns:u=\"" + string(urn) + "\"></u:" + string(name) + "Response>" + pageSOAPEnd
}

func soapName(b []byte) bool {
	for _, c := range b {
		if hexDigit(c) < 0 && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte(":-_.", c) < 0 {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 128
}

// hnap is D-Link's Home Network Administration Protocol: what the device is,
// to anybody, and that whatever was asked is done.
func (s *httpSession) hnap() string {
	action := bytes.Trim(s.r.Get("soapaction"), "\"' ")
	name := action[bytes.LastIndexByte(action, '/')+1:]
	if len(name) == 0 || !soapName(name) || string(name) == "GetDeviceSettings" {
		return s.pot.face.filled(pageSOAP + pageHNAP + pageSOAPEnd)
	}
	n := string(name)
	return pageSOAP + "<" + n + "Response xmlns=\"http://purenetworks.com/HNAP1/\"><" + n + "Result>OK</" + n + "Result></" + n + "Response>" + pageSOAPEnd
}

// What WordPress answers to logins: one fault, or to a system.multicall an
// array of them.
const (
	faultHead = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>\n"
	faultEnd  = "</methodResponse>\n"
	fault     = "<struct>\n  <member><name>faultCode</name><value><int>403</int></value></member>\n" +
		"  <member><name>faultString</name><value><string>Incorrect username or password.</string></value></member>\n</struct>"
	faultAlone = faultHead + "<fault><value>" + fault + "</value></fault>\n" + faultEnd
	faultsHead = faultHead + "<params><param><value><array><data>\n"
	faultEach  = "<value>" + fault + "</value>\n"
	faultsEnd  = "</data></array></value></param></params>\n" + faultEnd
)

// faultsLength is the length of the page for so many logins.
func faultsLength(n int) int {
	if n == 1 {
		return len(faultAlone)
	}
	return len(faultsHead) + n*len(faultEach) + len(faultsEnd)
}

// writeFaults writes that page as it grows: whole, it would be kept for as long
// as a client does not read it.
func (s *httpSession) writeFaults(n int) {
	w := s.w
	if n == 1 {
		w.out = append(w.out, faultAlone...)
		return
	}
	w.out = append(w.out, faultsHead...)
	for ; n > 0 && s.state != httpOver; n-- {
		if w.out = append(w.out, faultEach...); len(w.out) > httpFlush {
			s.flush()
		}
	}
	w.out = append(w.out, faultsEnd...)
}
