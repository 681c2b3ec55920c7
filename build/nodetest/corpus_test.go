package nodetest

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
	"forager/conn"
)

// corpusLine is what Core must have of one line, worked out here with
// encoding/json and by nothing of the node's.
type corpusLine struct {
	potID, potType, eventType string
	at                        time.Time
	data                      any
}

// corpus reads Cowrie's lines. None has data, pot_id, pot_type or event_type,
// so sensor, the first word of eventid and eventid stand for them.
func corpus(t *testing.T) (lines []string, want map[string][]corpusLine) {
	t.Helper()
	f, err := os.Open("../../pots/testdata/cowrie.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	want = make(map[string][]corpusLine)
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
		var d struct{ Sensor, Eventid, Timestamp string }
		l := corpusLine{data: decoded(t, s.Bytes())}
		if err := json.Unmarshal(s.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		if l.at, err = time.Parse(time.RFC3339Nano, d.Timestamp); err != nil {
			t.Fatal(err)
		}
		l.potID, l.eventType = d.Sensor, d.Eventid
		l.potType, _, _ = strings.Cut(d.Eventid, ".")
		key := canonical(t, l.data)
		want[key] = append(want[key], l)
	}
	if len(lines) != 4132 {
		t.Fatalf("%d lines in the corpus", len(lines))
	}
	return lines, want
}

func decoded(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func canonical(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every line of the corpus is at Core exactly once and unchanged, however the
// honeypot connects and however the node does.
func TestCorpus(t *testing.T) {
	lines, _ := corpus(t)
	oneConnection := func(t *testing.T, addr string) { send(t, addr, strings.Join(lines, "\n")+"\n") }
	oneEach := func(t *testing.T, addr string) {
		for _, line := range lines {
			deliver(t, addr, line+"\n")
		}
	}
	for _, tt := range []struct {
		name   string
		secure bool
		feed   func(t *testing.T, addr string)
	}{
		{"one connection", false, oneConnection},
		{"a connection a line", false, oneEach},
		{"one connection, TLS, client certificate, TOTP", true, oneConnection},
		{"a connection a line, TLS, client certificate, TOTP", true, oneEach},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, want := corpus(t)
			state := t.TempDir()
			cfg := core.Config{Keep: 1 << 17}
			args := []string{"-node-id", "42", "-state-dir", state, "-intake", away(t)}
			if tt.secure {
				args = append(args, secure(t, &cfg, state)...)
			}
			c, err := core.Start(cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			n := start(t, program, append(args, "-core", c.Addr())...)
			tt.feed(t, n.intake())
			collect(t, c, len(lines), want)
		})
	}
}

// secure makes everything that protects the link, and tells the node of it.
func secure(t *testing.T, cfg *core.Config, state string) []string {
	t.Helper()
	files, err := core.MakeCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.TLS, err = core.ServerTLS(files.ServerCert, files.ServerKey, files.CA); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.LoadTOTP(state, "x"); err != nil {
		t.Fatal(err)
	}
	secret, err := os.ReadFile(filepath.Join(state, "totp.secret"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.TOTP = strings.TrimSpace(string(secret))
	return []string{"-totp", "-tls", "-tls-ca", files.CA, "-tls-cert", files.ClientCert, "-tls-key", files.ClientKey}
}

// intake is where the node listens for other honeypots' lines.
func (n *node) intake() string {
	n.t.Helper()
	line := n.says("intake: listening on ")
	return line[strings.LastIndexByte(line, ' ')+1:]
}

func send(t *testing.T, addr, text string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// deliver sends a text over a connection of its own, again when the intake has
// no place for it: such a connection is not read.
func deliver(t *testing.T, addr, text string) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		err := offer(addr, text)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// offer sends a text, and returns nil when the intake has read it to its end.
func offer(addr, text string) error {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte(text)); err != nil {
		return err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c)
	return err
}

// collect takes n events off Core and crosses each off want.
func collect(t *testing.T, c *core.Core, n int, want map[string][]corpusLine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	w := c.Watch()
	ids := make(map[string]bool)
	for got := 0; got < n; {
		m, err := w.Next(ctx)
		if err != nil {
			t.Fatalf("%d of %d events: %v", got, n, err)
		}
		for _, raw := range m.PotEvents() {
			got++
			check(t, raw, ids, want)
		}
	}
	if st := c.Stats(); st.PotEvents != uint64(n) || len(ids) != n {
		t.Errorf("%d events with %d ids, want %d", st.PotEvents, len(ids), n)
	}
}

func check(t *testing.T, raw []byte, ids map[string]bool, want map[string][]corpusLine) {
	t.Helper()
	var e struct {
		NodeID    uint64          `json:"node_id"`
		EventID   string          `json:"event_id"`
		PotID     string          `json:"pot_id"`
		PotType   string          `json:"pot_type"`
		EventType string          `json:"event_type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	data := decoded(t, e.Data)
	key := canonical(t, data)
	if len(want[key]) == 0 {
		t.Fatalf("not in the corpus, or more often than there: %s", raw)
	}
	l := want[key][0]
	want[key] = want[key][1:]
	ids[e.EventID] = true
	if e.NodeID != 42 || e.PotID != l.potID || e.PotType != l.potType || e.EventType != l.eventType ||
		!e.Timestamp.Equal(l.at) || !reflect.DeepEqual(data, l.data) {
		t.Fatalf("%s\nwant %+v", raw, l)
	}
}
