package pots

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forager/pots/appid"
)

const askDNS = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\xff\x00\x01"

// questions are what the answering protocols are asked with, and the answer in
// hexadecimal; a * stands for any byte.
var questions = []struct{ name, app, ask, want string }{
	{"not DNS", "dns", "\x12\x34", ""},
	{"DNS cut off", "dns", askDNS[:len(askDNS)-1], ""},
	{"DNS label too long", "dns", askDNS[:12] + "\xff" + askDNS[13:], ""},
	{"NTP control", "ntp", "\x16\x02\x00\x01" + strings.Repeat("\x00", 8), ""},
	{"NTP monlist", "ntp", "\x17\x00\x03\x2a" + strings.Repeat("\x00", 40), ""},
	{"NTP too short", "ntp", "\x1b" + strings.Repeat("\x00", 46), ""},
	{"SNMP of another community", "snmp", "\x30\x26\x02\x01\x01\x04\x06secret\xa0\x19\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x0e", ""},
	{"SNMP bulk", "snmp", "\x30\x26\x02\x01\x01\x04\x06public\xa5\x19\x02\x01\x07\x02\x01\x00\x02\x01\x7f\x30\x0e", ""},
	{"SNMP cut off", "snmp", "\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x7f", ""},
	{"SIP answer", "sip", "SIP/2.0 200 OK\r\n\r\n", ""},
	{"SIP acknowledgement", "sip", "ACK sip:a SIP/2.0\r\n\r\n", ""},
	{"memcached cut off", "memcached", "\x00\x01", ""},
	{"CoAP cut off", "coap", "\x44\x01\x7d\x70", ""},
	{"SSDP", "ssdp", "M-SEARCH * HTTP/1.1\r\n\r\n", ""},
	{"nothing", "", "", ""},

	{"DNS", "dns", askDNS, "1234810500010000000000000765786" + "16d706c6503636f6d0000ff0001"},
	{"NTP", "ntp", "\x23\x00\x06" + strings.Repeat("\x00", 37) + "TRANSMIT", "240306ec00000800000004007f7f0100********00000000" + "5452414e534d4954" + "********************************"},
	{"SNMP", "snmp", "\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x01\x07\x02\x01\x00\x02\x01\x00\x30\x0e",
		"302602010104067075626c6963a219020107020102020101300e"},
	{"memcached", "memcached", "\x12\x34\x00\x00\x00\x01\x00\x00stats\r\n", "1234000000010000" + "4552524f520d0a"},
	{"CoAP", "coap", "\x42\x01\x7d\x70ab\xbb.well-known\x04core", "62847d706162"},
	{"TFTP", "tftp", "\x00\x01r\x00octet\x00", "0005000100"},
	{"TFTP with room", "tftp", "\x00\x01/firmware/a.bin\x00octet\x00", "0005000146696c65206e6f7420666f756e6400"},
}

