package pots

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forager/board"
)

const sayHello = "tcp listen=127.0.0.1:0 banner=hello wait=10m"

// TestOneAddressCantTakeAll: many connections from one address stay within its
// limit, are summed up in one event, and others are served.
func TestOneAddressCantTakeAll(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{Conns: 100, ConnsPerAddr: 3}})
	n.m.floodWindow = time.Hour // the stop tells
	n.run()
	addr := n.pots(sayHello)
	for range 3 {
		dial(t, addr).until("hello")
		n.expect("tcp.session.connect", `{}`)
	}
	const refused = 200
	for range refused {
		wantRefused(t, "", addr)
	}
	other := dialFrom(t, "127.0.0.2", addr)
	other.until("hello")
	if data := n.expect("tcp.session.connect", `{}`); data["src_ip"] != "127.0.0.2" {
		t.Errorf("%v", data)
	}
	p, _ := n.m.Info("tcp")
	if c := p.Counters; c.Refused != refused || c.Open != 4 || c.Conns != 4 {
		t.Errorf("%+v", c)
	}
	if _, addrs := n.guarded(); addrs != 2 {
		t.Errorf("%d addresses in the table", addrs)
	}
	mustNot(t, n.m.Stop("tcp"))
	for range 4 {
		n.expect("tcp.session.closed", `{"duration":"*","bytes_in":0,"bytes_out":5,"reason":"stopped"}`)
	}
	n.expect("tcp.connection.refused", `{"count":200,"count_address":200,"duration":"*"}`)
	if open, addrs := n.guarded(); open != 0 || addrs != 0 || len(n.m.guard.lists) != 0 {
		t.Errorf("left in the guard: %d connections, %d addresses, %d lists", open, addrs, len(n.m.guard.lists))
	}
}

// guarded returns how many connections and addresses the guard counts.
func (n *node) guarded() (open, addrs int) {
	g := n.m.guard
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open, len(g.addrs)
}

// wantRefused connects and gets a reset and not a word. The reset can come
// before connect returns; qemu-user does not translate its number then.
func wantRefused(t *testing.T, from, addr string) {
	t.Helper()
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", addr)
	if err != nil && !os.IsTimeout(err) {
		return
	}
	mustNot(t, err)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if got, err := io.ReadAll(c); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("%q and %v, want a reset", got, err)
	}
}

// TestFloodIsToldWhileItLasts: not only at the end.
func TestFloodIsToldWhileItLasts(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{ConnsPerAddr: 1}})
	n.m.floodWindow = time.Millisecond
	n.run()
	addr := n.pots(sayHello)
	dial(t, addr).until("hello")
	n.expect("tcp.session.connect", `{}`)
	for range 2 {
		wantRefused(t, "", addr)
		n.expect("tcp.connection.refused", `{"count":1,"count_address":1,"duration":"*"}`)
	}
}

// TestFullHouse: a newcomer gets the place of the one who has been silent
// longest, but not of one who has just come.
func TestFullHouse(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		age    time.Duration
		second string // who comes when it is full
		served bool
	}{
		{"pot, all fresh", Limits{ConnsPerPot: 2}, time.Hour, "tcp", false},
		{"total, all fresh", Limits{Conns: 2}, time.Hour, "other", false},
		{"pot, one idle", Limits{ConnsPerPot: 2}, 0, "tcp", true},
		{"total, one idle", Limits{Conns: 2}, 0, "tcp", true},
		{"total, one idle at another pot", Limits{Conns: 2}, 0, "other", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{Limits: c.limits})
			n.m.guard.ages.silent = c.age
			n.run()
			addr := n.pots(sayHello, "tcp id=other listen=127.0.0.1:0 banner=hello")
			old, young := dial(t, addr), dial(t, addr)
			old.until("hello")
			young.until("hello")
			n.expect("tcp.session.connect", `{}`)
			n.expect("tcp.session.connect", `{}`)
			if !c.served {
				wantRefused(t, "127.0.0.3", n.addr(c.second))
				return
			}
			dialFrom(t, "127.0.0.3", n.addr(c.second)).until("hello")
			old.rest()
			closed := 0
			for range 2 {
				if _, typ, data := n.event(); typ == "tcp.session.closed" {
					closed++
					if data["reason"] != "evicted" {
						t.Errorf("%v", data)
					}
				}
			}
			if open, _ := n.guarded(); closed != 1 || open != 2 {
				t.Errorf("%d closed, %d open", closed, open)
			}
		})
	}
}

