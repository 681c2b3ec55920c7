package nodetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// The flood: so many lines at once at the intake, so often.
const (
	floodLines = 25
	floodGap   = 5 * time.Millisecond
	// floodBefore is how many events have reached Core before the first command.
	floodBefore = 200
	// answerTime is how long an answer may take.
	answerTime = time.Second
	// answerTries is how often a command is sent before its answer is too late:
	// the machine that tests is as busy as it is.
	answerTries = 5
)

// Every command that Core is known to send is answered within a second, while
// a flood of events runs, in both dialects.
func TestCommandsDuringAFlood(t *testing.T) {
	for _, dialect := range []string{"spec", "core"} {
		t.Run(dialect, func(t *testing.T) {
			c := startCore(t)
			intake := away(t)
			args := []string{
				"-core", c.Addr(), "-core-dialect", dialect, "-node-id", "42", "-state-dir", t.TempDir(), "-intake", intake,
				"-pots-allow", "https://example.invalid/*",
			}
			n := start(t, program, args...)
			until(t, c.Watch(), `"NodeEvent":"Started"`)
			b := startBackend(t, c)
			b.ask(installCommand("p-1", "tcp", "", map[string]string{"listen": "127.0.0.1:0"}, true), `"pot_id":"p-1","pot_type":"tcp","status":"Running"`)
			ctx, cancel := context.WithCancel(t.Context())
			flooded := make(chan int)
			go func() { flooded <- floodIntake(ctx, intake) }()
			for end := time.Now().Add(patience); c.Stats().PotEvents < floodBefore; time.Sleep(floodGap) {
				if time.Now().After(end) {
					t.Fatalf("%d events at Core", c.Stats().PotEvents)
				}
			}
			slowest, ends := time.Duration(0), []vector(nil)
			for _, v := range vectors(t) {
				if v.ends() {
					ends = append(ends, v)
					continue
				}
				slowest = max(slowest, b.timed(v))
			}
			for _, v := range ends {
				w := c.WatchNew()
				slowest = max(slowest, b.timed(v))
				if strings.Contains(v.command, "stop") {
					n.ended()
					n = start(t, program, args...)
				}
				until(t, w, `"NodeEvent":"Started"`)
			}
			cancel()
			t.Logf("the slowest of %d answers took %v, while %d events came in and %d reached Core", len(vectors(t)), slowest, <-flooded, c.Stats().PotEvents)
			n.says("intake: listening")
		})
	}
}

// vector is one command of the file.
type vector struct {
	line    string
	node    uint64
	command string
}

// ends tells whether the node is gone afterwards.
func (v *vector) ends() bool {
	return strings.Contains(strings.ToLower(v.command), `"restart"`) || v.command == `"stop"`
}

func vectors(t *testing.T) (all []vector) {
	t.Helper()
	f, err := os.Open("../../cmds/testdata/from-core.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var m struct {
			Message struct {
				NodeCommand *struct {
					NodeID  uint64          `json:"node_id"`
					Command json.RawMessage `json:"command"`
				}
			}
		}
		if err := json.Unmarshal(s.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if c := m.Message.NodeCommand; c != nil {
			all = append(all, vector{s.Text() + "\n", c.NodeID, string(c.Command)})
		}
	}
	if len(all) != 29 {
		t.Fatalf("%d commands in the file", len(all))
	}
	return all
}

// answers tells whether a frame answers the command: about the pot, about the
// node, or an error that names what was asked.
func (v *vector) answers(m core.Message) bool {
	switch {
	case v.node == 43:
		return strings.Contains(m.Raw, "is for node 43")
	case strings.Contains(v.command, "../../etc"):
		return strings.Contains(m.Raw, `"Error"`) && strings.Contains(m.Raw, "pot id")
	case strings.Contains(v.command, "Explode"):
		return strings.Contains(m.Raw, `unknown command`)
	case strings.Contains(v.command, `:7}`):
		return strings.Contains(m.Raw, "command refused: DeployPot")
	case strings.Contains(v.command, "p-1"), strings.Contains(v.command, "GetInstalledPots"):
		return m.Kind == core.PotStatusUpdate && strings.Contains(m.Raw, `"pot_id":"p-1"`)
	}
	return m.Kind == core.NodeStatusUpdate
}

// timed sends a command and returns how long its answer took. An answer that
// comes too late is asked for again.
func (b *backend) timed(v vector) (took time.Duration) {
	b.t.Helper()
	for range answerTries {
		w := b.core.WatchNew()
		sent := time.Now()
		switch v.node {
		case 42:
			b.command(v.command)
		case 0:
			b.say(`{"BackendCommand":{"BroadcastCommand":{"command":` + v.command + `}}}`)
		default:
			if err := b.core.SendRaw(42, []byte(v.line)); err != nil {
				b.t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(b.t.Context(), patience)
		m, err := w.Until(ctx, v.answers)
		cancel()
		if err != nil {
			b.t.Fatalf("%s: no answer: %v", v.command, err)
		}
		if took = m.At.Sub(sent); took <= answerTime || v.ends() {
			break
		}
		b.t.Logf("%s: answered after %v", v.command, took)
	}
	if took > answerTime+b.stall() {
		b.t.Errorf("%s: answered after %v", v.command, took)
	}
	return took
}

// floodIntake sends events to the intake until ctx ends, over all ends of the node.
func floodIntake(ctx context.Context, intake string) (lines int) {
	tick := time.NewTicker(floodGap)
	defer tick.Stop()
	var conn net.Conn
	for ctx.Err() == nil {
		<-tick.C
		if conn == nil {
			var err error
			if conn, err = net.Dial("tcp", intake); err != nil {
				conn = nil
				continue
			}
		}
		var text strings.Builder
		for range floodLines {
			fmt.Fprintf(&text, `{"pot_id":"flood","eventid":"flood.line","src_ip":"198.18.0.1","n":%d}`+"\n", lines)
			lines++
		}
		_ = conn.SetWriteDeadline(time.Now().Add(answerTime))
		if _, err := conn.Write([]byte(text.String())); errors.Is(err, os.ErrDeadlineExceeded) || err != nil {
			conn.Close()
			conn = nil
		}
	}
	if conn != nil {
		conn.Close()
	}
	return lines
}
