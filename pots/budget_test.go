package pots

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// attacker is a connection that makes events and has no socket.
func attacker(i *instance, src string) *Conn {
	addr := netip.MustParseAddr(src)
	return &Conn{
		nc: &mute{}, l: &listener{inst: i}, session: 1, idle: time.Hour,
		src: netip.AddrPortFrom(addr, 4000), dst: netip.MustParseAddrPort("192.0.2.1:23"), key: addrKey(addr),
	}
}

// budgetTest is a budget whose clock stands still.
type budgetTest struct {
	*budget
	inst *instance
	told []*flooded
}

func newBudgetTest(ringSize, conns int) *budgetTest {
	never := time.Hour
	b := &budgetTest{inst: &instance{typ: []byte("telnet"), salt: 1}}
	b.budget = newBudget(ringSize, conns, &never, func(all []*flooded) { b.told = append(b.told, all...) })
	return b
}

// try makes n events of a kind and returns how many may be told.
func (b *budgetTest) try(c *Conn, what string, n int, now time.Duration) (told int) {
	e := &Event{inst: b.inst, conn: c, pot: b.inst.typ, typ: []byte("telnet." + what)}
	for range n {
		if b.take(e, now) {
			told++
		}
	}
	return told
}

func TestBudget(t *testing.T) {
	const second = time.Second
	for _, c := range []struct {
		name     string
		ringSize int
		what     string
		n        int
		at       time.Duration // behind a first 20,000 at 0
		want     int
	}{
		{"a flood goes on", 1 << 20, "login.failed", 5000, 0, 0},
		{"a second later", 1 << 20, "login.failed", 5000, second, 16},
		{"whole again", 1 << 20, "login.failed", 5000, budgetRefill, 512},
		{"and no more than that", 1 << 20, "login.failed", 20000, 100 * budgetRefill, 512},
		{"connections, small", 1 << 20, "session.connect", 5000, budgetRefill, 256},
		{"commands, small", 1 << 20, "command.input", 5000, budgetRefill, 1024},
		{"smallest ring", 256 << 10, "login.success", 5000, budgetRefill, 256},
		{"medium", 4 << 20, "login.failed", 5000, budgetRefill, 2048},
		{"large", 16 << 20, "login.failed", 9000, budgetRefill, 8192},
	} {
		b := newBudgetTest(c.ringSize, 256)
		a := attacker(b.inst, "192.0.2.7")
		first := b.try(a, c.what, 20000, 0)
		if got := b.try(a, c.what, c.n, c.at); got != c.want {
			t.Errorf("%s: %d told, want %d", c.name, got, c.want)
			continue
		}
		b.flush(nil)
		if len(b.told) != 1 || b.told[0].events[kindOf([]byte(c.what))] != int64(20000-first+c.n-c.want) {
			t.Errorf("%s: summed up as %+v", c.name, b.told)
		}
	}
}

// TestBudgetsAreApart: of kinds, addresses and pots; not of the networks that
// one IPv6 customer has.
func TestBudgetsAreApart(t *testing.T) {
	b := newBudgetTest(1<<20, 256)
	b.try(attacker(b.inst, "192.0.2.7"), "login.failed", 5000, 0)
	for _, what := range []string{"session.connect", "command.input"} {
		if b.try(attacker(b.inst, "192.0.2.7"), what, 200, 0) != 200 {
			t.Errorf("a flood of logins took the place of %s", what)
		}
	}
	if b.try(attacker(b.inst, "192.0.2.8"), "login.failed", 200, 0) != 200 {
		t.Error("a flood took the place of another address")
	}
	told := 0
	for i := range 1000 {
		told += b.try(attacker(b.inst, fmt.Sprintf("2001:db8:1:%x::1", i)), "login.failed", 512, 0)
	}
	if told != budgetWide*512 {
		t.Errorf("%d of one IPv6 /48 told, want %d", told, budgetWide*512)
	}
	if b.try(attacker(b.inst, "2001:db8:2::1"), "login.failed", 512, 0) != 512 {
		t.Error("a flood took the place of another /48")
	}
	b.told = nil
	b.flush(nil)
	nets := 0
	for _, f := range b.told {
		if f.wide.IsValid() {
			nets++
			if f.wide.String() != "2001:db8:1::/48" || f.events[kindLogin] != 512*(1000-budgetWide) {
				t.Errorf("%+v", f)
			}
		}
	}
	if nets != 1 {
		t.Errorf("%d summaries of networks", nets)
	}
	if b.timer != nil {
		t.Error("the timer goes on with nothing to tell")
	}
}

