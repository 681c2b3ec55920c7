package pots

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// scanTest is a watch whose clock the test moves.
type scanTest struct {
	*scanWatch
	n *node
}

func newScanTest(t *testing.T, conns int) *scanTest {
	n := newNode(t, Config{Limits: Limits{Conns: conns}})
	t.Cleanup(n.ring.Close)
	w := newScanWatch(&listener{inst: n.handlerOf("catchall listen=:1")}, scanPorts, time.Hour)
	t.Cleanup(w.close)
	return &scanTest{w, n}
}

func (w *scanTest) knock(src string, port int, at time.Duration) {
	w.see(netip.AddrPortFrom(netip.MustParseAddr(src), 4000), netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(port)), at)
}

func TestScanWatch(t *testing.T) {
	w := newScanTest(t, 64)
	for i := range 1000 { // many contacts, few ports
		w.knock("198.51.100.1", 20+i%(scanPorts-1), 0)
	}
	for port := range 65536 {
		w.knock("198.51.100.2", port, time.Second)
		w.knock("198.51.100.2", port, 2*time.Second)
	}
	for i := range scanPorts { // a customer's networks are his
		w.knock(fmt.Sprintf("2001:db8::%x", i+1), 100*(scanPorts-i), 0)
	}
	if w.maps != 2 {
		t.Errorf("%d bitmaps left", w.maps)
	}
	w.close()
	told := strings.Split(strings.TrimSpace(w.n.drain()), "\n")
	if len(told) != 2 || w.maps != 4 {
		t.Fatalf("%d bitmaps left, told %q", w.maps, told)
	}
	if !strings.Contains(told[0], `"src_ip":"2001`) {
		told[0], told[1] = told[1], told[0]
	}
	for i, want := range []string{`"count":5,"contacts":5,"duration":0.000,"ports":[100,200,300,400,500]`, `"count":65536,"contacts":131072,"duration":1.000,"ports":[0,1,2,`} {
		if !strings.HasPrefix(told[i], "catchall.scan.detected {") || !strings.Contains(told[i], want) || strings.Count(told[i], ",") > scanListed+20 {
			t.Errorf("%s, want %s", told[i], want)
		}
	}
}

// TestScanWindow: contacts that are far apart are no scan, a long one is told
// in parts.
func TestScanWindow(t *testing.T) {
	w := newScanTest(t, 16)
	w.window = time.Minute
	for i := range 100 {
		w.knock("198.51.100.1", i, time.Duration(i)*61*time.Second)
	}
	for i := range 100 {
		w.knock("198.51.100.2", i, time.Duration(i)*30*time.Second)
	}
	if got := strings.Count(w.n.drain(), "\n"); got != 4 {
		t.Errorf("%d scans told while it went on for 50 minutes, want one every 10", got)
	}
	w.close()
	if got := strings.Count(w.n.drain(), "\n"); got != 1 {
		t.Errorf("%d told at the end", got)
	}
}

// TestScanTableIsBounded: scans that lose their place are told, and exact
// counts are bounded too.
func TestScanTableIsBounded(t *testing.T) {
	w := newScanTest(t, 16)
	const addrs = 500
	told := 0
	for i := range addrs {
		for port := range 20 {
			w.knock(fmt.Sprintf("10.0.%d.%d", i/256, i%256), port, time.Duration(i))
		}
		told += strings.Count(w.n.drain(), "scan.detected")
	}
	if len(w.seen) != 16 || w.maps < 0 {
		t.Errorf("%d places, %d bitmaps left", len(w.seen), w.maps)
	}
	w.close()
	if told += strings.Count(w.n.drain(), "scan.detected"); told != addrs {
		t.Errorf("%d of %d scans told", told, addrs)
	}
}

// TestScanOfConnections: ports come from where connections were going.
func TestScanOfConnections(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("catchall listen=127.0.0.1:0 scan=1")
	dial(t, addr).Close()
	n.expectType("catchall.session.connect") // it was taken before the pot stops
	mustNot(t, n.m.Stop("catchall"))
	_, port, _ := net.SplitHostPort(addr)
	if data := n.expectType("catchall.scan.detected"); fmt.Sprint(data["ports"]) != "["+port+"]" || data["count"] != 1.0 || data["contacts"] != 1.0 {
		t.Errorf("%v", data)
	}
}

func TestSynPorts(t *testing.T) {
	ip4 := "\x45\x00\x00\x28\x00\x00\x40\x00\x40\x06\x00\x00\xc6\x33\x64\x01\xc0\x00\x02\x01"
	ip6 := "\x60\x00\x00\x00\x00\x14\x06\x40" + strings.Repeat("\x20", 15) + "\x01" + strings.Repeat("\x20", 15) + "\x02"
	tcp := "\x10\x00\x00\x50" + strings.Repeat("\x00", 16)
	for _, c := range []struct{ packet, want string }{
		{"", ""},
		{ip4, ""},
		{"\x4f" + (ip4 + tcp)[1:], ""},
		{"\x44" + (ip4 + tcp)[1:], ""},
		{"\x70" + (ip6 + tcp)[1:], ""},
		{ip6 + tcp[:19], ""},
		{ip4 + tcp, "198.51.100.1:4096 192.0.2.1:80"},
		{"\x46" + (ip4 + "opts" + tcp)[1:], "198.51.100.1:4096 192.0.2.1:80"},
		{ip6 + tcp, "[2020:2020:2020:2020:2020:2020:2020:2001]:4096 [2020:2020:2020:2020:2020:2020:2020:2002]:80"},
	} {
		src, dst, ok := synPorts([]byte(c.packet))
		if got := fmt.Sprint(src, " ", dst); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%q: %s, want %s", c.packet, got, c.want)
		}
	}
}
