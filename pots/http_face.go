package pots

import (
	"strings"

	"forager/pots/persona"
)

// httpFace is what a web server looks like: the persona's, or one of the
// services that speak HTTP beside its pages.
type httpFace struct {
	device  *persona.Persona
	server  string // the Server field; empty: none
	realm   string
	extra   string // more fields, each with CR LF
	order   string // of the fields, see appendFields
	no401   string // the reason phrase of 401
	version string // of its status lines
	auth    httpAuth
	soap    bool // no pages, only SOAP
	path    string
	action  string
	page    string // the login page
	refused string // the page of a refused login
	missing string // the page of a 404
}

// httpAuth is how a device takes credentials.
type httpAuth uint8

const (
	httpNoAuth httpAuth = iota
	httpBasic
	httpDigest
	httpForm
)

var httpAuths = map[string]httpAuth{"none": httpNoAuth, "basic": httpBasic, "digest": httpDigest, "form": httpForm}

// httpCWMP is the server that most devices with an open port 7547 name, and
// the one that is looked for.
const httpCWMP = "RomPager/4.07 UPnP/1.0"

// httpMaxText is the longest server= and realm= in bytes.
const httpMaxText = 256

// newHTTPFace makes the face of a pot: the options before the persona.
func newHTTPFace(s *Setup) (*httpFace, error) {
	t, err := persona.Load(s.Persona, "")
	if err != nil {
		return nil, err
	}
	p := t.For(s.NodeID)
	h := p.HTTP
	f := &httpFace{
		device: p, server: h.Server, realm: orName(h.Realm, p.Model), extra: h.Extra, no401: "Unauthorized", version: "HTTP/1.1 ",
		path: orName(h.Path, "/"), action: h.Action, page: h.Login, refused: h.Refused, missing: orName(h.Missing, httpMissing),
	}
	f.page = orName(f.page, p.Expand(httpLoginPage, p.TLS.Start))
	auth := h.Auth
	switch s.Spec.Type {
	case "cwmp":
		auth = f.service(orName(p.Get("cwmp.server"), httpCWMP), "digest")
	case "upnp":
		auth = f.service(orName(p.UPnP, f.server), "none")
	}
	o := s.Options
	f.server = header(o.String("server", f.server, httpMaxText))
	f.realm = header(o.String("realm", f.realm, httpMaxText))
	name := o.String("auth", auth, httpMaxText)
	var ok bool
	if f.auth, ok = httpAuths[name]; !ok {
		o.Fail("auth", "want none, basic, digest or form, not "+quote(name))
	}
	f.habits()
	return f, nil
}

// service makes the face that of a port without pages.
func (f *httpFace) service(server, auth string) string {
	f.server, f.soap, f.extra, f.page, f.refused, f.missing = server, true, "", "", "", ""
	return auth
}

// header drops what would end a header field, or a quoted word in one.
func header(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '"' {
			return -1
		}
		return r
	}, s)
}

// The fields of an answer, in the order in which servers send them. d Date,
// s Server, t Content-Type, l Content-Length, c Connection, a WWW-Authenticate
// and Location, x those of the persona.
const httpOrder = "dsxatlc"

// httpHabits are those of known servers; scanners look at the order, too.
var httpHabits = [...]struct{ server, order, no401 string }{
	{"Router", "sctaxl", "N/A"}, // TP-Link's httpd sends no Date
	{"TP-LINK", "sctaxl", "N/A"},
	{"Apache", "dsaxlct", "Unauthorized"},
	{"nginx", "sdtlcax", "Unauthorized"},
	{"lighttpd", "xatlcds", "Unauthorized"},
	{"Boa", "dscatlx", "Unauthorized"},
	{"GoAhead", "sdatlcx", "Unauthorized"},
	{"mini_httpd", "sdatlcx", "Unauthorized"},
	{"micro_httpd", "sdatlcx", "Unauthorized"},
	{"httpd", "sdatlcx", "Unauthorized"},
	{"uc-httpd", "tslcax", "Unauthorized"},
	{"App-webs", "dscxtal", "Unauthorized"},
	{"DNVRS-Webs", "dscxtal", "Unauthorized"},
	{"Hikvision", "dscxtal", "Unauthorized"},
	{"RomPager", "atlscx", "Unauthorized"},
}

// habits sets the order and the phrases, the persona's own before those that
// its server is known for.
func (f *httpFace) habits() {
	f.order = httpOrder
	for i := range httpHabits {
		if h := &httpHabits[i]; strings.HasPrefix(f.server, h.server) {
			f.order, f.no401 = h.order, h.no401
			break
		}
	}
	if strings.HasPrefix(f.server, "uc-httpd") {
		f.version = "HTTP/1.0 " // and yet it keeps connections; nmap tells it by this
	}
	f.order = orName(f.device.Get("http.order"), f.order)
	f.no401 = orName(f.device.Get("http.401"), f.no401)
}

// The pages of personas that bring none.
const (
	httpMissing   = "<html><head><title>404 Not Found</title></head>\n<body><h1>404 Not Found</h1></body></html>\n"
	httpLoginPage = `<html><head><title>%{model}</title></head>
<body><h2>%{model}</h2>
<form method="post" action="/login.cgi">
Username: <input type="text" name="username"><br>
Password: <input type="password" name="password"><br>
<input type="submit" value="Login"></form></body></html>
`
	httpDenied = "<html><head><title>Login</title></head><body>Login failed: user name or password is incorrect.</body></html>\n"
)