// TestBudgetTableIsBounded: more addresses than it holds forget each other, and
// nothing that was counted.
func TestBudgetTableIsBounded(t *testing.T) {
	b := newBudgetTest(256<<10, 16)
	const addrs, each = 1000, 300
	told := 0
	for i := range addrs {
		told += b.try(attacker(b.inst, fmt.Sprintf("10.0.%d.%d", i/256, i%256)), "login.failed", each, 0)
	}
	if len(b.shares)*budgetWays != 32 {
		t.Errorf("%d shares", len(b.shares))
	}
	b.flush(nil)
	summed := 0
	for _, f := range b.told {
		summed += int(f.events[kindLogin])
	}
	if told+summed != addrs*each || told != addrs*leastBurst {
		t.Errorf("%d told and %d summed up of %d", told, summed, addrs*each)
	}
}

func TestBudgetAllocatesNothing(t *testing.T) {
	b := newBudgetTest(256<<10, 16)
	a := attacker(b.inst, "192.0.2.7")
	e := &Event{inst: b.inst, conn: a, pot: b.inst.typ, typ: []byte("telnet.login.failed")}
	now := time.Duration(0)
	b.try(a, "login.failed", 1000, now)
	if got := testing.AllocsPerRun(1000, func() { now += time.Millisecond; b.take(e, now) }); got != 0 {
		t.Errorf("%v allocations an event", got)
	}
}

// TestFloodIsSummedUp: what is told and what the summary says make the whole,
// and others are told of meanwhile.
func TestFloodIsSummedUp(t *testing.T) {
	n := newNode(t, Config{})
	n.m.floodWindow = time.Hour // the test tells
	defer n.ring.Close()
	i := n.handlerOf("telnet listen=:1")
	const tries = 5000
	a, other := attacker(i, "192.0.2.7"), attacker(i, "192.0.2.8")
	for k := range tries {
		a.LoginFailed([]byte("root"), []byte("x"))
		if k%100 == 0 {
			other.LoginFailed([]byte("admin"), []byte("y"))
		}
	}
	n.m.budget.flush(i)
	of := map[string]int{}
	var summary string
	for line := range strings.Lines(n.drain()) {
		switch {
		case strings.HasPrefix(line, "telnet.flood "):
			summary = line
		case strings.Contains(line, `"src_ip":"192.0.2.8"`):
			of["other"]++
		default:
			of["flood"]++
		}
	}
	p := i.info()
	if of["other"] != tries/100 || of["flood"] < 512 || of["flood"] > tries/2 {
		t.Errorf("%v", of)
	}
	want := fmt.Sprintf(`"count":%d,"connects":0,"logins":%d,"bytes_in":0,"duration":`, tries-of["flood"], tries-of["flood"])
	if !strings.Contains(summary, want) || !strings.Contains(summary, `"src_ip":"192.0.2.7"`) {
		t.Errorf("%d told, and %s", of["flood"], summary)
	}
	if p.Counters.Summed != uint64(tries-of["flood"]) || p.Counters.Logins != tries+tries/100 {
		t.Errorf("%+v", p.Counters)
	}
}

// TestTwoHundredPasswords: a dictionary from one address is no flood, even
// with the smallest ring.
func TestTwoHundredPasswords(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots("telnet listen=127.0.0.1:0")
	for k := range 200 / telnetTries {
		var say strings.Builder
		for try := range telnetTries {
			fmt.Fprintf(&say, "root\npass%d\n", k*telnetTries+try)
		}
		dial(t, addr).converse(say.String(), 1<<10)
	}
	logins := 0
	for closed := 0; closed < 200/telnetTries; {
		switch _, typ, _ := n.event(); typ {
		case "telnet.login.failed":
			logins++
		case "telnet.session.closed":
			closed++
		case "telnet.flood":
			t.Error("taken for a flood")
		}
	}
	if logins != 200/telnetTries*telnetTries {
		t.Errorf("%d logins", logins)
	}
}

// TestIgnoredAddresses: the operator's own scanner is closed at once, without
// a word and without an event.
func TestIgnoredAddresses(t *testing.T) {
	n := newNode(t, Config{Ignore: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/31"), netip.MustParsePrefix("2001:db8::/32")}}).run()
	addr := n.pots(sayHello)
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		if got := dialFrom(t, from, addr).rest(); got != "" {
			t.Errorf("%s: heard %q", from, got)
		}
	}
	dialFrom(t, "127.0.0.4", addr).until("hello")
	if data := n.expect("tcp.session.connect", `{}`); data["src_ip"] != "127.0.0.4" {
		t.Errorf("%v", data)
	}
	if p, _ := n.m.Info("tcp"); p.Counters.Ignored != 2 || p.Counters.Conns != 1 || p.Counters.Refused != 0 {
		t.Errorf("%+v", p.Counters)
	}
}
