package core

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// padded returns a status frame of exactly size bytes, newline included.
func padded(size int) string {
	const frame = `{"version":2,"message":{"NodeStatusUpdate":{"node_id":42,"status":"Running","pad":""}}}` + "\n"
	return strings.Replace(frame, `"pad":"`, `"pad":"`+strings.Repeat("x", size-len(frame)), 1)
}

func TestStrictTakesAcceptedVectors(t *testing.T) {
	c := start(t, Config{Strict: true})
	for _, first := range vectors(t, "strict-core-accepts-first.jsonl") {
		for _, line := range vectors(t, "strict-core-accepts.jsonl") {
			w := c.WatchNew()
			p := dial(t, c.Addr())
			p.write(first + "\n")
			next(t, w)
			p.line()
			p.write(line + "\n")
			if m := next(t, w); m.Raw != line {
				t.Errorf("sent %s, accepted %s", line, m.Raw)
			}
			_ = p.Close()
		}
	}
}

func TestStrictClosesSilently(t *testing.T) {
	event := vectors(t, "strict-core-accepts.jsonl")[6] + "\n"
	cases := map[string]string{
		"two frames in one read": event + event,
		"newline apart":          "\n",
		"4097 bytes":             padded(4097),
		"half a frame":           event[:20],
		"bare word":              "hello\n",
	}
	for i, line := range vectors(t, "strict-core-refuses.jsonl") {
		cases[fmt.Sprintf("refused vector %d", i)] = line + "\n"
	}
	c := start(t, Config{Strict: true})
	for name, bytes := range cases {
		t.Run(name, func(t *testing.T) {
			p := dial(t, c.Addr())
			p.register(42)
			p.write(bytes)
			p.closed()
		})
	}
	if got, want := c.Stats().Refused, uint64(len(cases)); got != want {
		t.Errorf("%d refused, want %d", got, want)
	}
	if got, want := c.Stats().Frames, uint64(len(cases)); got != want {
		t.Errorf("%d accepted besides, want %d registrations", got, want)
	}
}

func TestStrictTakes4096Bytes(t *testing.T) {
	c := start(t, Config{Strict: true})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.register(42)
	next(t, w)
	for range 3 {
		p.write(padded(4096))
		if m := next(t, w); len(m.Raw) != 4095 {
			t.Fatalf("%d bytes arrived", len(m.Raw))
		}
	}
}