func TestUDPAnswers(t *testing.T) {
	answered := map[string]bool{}
	for _, c := range questions {
		got := hex.EncodeToString(appendAnswer(nil, c.app, []byte(c.ask)))
		if c.want != "" {
			answered[c.app] = true
		}
		want := []byte(strings.ReplaceAll(c.want, " ", ""))
		for i := range want {
			if want[i] == '*' && i < len(got) {
				want[i] = got[i]
			}
		}
		if len(want) != len(got) && strings.Contains(c.want, "*") || got != string(want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	ask := "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9\r\nMax-Forwards: 70\r\nFrom: <sip:b@c>;tag=1\r\n" +
		"TO: <sip:a@b>\r\nCall-ID: 7\r\nCSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\nAccept: application/sdp\r\n\r\nVia: not a field\r\n"
	got := string(appendAnswer(nil, "sip", []byte(ask)))
	if got != "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9\r\nFrom: <sip:b@c>;tag=1\r\nTO: <sip:a@b>\r\nCall-ID: 7\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("%q", got)
	}
	answered["sip"] = true
	for app := range udpAnswers {
		if !answered[app] {
			t.Errorf("no question shows the answer of %s", app)
		}
	}
}

// udpTest is a udp pot without a socket: what it would send is counted.
type udpTest struct {
	*udpService
	n *node
}

func newUDPTest(t testing.TB, options string) *udpTest {
	n := newNode(t, Config{})
	n.m.floodWindow = time.Hour
	i := n.handlerOf("udp listen=:1 " + options)
	s := &udpService{udp: i.handler.(*udp), inst: i, port: 1}
	s.origin = listener{inst: i, forged: true}
	return &udpTest{s, n}
}

// TestUDPNeverAmplifies: whatever rule is tried on whatever came from real
// attackers, whole or cut, the answer that would go out is no longer.
func TestUDPNeverAmplifies(t *testing.T) {
	try := func(b []byte) {
		for app := range udpAnswers {
			s := udpService{udp: &udp{}}
			if got := s.compose(app, b); len(got) > len(b) {
				t.Fatalf("%s: %d bytes for %q", app, len(got), b)
			}
		}
	}
	for _, c := range questions {
		for cut := range len(c.ask) + 1 {
			try([]byte(c.ask[:cut]))
		}
	}
	for _, p := range payloads(t) {
		try([]byte(p))
		try([]byte(p[:min(len(p), 12)]))
		try([]byte("\x00\x01" + p))
	}
}

func TestUDPLimit(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(i int) netip.Addr
		most int // in any minute
	}{
		{"one address", func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 5},
		{"one /24", func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }, 10},
		{"one IPv6 /48", func(i int) netip.Addr {
			return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, byte(i >> 8), byte(i), 15: byte(i)})
		}, 10},
		{"all", func(i int) netip.Addr { return netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}) }, 320},
	} {
		l := newUDPLimit(1)
		var at []time.Duration
		for i := range 600_000 { // 100 a second, half an hour and more
			now := time.Duration(i) * 10 * time.Millisecond
			if l.allow(c.from(i), now) {
				at = append(at, now)
			}
		}
		most := 0
		for first, last := 0, 0; last < len(at); last++ {
			for at[last]-at[first] > time.Minute {
				first++
			}
			most = max(most, last-first+1)
		}
		if most > c.most || most < c.most/2 {
			t.Errorf("%s: %d answers in a minute, want at most %d", c.name, most, c.most)
		}
	}
}

// kernelTells tells whether this kernel says where datagrams were going;
// qemu-user does not know the option.
func kernelTells(t *testing.T) bool {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	mustNot(t, err)
	defer pc.Close()
	raw, err := pc.(*net.UDPConn).SyscallConn()
	mustNot(t, err)
	_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR, 1) })
	return err == nil
}

// TestUDP: both families, to a socket of its own.
func TestUDP(t *testing.T) {
	tells := kernelTells(t)
	for _, c := range []struct{ listen, to, options string }{
		{"127.0.0.1:0", "127.0.0.1", ""}, {"[::1]:0", "::1", ""}, {":0", "127.0.0.1", ""}, {":0", "::1", ""},
		{":0", "127.0.0.5", "answer=yes"}, {":0", "::1", "answer=yes"}, {":0", "127.0.0.1", "report-port=53 answer=yes"},
	} {
		if !tells && c.listen == ":0" {
			t.Logf("%v: not with this kernel", c)
			continue
		}
		n := newNode(t, Config{Ignore: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}}).run()
		_, port, _ := net.SplitHostPort(n.pots("udp listen=" + c.listen + " " + c.options))
		peer, err := net.Dial("udp", net.JoinHostPort(c.to, port))
		if err != nil {
			t.Logf("%v: %v", c, err)
			n.stop()
			continue
		}
		_ = peer.SetDeadline(time.Now().Add(patience))
		_, err = io.WriteString(peer, askDNS)
		mustNot(t, err)
		want := fmt.Sprintf(`{"app":"dns","length":%d,"payload_escaped":"*","query":"example.com."`, len(askDNS))
		if strings.Contains(c.options, "answer") {
			buf := make([]byte, 512)
			k, err := peer.Read(buf) // a connected socket takes it from that address and port alone
			mustNot(t, err)
			if k > len(askDNS) || !strings.HasPrefix(string(buf[:k]), "\x12\x34\x81\x05") {
				t.Errorf("%v: answered %q", c, buf[:k])
			}
			want += fmt.Sprintf(`,"answer_length":%d`, k)
		}
		data := n.expect("udp.session.data", want+"}")
		wantPort := port
		if strings.Contains(c.options, "report") {
			wantPort = "53"
		}
		if data["dst_ip"] != c.to || fmt.Sprint(data["dst_port"]) != wantPort || data["protocol"] != "udp" {
			t.Errorf("%v: %v", c, data)
		}
		peer.Close()
		n.stop()
	}
}