// TestConnectionLimits: whatever the attacker does, the connection ends.
func TestConnectionLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		pot    string
		say    func(*client)
		reason string
	}{
		{"says nothing", Limits{Idle: 20 * time.Millisecond}, "telnet listen=127.0.0.1:0", func(*client) {}, "idle"},
		{"stops speaking", Limits{Idle: 20 * time.Millisecond}, "telnet listen=127.0.0.1:0", func(c *client) { c.send("ro") }, "idle"},
		{"stops speaking to tcp", Limits{}, "tcp listen=127.0.0.1:0 wait=10ms", func(c *client) { c.send("x") }, "idle"},
		{"never stops", Limits{Lifetime: 50 * time.Millisecond}, "telnet listen=127.0.0.1:0", speakOn, "lifetime"},
		{"says much", Limits{BytesIn: 1000}, "telnet listen=127.0.0.1:0", speakOn, "bytes"},
		{"half open", Limits{}, "telnet listen=127.0.0.1:0", func(c *client) { _ = c.Conn.(*net.TCPConn).CloseWrite() }, "client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{Limits: c.limits}).run()
			addr := n.pots(c.pot)
			peer := dial(t, addr)
			c.say(peer)
			peer.rest()
			for {
				_, typ, data := n.event()
				if !strings.HasSuffix(typ, ".session.closed") {
					continue
				}
				if data["reason"] != c.reason {
					t.Errorf("%v, want reason %s", data, c.reason)
				}
				return
			}
		})
	}
}

// speakOn types one endless line until the other side has enough.
func speakOn(c *client) {
	for {
		if _, err := io.WriteString(c, "aaaaaaaa"); err != nil {
			return
		}
	}
}

// TestNobodyReads: an attacker who takes nothing of what he asks for does not
// hold the connection beyond the limits.
func TestNobodyReads(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{Lifetime: 3 * time.Second}}).run()
	peer := dial(t, n.pots("telnet listen=127.0.0.1:0 accept=any shell="+strings.Repeat("x", 128)))
	_ = peer.Conn.(*net.TCPConn).SetReadBuffer(1024)
	n.expect("telnet.session.connect", `{}`)
	peer.send("root\nroot\n")
	n.expect("telnet.login.success", `{"username":"root","password":"root"}`)
	for {
		if _, err := peer.Write(bytes.Repeat([]byte("\n"), 1000)); err != nil {
			break
		}
	}
	n.expect("telnet.session.closed", `{"duration":"*","bytes_in":"*","bytes_out":"*","reason":"lifetime"}`)
}

// script is a peer whose reads go as written down.
type script struct {
	net.Conn
	reads  []error // nil: one byte
	armed  int
	closed bool
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.reads) == 0 {
		return 0, io.EOF
	}
	err := s.reads[0]
	s.reads = s.reads[1:]
	if err != nil {
		return 0, err
	}
	return copy(p, "x"), nil
}

func (s *script) SetDeadline(time.Time) error { s.armed++; return nil }
func (s *script) Close() error                { s.closed = true; return nil }

