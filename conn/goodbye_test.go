package conn

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"forager/board"
	"forager/build/devcore/core"
	"forager/conn/ring"
)

// lastWords is a session that is told to end as soon as it has registered,
// with count events in its ring: only the goodbye can send them. It returns
// what Core got after that, and the log.
func lastWords(t *testing.T, c *core.Core, cfg Config, count int) (said, log string) {
	t.Helper()
	var b bytes.Buffer
	cfg.Log = board.NewLog(&b, board.LevelWarn)
	cfg.timing.settleSpec, cfg.timing.settleCore = time.Hour, time.Hour
	w := c.Watch()
	up, ending := make(chan struct{}), make(chan struct{})
	cfg.OnUp = func() { close(up); <-ending }
	n := startPaced(t, cfg, 2)
	<-up
	for range count {
		n.put()
	}
	n.ring.CountLoss([]byte("p"), 6)
	n.stop()
	close(ending)
	n.end()
	n.TellLeft()
	until(t, w, core.NodeDrop, "")
	for _, m := range c.Messages() {
		said += m.Raw + "\n"
	}
	return said, b.String()
}

// What Core has taken before the goodbye's end is no loss.
func TestGoodbyeSendsEventsAndTellsLosses(t *testing.T) {
	const count = 40
	for _, d := range []Dialect{Spec, Core} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			c := startCore(t, core.Config{Strict: d == Core})
			cfg := newConfig(t, c.Addr())
			cfg.Dialect = d
			said, log := lastWords(t, c, cfg, count)
			all := newCollector()
			for _, m := range c.Messages() {
				all.add(t, &m)
			}
			if len(all.seen) != count {
				t.Errorf("%d of %d events sent", len(all.seen), count)
			}
			inOrder(t, said, "6 events lost", `"Stopped"`, `"NodeDrop"`)
			inOrder(t, log, "6 events lost")
			if strings.Contains(said+log, "end with this run") {
				t.Errorf("log: %s", log)
			}
			if st := c.Stats(); st.Refused != 0 {
				t.Errorf("Core refused %d frames", st.Refused)
			}
		})
	}
}

func TestGoodbyeTellsWhatItCanNotSend(t *testing.T) {
	c := startCore(t, core.Config{})
	cfg := newConfig(t, c.Addr())
	cfg.Clock = board.NewClock(time.Now().AddDate(100, 0, 0), time.Hour, cfg.Log)
	cfg.Clock.DistrustKernel()
	said, _ := lastWords(t, c, cfg, 3)
	inOrder(t, said, "3 events end with this run: 3 not sent, 0 sent", `"NodeDrop"`)
}

func TestGoodbyeIsSilentOfWhatIsKept(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"by a spool": func(cfg *Config) {
			_, err := ring.OpenSpool(cfg.Ring, ring.SpoolConfig{Dir: t.TempDir(), Size: ring.MinSpool, Boot: cfg.Boot, Epoch: cfg.Epoch})
			if err != nil {
				t.Fatal(err)
			}
		},
		"by the next process": func(cfg *Config) { cfg.Keeps = func() bool { return true } },
	} {
		t.Run(name, func(t *testing.T) {
			c := startCore(t, core.Config{})
			cfg := newConfig(t, c.Addr())
			change(&cfg)
			said, log := lastWords(t, c, cfg, 3)
			if strings.Contains(said, "end with this run") || cfg.Keeps != nil && strings.Contains(said+log, "p-1") {
				t.Errorf("said %s\nlog %s", said, log)
			}
			inOrder(t, said, "6 events lost", `"NodeDrop"`)
		})
	}
}

// Without a Core the log is all there is.
func TestEndWithoutCore(t *testing.T) {
	var log bytes.Buffer
	cfg := newConfig(t, "127.0.0.1:1")
	cfg.Log = board.NewLog(&log, board.LevelWarn)
	n := startNode(t, cfg)
	n.put()
	n.put()
	n.ring.CountLoss([]byte("p"), 6)
	n.end()
	n.TellLeft()
	inOrder(t, log.String(), "6 events lost", "warn: 2 events end with this run")
}

// inOrder wants parts to stand in text one after the other.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Errorf("no %q, or not where it should be, in\n%s", p, text)
			return
		}
		rest = after
	}
}
