package cmds

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"forager/board"
	"forager/conn"
	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots"
	"forager/pots/install"
)

var update = flag.Bool("update", false, "rewrite golden files")

// What attackers, Core and operators can choose must not forge lines.
const evil = "a\n\x1b[2Jpots: 99\xff"

func TestReport(t *testing.T) {
	now := time.Now()
	before := func(d time.Duration) time.Time { return now.Add(-d - time.Millisecond) }
	r := &Report{
		Version: "1.2.3", Start: before(time.Hour), StateDir: "/var/lib/" + evil, Problems: []string{"intake: " + evil},
		Node:    wire.Registration{NodeID: 42, NodeName: evil, NodeType: wire.Full},
		Machine: board.Machine{Root: "testdata/board", SmapsRollup: "testdata/smaps_rollup", SelfStatus: "testdata/status"}, Class: board.Small, Memory: 60 << 20,
		Protected: board.Protected{Landlock: "ABI 7", Seccomp: "agent's list"},
		Session: func() conn.Stats {
			return conn.Stats{
				State: conn.LinkUp, Since: before(time.Minute), Core: "192.0.2.1:9001", Dialect: "spec (learned)", TLS: true,
				LastHeartbeat: before(7 * time.Second), Connects: 3, Frames: 10, Commands: 5, Broken: 1, LaneDrops: 2, LastError: evil,
			}
		},
		Ring: func() ring.Stats {
			return ring.Stats{Size: 1 << 20, Used: 100, Held: 5, Unread: 3, Put: 50, Forgotten: 40, Unsettled: 1, Dropped: 7, ByPot: map[string]uint64{"web": 3, evil: 4},
				Spool: ring.SpoolStats{Budget: 1 << 22, Bytes: 3000, Segments: 2, Events: 4, Written: 9000, Writes: 5, Errors: 1, Torn: 1, Broken: 2, Off: "disk \"full\""}}
		},
		Pots: func() []pots.Info {
			return []pots.Info{
				{Spec: pots.Spec{ID: "telnet", Type: "telnet", Listen: ":23"}, State: wire.PotRunning, Addr: "[::]:23", Since: before(time.Minute), Configured: true, Counters: pots.Counters{Conns: 9, Open: 1, Refused: 2, Events: 30, BytesIn: 400, Logins: 5}},
				{Spec: pots.Spec{ID: "web", Type: "tcp", Listen: ":80"}, State: wire.PotFailed, Since: before(time.Minute), Message: evil},
				{
					Spec: pots.Spec{ID: "ssh", Type: "cowrie", Listen: ":2222", Source: pots.Source{URL: evil}}, State: wire.PotRunning, Addr: ":2222",
					Since: before(time.Minute), Counters: pots.Counters{Events: 4}, Program: install.Program{Commit: "c0ffee"},
				},
			}
		},
		Intake: func() pots.IntakeStats {
			return pots.IntakeStats{Accepted: 4, Open: 1, Lines: 20, Events: 18, Broken: 2}
		},
		Commands:  func() Stats { return Stats{Done: 3, Refused: 1, Full: 1} },
		BootCause: "the watchdog", LED: func() string { return "green:status, lit: Core is there, 7 blinks" },
		LastRun: "last boot: by the watchdog; stuck then: " + evil,
		Heart: func() ([]board.FeedStats, []string) {
			return []board.FeedStats{
				{Name: "watchdog /dev/watchdog", Every: 30 * time.Second, Last: before(9 * time.Second), Count: 7},
				{Name: "systemd", Every: 15 * time.Second, Err: evil},
			}, []string{"spool", "pots"}
		},
	}
	text := string(r.Text())
	var fixed []byte // without what differs from run to run
	for line := range strings.Lines(text) {
		key, _, ok := strings.Cut(line, ": ")
		if line != "\n" && !ok {
			t.Errorf("no key in %q", line)
		}
		if slices.Contains([]string{"memory heap", "goroutines", "cpus", "nice"}, key) {
			line = key + ": x\n"
		}
		fixed = append(fixed, line...)
	}
	if *update {
		if err := os.WriteFile("testdata/status.txt", fixed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/status.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(fixed) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", fixed, want)
	}
	for _, c := range text {
		if c < ' ' && c != '\n' || c == 0xfffd {
			t.Errorf("%q in the text", c)
		}
	}
}

// Before anything has happened.
func TestReportEmpty(t *testing.T) {
	r := &Report{
		Session: func() conn.Stats { return conn.Stats{State: conn.LinkDown, NextDial: time.Now().Add(time.Hour)} },
		Ring:    func() ring.Stats { return ring.Stats{} }, Pots: func() []pots.Info { return nil },
		Intake: func() pots.IntakeStats { return pots.IntakeStats{} }, Commands: func() Stats { return Stats{} },
		Machine: board.Machine{Root: "testdata/none", SmapsRollup: "testdata/none"}, LED: func() string { return "off" },
		Heart: func() ([]board.FeedStats, []string) { return nil, nil },
	}
	text := string(r.Text())
	for _, want := range []string{"last heartbeat: never\n", "next try: in 59m59s\n", "intake: not listening\n", "memory resident: unknown\n", "dialect: not known yet\n", "fed: nobody\n", "stuck parts: none\n", "model: \"unknown\"\n", "temperature: unknown\n", "free flash: unknown\n", "last boot by: unknown\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
