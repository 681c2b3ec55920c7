package pots

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"forager/board"
)

// TestWhoGoes: one newcomer at a full pot of four.
func TestWhoGoes(t *testing.T) {
	type guest struct {
		src                string
		came, spoke, event time.Duration // how long ago
	}
	fresh := func(src string) guest { return guest{src, 500 * time.Millisecond, 0, 0} }
	lively := func(src string) guest { return guest{src, time.Minute, 0, 0} }
	many := func(n int, net string, came time.Duration) (g []guest) {
		for i := range n {
			g = append(g, guest{strings.Replace(net, "N", strconv.Itoa(i), 1), came, 0, 0})
		}
		return g
	}
	for _, c := range []struct {
		name   string
		guests []guest
		from   string
		want   int // who goes; -1: nobody
	}{
		{"all lively", []guest{lively("10.0.0.1"), lively("10.1.0.1")}, "10.2.0.1", -1},
		{"all fresh, one holds many", many(20, "10.0.0.1", 500*time.Millisecond), "10.2.0.1", -1},
		{"one holds few more", append(many(evictSlack, "10.0.0.1", time.Minute), lively("10.1.0.1")), "10.2.0.1", -1},
		{"the newcomer holds as many", many(20, "10.0.0.1", time.Minute), "10.0.0.1", -1},
		{"the newcomer holds more than the silent", append(many(20, "10.0.0.1", time.Minute), guest{"10.1.0.1", time.Minute, time.Minute, time.Minute}), "10.0.0.1", -1},
		{"one holds many", append([]guest{{"10.1.0.1", time.Hour, time.Hour, time.Hour}}, many(20, "10.0.0.1", time.Minute)...), "10.2.0.1", 1},
		{"one network holds many", append([]guest{lively("10.1.0.1")}, many(20, "10.0.0.N", time.Minute)...), "10.2.0.1", 1},
		{"one IPv6 customer holds many", append([]guest{lively("10.1.0.1")}, many(20, "2001:db8:1:N::1", time.Minute)...), "2001:db8:2::1", 1},
		{"silent", []guest{lively("10.0.0.1"), {"10.1.0.1", time.Minute, 11 * time.Second, 11 * time.Second}, {"10.3.0.1", time.Minute, 20 * time.Second, 0}, fresh("10.4.0.1")}, "10.2.0.1", 2},
		{"trickles", []guest{lively("10.0.0.1"), {"10.1.0.1", time.Minute, 0, 29 * time.Second}, {"10.3.0.1", time.Minute, 0, 31 * time.Second}}, "10.2.0.1", 2},
		{"trickles events for long", []guest{lively("10.0.0.1"), {"10.1.0.1", 6 * time.Minute, 0, 0}}, "10.2.0.1", 1},
	} {
		g := newGuard(Limits{Conns: len(c.guests), ConnsPerPot: 100, ConnsPerAddr: 100}.withDefaults())
		const now = 10 * time.Hour
		var l list
		var conns []*Conn
		g.openList(&l)
		for _, who := range c.guests {
			guest := &Conn{nc: &mute{}, src: netip.AddrPortFrom(netip.MustParseAddr(who.src), 1), start: now - who.came}
			guest.last.Store(int64(now - who.spoke))
			guest.told.Store(int64(now - who.event))
			if g.admit(&l, guest) != admitted {
				t.Fatalf("%s: there is room for all", c.name)
			}
			conns = append(conns, guest)
		}
		newcomer := &Conn{nc: &mute{}, src: netip.AddrPortFrom(netip.MustParseAddr(c.from), 2), start: now}
		served := g.admit(&l, newcomer) == admitted
		for i, guest := range conns {
			if gone := !guest.listed; gone != (i == c.want) {
				t.Errorf("%s: guest %d from %v is gone: %v, want guest %d", c.name, i, guest.src, gone, c.want)
			}
		}
		if served != (c.want >= 0) || g.open != len(conns) || l.n != len(conns) {
			t.Errorf("%s: served %v, %d open", c.name, served, g.open)
		}
	}
}