// TestUDPPotLives: it proves itself, ignores whom it should, and its port is
// free when it has stopped.
func TestUDPPotLives(t *testing.T) {
	n := newNode(t, Config{Ignore: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}}).run()
	addr := n.pots("udp listen=127.0.0.1:0 scan=1", "tcp listen=127.0.0.1:0")
	for range 3 {
		select {
		case <-n.m.all()[1].running().prove():
		case <-time.After(patience):
			t.Fatal("no proof")
		}
	}
	for _, from := range []string{"127.0.0.9", "127.0.0.8"} {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
		peer, err := d.Dial("udp", addr)
		mustNot(t, err)
		_, _ = io.WriteString(peer, "x")
		peer.Close()
	}
	if data := n.expect("udp.session.data", `{"app":"text","length":1,"payload":"x"}`); data["src_ip"] != "127.0.0.8" {
		t.Errorf("%v", data)
	}
	mustNot(t, n.m.Stop("udp"))
	n.expect("udp.scan.detected", `{"count":1,"contacts":1,"duration":0,"ports":"*"}`)
	if p, _ := n.m.Info("udp"); p.Counters.Ignored != 1 || p.Counters.Conns != 1 || p.Counters.BytesIn != 1 {
		t.Errorf("%+v", p.Counters)
	}
	again, err := net.ListenPacket("udp", addr)
	mustNot(t, err)
	again.Close()
}

// TestForgedFlood: datagrams from everywhere do not fill the ring.
func TestForgedFlood(t *testing.T) {
	s := newUDPTest(t, "scan=0")
	defer s.n.ring.Close()
	const flood = 50_000
	to := netip.MustParseAddrPort("192.0.2.1:53")
	for i := range flood {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 7}), 53)
		s.take([]byte("x"), from, to)
	}
	s.n.m.budget.flush(nil)
	told, summed := 0, 0
	for line := range strings.Lines(s.n.drain()) {
		if strings.HasPrefix(line, "udp.flood") {
			k, bytes := 0, 0
			_, rest, _ := strings.Cut(line, `"count":`)
			_, _ = fmt.Sscanf(rest, `%d,"connects":0,"logins":0,"bytes_in":%d`, &k, &bytes)
			if k != bytes || !strings.Contains(line, `"network":"0.0.0.0/0"`) {
				t.Errorf("%s", line)
			}
			summed += k
			continue
		}
		told++
	}
	if told < 500 || told > 1000 || told+summed != flood {
		t.Errorf("%d told, %d summed up of %d", told, summed, flood)
	}
}

// TestUDPAllocations: a datagram costs none.
func TestUDPAllocations(t *testing.T) {
	s := newUDPTest(t, "answer=yes")
	defer s.n.ring.Close()
	s.origin.scan = newScanWatch(&s.origin, scanPorts, scanWindow)
	defer s.origin.scan.close()
	src, dst := netip.MustParseAddrPort("192.0.2.7:4000"), netip.MustParseAddrPort("192.0.2.1:53")
	ask := []byte(askDNS)
	take := func() { s.compose("dns", ask); s.take(ask, src, dst) }
	for range logLines {
		take()
	}
	if got := testing.AllocsPerRun(1000, take); got >= 1 && !raceDetector {
		t.Errorf("%v allocations a datagram", got)
	}
}

// FuzzUDP: whatever a datagram holds, it is recorded, and what would answer it
// is no longer.
func FuzzUDP(f *testing.F) {
	for _, c := range questions {
		f.Add([]byte(c.ask))
	}
	s := newUDPTest(f, "scan=0 max=4096")
	src, dst := netip.MustParseAddrPort("192.0.2.7:4000"), netip.MustParseAddrPort("192.0.2.1:53")
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > udpBuffer {
			return
		}
		for app := range udpAnswers {
			if got := s.compose(app, b); len(got) > len(b) {
				t.Fatalf("%s: %d bytes for %d", app, len(got), len(b))
			}
		}
		if got := s.compose(appid.UDP(b), b); len(got) > len(b) {
			t.Fatalf("%d bytes for %d", len(got), len(b))
		}
		s.take(b, src, dst)
		s.n.drain()
	})
}