func TestFirstMessageMustRegister(t *testing.T) {
	status := vectors(t, "strict-core-accepts.jsonl")[0] + "\n"
	strict := start(t, Config{Strict: true})
	p := dial(t, strict.Addr())
	p.write(status)
	p.closed()

	lenient := start(t, Config{})
	p = dial(t, lenient.Addr())
	p.write(status)
	p.register(42) // the refused frame was passed over
	if s := lenient.Stats(); s.Refused != 1 || s.Frames != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestLenientTakesAnyCut(t *testing.T) {
	var all strings.Builder
	var want []string
	for _, line := range append(vectors(t, "strict-core-accepts.jsonl"), potEventDoc) {
		if strings.Contains(line, "NodeDrop") {
			continue
		}
		all.WriteString(line + "\r\n\n")
		want = append(want, line)
	}
	all.WriteString(padded(maxFrame))
	want = append(want, strings.TrimSuffix(padded(maxFrame), "\n"))
	c := start(t, Config{})
	for _, size := range []int{1, 7, 500, all.Len()} {
		want := want
		if size == 1 {
			want = want[:len(want)-1] // the long frame in single bytes takes too long
		}
		w := c.WatchNew()
		p := dial(t, c.Addr())
		p.register(42)
		next(t, w)
		for rest := all.String(); rest != ""; rest = rest[min(size, len(rest)):] {
			p.write(rest[:min(size, len(rest))])
			if size == 1 && len(rest) < maxFrame {
				break
			}
		}
		for i, line := range want {
			if m := next(t, w); m.Raw != line {
				t.Fatalf("cut at %d, frame %d: %s", size, i, m.Raw)
			}
		}
		_ = p.Close()
	}
}

func TestLenientLimit(t *testing.T) {
	for name, bytes := range map[string]string{
		"65537 bytes with newline": padded(maxFrame + 1),
		"endless":                  strings.Repeat("x", 3*maxFrame),
	} {
		c := start(t, Config{})
		p := dial(t, c.Addr())
		p.register(42)
		_, _ = io.WriteString(p.Conn, bytes) // Core may close in between
		p.closed()
		if s := c.Stats(); s.Refused != 1 {
			t.Errorf("%s: counted %+v", name, s)
		}
	}
}

func TestLenientPassesOverRefused(t *testing.T) {
	c := start(t, Config{})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.register(42)
	next(t, w)
	p.write("rubbish\n" + strings.Repeat(`{"version":2}`+"\n", 2*loggedRefusals) + potEventDoc + "\n")
	if m := next(t, w); m.Raw != potEventDoc || m.Events != 1 {
		t.Errorf("after refused frames: %+v", m)
	}
	if s := c.Stats(); s.Refused != 2*loggedRefusals+1 || s.PotEvents != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestInvalidUTF8IsReplaced(t *testing.T) {
	for _, strict := range []bool{true, false} {
		c := start(t, Config{Strict: strict})
		w := c.Watch()
		p := dial(t, c.Addr())
		p.register(42)
		next(t, w)
		p.write(`{"version":2,"message":{"NodeEvent":{"Error":{"message":"a` + "\xff\xfe" + `b"}}}}` + "\n")
		var content struct{ Error struct{ Message string } }
		m := next(t, w)
		if err := m.Content(&content); err != nil || !strings.HasPrefix(content.Error.Message, "a\uFFFD") {
			t.Errorf("strict %v: %q, %v", strict, content.Error.Message, err)
		}
	}
}

func TestOutputAndEvents(t *testing.T) {
	var output, events lockedBuffer
	c := start(t, Config{Strict: true, Output: &output, Events: &events})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.register(42)
	event := func(n int) string {
		return fmt.Sprintf(`{"event_type":"t.x","timestamp":"2026-01-15T10:30:00Z","data":{"n":%d,"s":"\"\\"}}`, n)
	}
	packed, err := json.Marshal("[" + event(1) + "," + event(2) + "]")
	if err != nil {
		t.Fatal(err)
	}
	alarm := `{"version":2,"message":{"NodeEvent":{"Alarm":{"description":` + string(packed) + `}}}}`
	p.write(strings.Replace(alarm, `":{`, "\":\n{", 3) + "\n")
	next(t, w)
	m := next(t, w)
	if got := m.PotEvents(); m.Events != 2 || len(got) != 2 || string(got[1]) != event(2) {
		t.Errorf("%d events: %s", m.Events, got)
	}
	_ = c.Close()
	if got, want := output.b.String(), registration(42, "")+alarm+"\n"; got != want {
		t.Errorf("output %s\nwant %s", got, want)
	}
	if got, want := events.b.String(), event(1)+"\n"+event(2)+"\n"; got != want {
		t.Errorf("events %s\nwant %s", got, want)
	}
}

func TestCheckEvery(t *testing.T) {
	if _, err := Start(Config{CheckEvery: 4}); err == nil {
		t.Error("messages to remember that are not checked")
	}
	c := start(t, Config{Keep: -1, CheckEvery: 4})
	p := dial(t, c.Addr())
	p.register(42)
	broken := strings.Replace(potEventDoc, `"a":1`, `"a":x`, 1)
	p.write(strings.Repeat(broken+"\n", 8) + `{"version":2,"message":"NodeDrop"}` + "\n")
	p.closed()
	if s := c.Stats(); s.PotEvents != 6 || s.Refused != 2 || s.Frames != 8 {
		t.Errorf("counted %+v", s)
	}
}