// TestEverybodyIsLookedAt: one who may go among many who may not is found,
// wherever he is, within as many newcomers as it takes to look around.
func TestEverybodyIsLookedAt(t *testing.T) {
	const guests = 1000
	g := newGuard(Limits{Conns: guests, ConnsPerPot: guests}.withDefaults())
	const now = time.Hour
	var l list
	g.openList(&l)
	for i := range guests {
		c := &Conn{nc: &mute{}, src: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 1), start: now}
		if i == guests-2 {
			c.start = now - time.Minute
		}
		c.last.Store(int64(c.start))
		c.told.Store(int64(c.start))
		g.admit(&l, c)
	}
	for tries := 1; ; tries++ {
		c := &Conn{nc: &mute{}, src: netip.MustParseAddrPort("192.0.2.1:1"), start: now}
		if g.admit(&l, c) == admitted {
			break
		}
		if tries > guests/evictLook+1 {
			t.Fatal("never found")
		}
	}
}

// TestFiveThousand: attackers with many addresses who keep every connection
// alive byte by byte fill the medium class over several pots; newcomers are
// served, and memory stays under the class's limit.
func TestFiveThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand sockets")
	}
	for _, c := range []struct {
		name string
		from func(i int) string
		ages ages // when the newcomers come
	}{
		{"50 networks", func(i int) string { return fmt.Sprintf("127.7.%d.%d", i%50, 1+i%200) }, ages{0, time.Hour, time.Hour, time.Hour}},
		{"5000 networks", func(i int) string { return fmt.Sprintf("127.%d.%d.1", 10+i/250, i%250) }, ages{0, time.Hour, 0, time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) { testFiveThousand(t, c.from, c.ages) })
	}
}

func testFiveThousand(t *testing.T, from func(int) string, later ages) {
	const attackers, newcomers = 5000, 50
	class := board.Medium.Limits()
	n := newNode(t, Config{Limits: Limits{Conns: class.Conns, ConnsPerPot: class.ConnsPerPot, ConnsPerAddr: class.ConnsPerAddr, Idle: class.Idle}})
	go drain(n.ring)
	defer n.ring.Close()
	n.run()
	n.pots("telnet listen=127.0.0.1:0", "tcp listen=127.0.0.1:0 banner=hello wait=10m", "http listen=127.0.0.1:0")
	pots := []string{n.addr("telnet"), n.addr("tcp"), n.addr("http")}
	peers := make([]net.Conn, 0, attackers)
	defer func() {
		for _, p := range peers {
			p.Close()
		}
	}()
	for i := range attackers {
		p, err := dialQuietly(from(i), pots[i%3])
		if err == nil {
			peers = append(peers, p)
			if i%3 != 1 { // the tcp pot would not wait for more words as long as for the first
				_, _ = io.WriteString(p, "x")
			}
		}
	}
	open, _ := n.guarded()
	if open != class.Conns {
		t.Errorf("%d open, want a full house", open)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if used := m.HeapInuse + m.StackInuse; used > uint64(class.MemoryLimit) {
		t.Errorf("%d bytes in use with %d open, limit %d", used, open, class.MemoryLimit)
	}
	g := n.m.guard
	g.mu.Lock()
	g.ages = later
	g.mu.Unlock()
	for i := range newcomers {
		dialFrom(t, fmt.Sprintf("127.200.%d.9", i), pots[i%2]).until([]string{"login: ", "hello"}[i%2])
	}
	if open, _ := n.guarded(); open > class.Conns {
		t.Errorf("%d open", open)
	}
	t.Logf("%d of %d attackers connected, %d KiB of heap and stacks for both sides", len(peers), attackers, (m.HeapInuse+m.StackInuse)>>10)
}

// dialQuietly connects, or not.
func dialQuietly(from, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return d.Dial("tcp", to)
}
