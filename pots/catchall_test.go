package pots

import (
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"forager/conn/ring"
)

func TestCatchAllOptions(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{"hand=gopher", `option hand: want names of tls, http, ssh, telnet, adb, not "gopher"`},
		{"hand=http,,x", "option hand"},
		{"scan=65", "option scan"},
		{"scan-window=1h", "option scan-window"},
		{"syn=averylonginterface", "option syn"},
		{"silent=-1s", "option silent"},
		{"banner=x", `option "banner": unknown`},
		{"", ""},
		{"hand=http,telnet scan=0 max=8192", ""},
	} {
		_, err := ParseSpec("catchall listen=:1 " + c.options)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.options, err, c.want)
		}
	}
}

func TestCatchAll(t *testing.T) {
	hello := "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03" // its length is right, its content broken
	for _, c := range []struct{ name, options, say, fields string }{
		{"nothing", "", "", ""},
		{"text", "", "HELP\r\n", `{"app":"text","length":6,"payload":"HELP\r\n"}`},
		{"binary", "", "\x00\xff", `{"app":"binary","length":2,"payload_escaped":"\u0000\\xff"}`},
		{"rdp", "", "\x03\x00\x00\x2e)\xe0\x00\x00\x00\x00\x00Cookie: mstshash=adm\r\n\x01\x00\x08\x00",
			`{"app":"rdp","length":37,"payload_escaped":"*","username":"adm"}`},
		{"broken hello", "", hello, `{"app":"tls","length":10,"payload":"*","ja3":"*","ja4":"*","versions":"*"}`},
		{"more than is recorded", "max=2", "abc", `{"app":"text","length":3,"payload":"ab","shasum":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`},
		{"much more", "max=2", strings.Repeat("abc", 3000), `{"app":"text","length":9000,"payload":"ab","shasum":"*"}`},
	} {
		for _, chunk := range []int{1, 10000} {
			if len(c.say) > 1000 && chunk == 1 {
				continue // an emulator may be silent for too long in between
			}
			n := newNode(t, Config{}).run()
			peer := dial(t, n.pots("catchall listen=127.0.0.1:0 "+c.options))
			peer.converse(c.say, chunk)
			n.expect("catchall.session.connect", `{}`)
			if c.fields != "" {
				n.expect("catchall.session.data", c.fields)
			}
			n.expect("catchall.session.closed", anyClose)
			n.stop()
		}
	}
}

// TestCatchAllHands: what other pots speak goes to them, with the bytes that
// were read already, under the same guard.
func TestCatchAllHands(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("catchall listen=127.0.0.1:0 hand=http,telnet,tls")
	for _, chunk := range []int{1, 1000} {
		web := dial(t, addr)
		if got := web.converse("GET /x HTTP/1.0\r\n\r\n", chunk); !strings.HasPrefix(got, "HTTP/1.") {
			t.Errorf("heard %q", got)
		}
		n.expect("catchall.session.connect", `{}`)
		n.expect("catchall.session.handed", `{"app":"http","to":"http"}`)
		if data := n.expectType("http.request"); data["protocol"] != "http" {
			t.Errorf("%v", data)
		}
		n.expectType("catchall.session.closed")

		tel := dial(t, addr)
		tel.send("\xff\xfb\x1f")
		tel.until("login: ")
		tel.send("root\r\nxc3511\r\n")
		tel.until("incorrect")
		n.expect("catchall.session.connect", `{}`)
		n.expect("catchall.session.handed", `{"app":"telnet","to":"telnet"}`)
		n.expect("telnet.login.failed", `{"username":"root","password":"xc3511"}`)
		tel.Close()
		n.expectType("catchall.session.closed")
	}
	if p, _ := n.m.Info("catchall"); p.Counters.Conns != 4 || p.Counters.Logins != 2 {
		t.Errorf("%+v", p.Counters)
	}
	if open, _ := n.guarded(); open != 0 {
		t.Errorf("%d open", open)
	}
}

// expectType takes events to the first of a type.
func (n *node) expectType(want string) map[string]any {
	n.t.Helper()
	for {
		if _, typ, data := n.event(); typ == want {
			return data
		}
	}
}