// TestOldDeadlineIsNoEnd: the deadline of an earlier read passes in the middle
// of a lively session.
func TestOldDeadlineIsNoEnd(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{Idle: time.Hour, Lifetime: time.Hour}})
	peer := &script{reads: []error{nil, os.ErrDeadlineExceeded, nil}}
	c := &Conn{nc: peer, l: &listener{inst: &instance{m: n.m}}, idle: time.Hour}
	c.start = c.l.now()
	for range 2 {
		if got, err := c.Read(make([]byte, 1)); got != 1 || err != nil {
			t.Fatalf("%d %v", got, err)
		}
	}
	if peer.armed != 1 {
		t.Errorf("deadline set %d times", peer.armed)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF || reason(c.ended.Load()) != reasonClient {
		t.Errorf("%v, reason %d", err, c.ended.Load())
	}
}

func TestAddrKey(t *testing.T) {
	same := func(a, b string) bool {
		return addrKey(netip.MustParseAddr(a)) == addrKey(netip.MustParseAddr(b))
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"1.2.3.4", "1.2.3.5", false},
		{"1.2.3.4", "::", false},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"1.2.3.4", "1.2.3.4", true},
	} {
		if same(c.a, c.b) != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, !c.same)
		}
	}
	for _, a := range []string{"::", "::1", "::ffff:ffff:ffff:ffff", "0.0.0.0"} { // 0 would be ours, and free of every budget
		if addrKey(netip.MustParseAddr(a)) == 0 {
			t.Errorf("%s has no key", a)
		}
	}
}

// TestAddresses: what events say of both families on one socket.
func TestAddresses(t *testing.T) {
	n := newNode(t, Config{}).run()
	_, port, _ := net.SplitHostPort(n.pots("tcp listen=:0 report-port=2121"))
	for _, host := range []string{"127.0.0.1", "::1"} {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), patience)
		if err != nil && host == "::1" {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		mustNot(t, err)
		data := n.expect("tcp.session.connect", `{}`)
		_, local, _ := net.SplitHostPort(c.LocalAddr().String())
		if data["src_ip"] != host || data["dst_ip"] != host || data["dst_port"] != 2121.0 || data["protocol"] != "tcp" {
			t.Errorf("%v", data)
		}
		if got := netip.MustParseAddrPort(net.JoinHostPort("0.0.0.0", local)).Port(); float64(got) != data["src_port"] {
			t.Errorf("%v, want port %s", data, local)
		}
		if s, _ := data["session"].(string); len(s) != 12 || strings.Trim(s, "0123456789abcdef") != "" {
			t.Errorf("session %q", s)
		}
		c.Close()
		n.expect("tcp.session.closed", anyClose)
	}
}

func TestSessionsAreUnique(t *testing.T) {
	m := newNode(t, Config{}).m
	seen := make(map[uint64]bool)
	for range 10000 {
		id := m.nextSession()
		if seen[id] || id >= 1<<48 {
			t.Fatalf("session %x", id)
		}
		seen[id] = true
	}
}

// logBuffer is a log that a test reads while others write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
func (b *logBuffer) count(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), s)
}

// TestNoDescriptorsLeft: accept fails, waits, says it once, and goes on.
func TestNoDescriptorsLeft(t *testing.T) {
	n := newNode(t, Config{}).run()
	var out logBuffer
	n.m.cfg.Log = board.NewLog(&out, board.LevelDebug)
	addr := n.pots(sayHello)
	used := fillDescriptors(t)
	used[0].Close()
	peer := dial(t, addr) // takes the last one
	await(t, "a warning", func() bool { return out.count("accept: too many open files") > 0 })
	for _, f := range used {
		f.Close()
	}
	peer.until("hello")
	if got := out.count("too many open files"); got != 1 {
		t.Errorf("said %d times", got)
	}
}

// fillDescriptors opens files until no more can be, under a limit that is not
// far.
func fillDescriptors(t *testing.T) []*os.File {
	t.Helper()
	var was syscall.Rlimit
	mustNot(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was))
	tight := was
	tight.Cur = uint64(openFiles(t) + 20)
	mustNot(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &tight))
	t.Cleanup(func() { mustNot(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)) })
	var used []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			return used
		}
		mustNot(t, err)
		used = append(used, f)
		t.Cleanup(func() { f.Close() })
	}
}
