package conn

import (
	"fmt"
	"net"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// dialectCores are the Cores of which auto must learn, and what.
var dialectCores = []struct {
	name string
	core core.Config
	want Dialect
}{
	{"strict", core.Config{Strict: true}, Core},
	{"closes at once after an event", core.Config{Faults: core.Faults{CloseAfterEvent: -1}}, Core},
	{"closes soon after an event", core.Config{Faults: core.Faults{CloseAfterEvent: 10 * time.Millisecond}}, Core},
	{"closes late after an event", core.Config{Faults: core.Faults{CloseAfterEvent: 300 * time.Millisecond}}, Core},
	{"as documented", core.Config{}, Spec},
	{"reads slowly", core.Config{Faults: core.Faults{ReadRate: 40 << 10}}, Spec},
}

func TestAutoLearnsTheDialectAndLosesNothing(t *testing.T) {
	for _, tt := range dialectCores {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := startCore(t, tt.core)
			cfg := newConfig(t, c.Addr())
			cfg.StateDir = t.TempDir()
			if tt.want == Core { // however late this process hears of the close
				cfg.timing.learn = patience
			}
			n := startNode(t, cfg)
			for range 100 {
				n.put()
			}
			newCollector().until(t, c.Watch(), 100)
			await(t, func() bool {
				return loadDialects(&cfg)[c.Addr()] == tt.want
			})
			for range 100 { // in the dialect learned
				n.put()
			}
			newCollector().until(t, c.Watch(), 200)
			await(t, func() bool { return n.ring.Stats().Held == 0 })
			if st := n.ring.Stats(); st.Dropped != 0 || st.Unsettled != 0 {
				t.Errorf("ring: %+v", st)
			}
		})
	}
}

func TestLearnedDialectOutlivesTheNodeNotItsVersion(t *testing.T) {
	cfg := newConfig(t, "192.0.2.1:9001", "192.0.2.2:9001")
	cfg.StateDir, cfg.Version = t.TempDir(), "1"
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.peers[1].learn.closed()
	s.peers[1].learn.closed()
	s.saveDialects()
	for _, tt := range []struct {
		version, addr string
		want          Dialect
	}{
		{"1", "192.0.2.2:9001", Core},
		{"1", "192.0.2.1:9001", Auto},
		{"1", "192.0.2.3:9001", Auto},
		{"2", "192.0.2.2:9001", Auto},
	} {
		c := cfg
		c.Version, c.Cores = tt.version, []string{tt.addr}
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.peers[0].learn.dialect; got != tt.want {
			t.Errorf("version %s, %s: dialect %s, want %s", tt.version, tt.addr, got, tt.want)
		}
	}
}

func TestLearner(t *testing.T) {
	for _, tt := range []struct {
		set, known Dialect
		happened   string // c: closed, s: survived, u: unreachable
		want       Dialect
	}{
		{Auto, Auto, "", Auto},
		{Auto, Auto, "c", Auto},
		{Auto, Auto, "cc", Core},
		{Auto, Auto, "cuc", Auto}, // Core was down in between: a restart, not an opinion
		{Auto, Auto, "cscs", Spec},
		{Auto, Auto, "s", Spec},
		{Auto, Spec, "c", Spec},
		{Auto, Spec, "cc", Auto}, // another Core at the address
		{Auto, Spec, "cccc", Core},
		{Auto, Core, "ccccs", Core},
		{Spec, Auto, "cccc", Spec},
		{Core, Spec, "s", Core},
	} {
		l := newLearner(tt.set, tt.known)
		for _, h := range tt.happened {
			switch h {
			case 'c':
				l.closed()
			case 's':
				l.survived()
			case 'u':
				l.unreachable()
			}
		}
		if l.dialect != tt.want {
			t.Errorf("set %s, known %s, then %q: %s, want %s", tt.set, tt.known, tt.happened, l.dialect, tt.want)
		}
	}
}

func TestGapFollowsWhatCoreTakes(t *testing.T) {
	l := newLearner(Core, Auto)
	for i, tt := range []struct {
		happened func()
		want     time.Duration
	}{
		{func() {}, 25}, {func() { l.closed() }, 50}, {func() { l.closed() }, 100}, {func() { l.unreachable() }, 50},
		{func() { l.closed(); l.closed(); l.closed(); l.closed() }, 200}, {func() { l.survived() }, 100},
		{func() { l.survived(); l.survived(); l.survived() }, 25},
	} {
		if tt.happened(); l.gap() != tt.want*time.Millisecond {
			t.Errorf("step %d: %v, want %v ms", i, l.gap(), int(tt.want))
		}
	}
}

// A Core that does not answer, or only with bytes, must not hold the node for
// longer than the ack's time, nor cost it memory.
func TestCoreThatNeverAcks(t *testing.T) {
	mute := startCore(t, core.Config{Faults: core.Faults{NoAck: true}})
	serves := startCore(t, core.Config{})
	cfg := newConfig(t, mute.Addr(), serves.Addr())
	cfg.timing.ack = 100 * time.Millisecond
	n := startNode(t, cfg)
	n.put()
	newCollector().until(t, serves.Watch(), 1)
}

func TestCoreThatSendsAFrameWithoutEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		chunk := make([]byte, 1<<20)
		for range 64 { // 64 MiB without a newline
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
		fmt.Fprintln(c)
	}()
	serves := startCore(t, core.Config{})
	cfg := newConfig(t, l.Addr().String(), serves.Addr())
	n := startNode(t, cfg)
	n.put()
	newCollector().until(t, serves.Watch(), 1)
	if n.Stats().Broken != 1 {
		t.Errorf("broken frames: %d, want 1", n.Stats().Broken)
	}
}

func TestCoreThatClosesAfterEachFrame(t *testing.T) {
	c := startCore(t, core.Config{Faults: core.Faults{CloseAfterFrames: 3}})
	n := startNode(t, newConfig(t, c.Addr()))
	for range 5 {
		n.put()
	}
	await(t, func() bool { return n.Stats().Connects > 4 })
	c.SetFaults(core.Faults{})
	newCollector().until(t, c.Watch(), 5)
	if st := n.ring.Stats(); st.Dropped != 0 {
		t.Errorf("ring: %+v", st)
	}
}

func TestCoreThatStopsReading(t *testing.T) {
	c := startCore(t, core.Config{Faults: core.Faults{StopReadingAfter: 10 << 10}})
	cfg := newConfig(t, c.Addr())
	cfg.timing.write = 300 * time.Millisecond
	n := startNode(t, cfg)
	for range 5000 {
		n.put()
	}
	await(t, func() bool { return n.Stats().Connects > 2 })
	c.SetFaults(core.Faults{})
	newCollector().until(t, c.Watch(), 5000)
	if st := n.ring.Stats(); st.Dropped != 0 || st.Unsettled != 0 {
		t.Errorf("ring: %+v", st)
	}
}