// TestCatchAllSilentClient: where telnet's port was redirected from, a client
// that waits for the server gets telnet's greeting.
func TestCatchAllSilentClient(t *testing.T) {
	n := newNode(t, Config{})
	defer n.ring.Close()
	i := n.handlerOf("catchall listen=:1 hand=telnet silent=1ms")
	for _, c := range []struct {
		port  uint16
		greet bool
	}{{80, false}, {23, true}, {2323, true}} {
		ours, us := net.Pipe()
		peer := &client{t, ours}
		_ = peer.SetDeadline(time.Now().Add(patience))
		conn := &Conn{nc: us, l: &listener{inst: i}, session: 1, idle: time.Hour, then: i.handler}
		conn.dst = netip.AddrPortFrom(netip.IPv4Unspecified(), c.port)
		conn.start = conn.l.now()
		conn.last.Store(int64(conn.start))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for conn.then != nil {
				h := conn.then
				conn.then = nil
				h.Serve(conn)
			}
		}()
		if c.greet {
			peer.until("login: ")
			peer.send("a\nb\n")
			peer.until("incorrect")
		}
		peer.Close()
		<-done
		got := n.drain()
		if strings.Contains(got, `catchall.session.handed {`) != c.greet || strings.Contains(got, "telnet.login.failed") != c.greet {
			t.Errorf("port %d: %s", c.port, got)
		}
	}
}

// TestCatchAllRealPayloads: what real attackers said first is recorded byte for
// byte and has a name, whether it is handed on or not.
func TestCatchAllRealPayloads(t *testing.T) {
	for _, hand := range []string{"", "hand=http,tls,telnet"} {
		n := newNode(t, Config{})
		i := n.handlerOf("catchall listen=:1 max=8192 " + hand)
		for _, payload := range payloads(t) {
			n.serveOn(i, &mute{say: []byte(payload), chunk: 100})
			handed, recorded := false, false
			for n.ring.Peek(n.batch) > 0 {
				var e ring.Event
				for n.batch.Next(&e) {
					n.ring.Forget(e.Seq)
					var data map[string]any
					mustNot(t, json.Unmarshal(e.Data, &data))
					switch string(e.Type) {
					case "catchall.session.handed":
						handed = true
					case "catchall.session.data":
						recorded = fieldBytes(t, data, "payload") == payload && data["length"] == float64(len(payload)) && data["app"] != ""
					default:
						recorded = recorded || handed
					}
				}
			}
			if !recorded || handed && hand == "" {
				t.Errorf("%.80q: handed %v, recorded %v", payload, handed, recorded)
			}
		}
		n.ring.Close()
	}
}

// serveOn serves as serve does, and goes on where the handler hands over.
func (n *node) serveOn(i *instance, peer *mute) {
	c := &Conn{nc: peer, l: &listener{inst: i}, session: 1, idle: time.Hour, then: i.handler}
	c.start = c.l.now()
	for c.then != nil {
		h := c.then
		c.then = nil
		h.Serve(c)
	}
}

// TestCatchAllLeavesNothing: every payload over a real connection, with every
// hand; then no connection, goroutine or descriptor is left.
func TestCatchAllLeavesNothing(t *testing.T) {
	n := newNode(t, Config{})
	go drain(n.ring) // takes more than the ring, and is no part of the count
	n.run()
	hands := []string{}
	for _, h := range catchHands {
		if BuiltIn(h.typ) {
			hands = append(hands, h.name)
		}
	}
	addr := n.pots("catchall listen=127.0.0.1:0 wait=1s scan=0 hand=" + strings.Join(hands, ","))
	list := payloads(t)
	if testing.Short() {
		list = list[:50]
	}
	for i, payload := range list {
		peer, err := dialQuietly("127.0.1."+strconv.Itoa(1+i%200), addr)
		mustNot(t, err)
		_ = peer.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(peer, payload)
		_ = peer.(*net.TCPConn).CloseWrite()
		_, err = io.Copy(io.Discard, peer)
		if os.IsTimeout(err) {
			t.Errorf("%.80q: the connection stays", payload)
		}
		peer.Close()
	}
	await(t, "the end of all", func() bool {
		open, addrs := n.guarded()
		p, _ := n.m.Info("catchall")
		return open == 0 && addrs == 0 && p.Counters.Open == 0
	})
	if p, _ := n.m.Info("catchall"); p.Counters.Conns != uint64(len(list)) {
		t.Errorf("%+v", p.Counters)
	}
	select {
	case bug := <-n.errs:
		t.Error(bug)
	default:
	}
}
