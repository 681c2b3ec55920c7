package core

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// start runs a Core for the test, and checks that it leaves nothing behind.
func start(t *testing.T, cfg Config) *Core {
	t.Helper()
	before := runtime.NumGoroutine()
	cfg.Log = t.Logf
	c, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		waitGoroutines(t, before)
	})
	return c
}

// waitGoroutines fails the test if there stay more goroutines than at its
// start: those of the runtime's own take a moment to go.
func waitGoroutines(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > want; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, %d at the start\n%s", runtime.NumGoroutine(), want, buf[:runtime.Stack(buf, true)])
		}
	}
}

// peer is the test's end of a connection.
type peer struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn)
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	_ = conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{t: t, Conn: conn, lines: bufio.NewReader(conn)}
}

func (p *peer) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) line() string {
	p.t.Helper()
	s, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("read a line: %v", err)
	}
	return strings.TrimSuffix(s, "\n")
}

// closed checks that Core ends the connection without another byte.
func (p *peer) closed() {
	p.t.Helper()
	b, err := io.ReadAll(p.lines)
	if len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("instead of a close: %q, %v", b, err)
	}
}

func registration(id uint64, more string) string {
	return fmt.Sprintf(`{"version":2,"message":{"NodeRegistration":{"node_id":%d,"node_name":"n","address":"0.0.0.0","port":1,"node_type":"Full"%s}}}`, id, more) + "\n"
}

// register says hello as node id and takes the acknowledgement.
func (p *peer) register(id uint64) {
	p.t.Helper()
	p.write(registration(id, ""))
	want := fmt.Sprintf(`{"version":2,"message":{"RegistrationAck":{"node_id":%d,"accepted":true,"message":"Registration successful"}}}`, id)
	if got := p.line(); got != want {
		p.t.Fatalf("acknowledged with %s", got)
	}
}

func next(t *testing.T, w *Watcher) Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := w.Next(ctx)
	if err != nil {
		t.Fatalf("next message: %v", err)
	}
	return m
}

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

// lockedBuffer is read while Core writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
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

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestFailedWriteStopsCore(t *testing.T) {
	c := start(t, Config{Output: failingWriter{}})
	p := dial(t, c.Addr())
	p.write(registration(42, ""))
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("still running")
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("close: %v", err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	c := start(t, Config{Keep: 8})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.register(42)
	p.write(strings.Repeat(potEventDoc+"\n", 100))
	p.write(vectors(t, "strict-core-accepts.jsonl")[10] + "\n") // NodeDrop: Core closes
	p.closed()
	if n := len(c.Messages()); n < 8 || n > 10 {
		t.Errorf("%d messages kept", n)
	}
	if _, err := w.Next(t.Context()); !errors.Is(err, ErrOverrun) {
		t.Errorf("a watcher left behind: %v", err)
	}
	_ = c.Close()
	if _, err := c.WatchNew().Next(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("after the end: %v", err)
	}
}

func TestRestartOnTheSamePort(t *testing.T) {
	c := start(t, Config{})
	cfg := Config{Listen: c.Addr(), Backend: c.BackendAddr()}
	for i := range 6 {
		p := dial(t, c.Addr())
		p.register(42)
		stop, name := c.Close, "Close"
		if i%2 == 1 {
			stop, name = c.Kill, "Kill"
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		_, err := p.lines.ReadByte()
		if reset := err != io.EOF; err == nil || reset != (name == "Kill") {
			t.Errorf("%s is seen as %v", name, err)
		}
		c = start(t, cfg)
	}
}

func TestDropKeepsServing(t *testing.T) {
	c := start(t, Config{})
	p := dial(t, c.Addr())
	p.register(42)
	c.Drop()
	p.closed()
	dial(t, c.Addr()).register(42)
}

func TestCommands(t *testing.T) {
	c := start(t, Config{})
	one, two := dial(t, c.Addr()), dial(t, c.Addr())
	one.register(1)
	two.register(2)
	if err := c.Command(2, `{"StopPot":"p"}`); err != nil {
		t.Fatal(err)
	}
	if got, want := two.line(), `{"version":2,"message":{"NodeCommand":{"node_id":2,"command":{"StopPot":"p"}}}}`; got != want {
		t.Errorf("node got %s", got)
	}
	if n, err := c.Broadcast(`"Restart"`); n != 2 || err != nil {
		t.Errorf("broadcast to %d, %v", n, err)
	}
	for _, p := range []*peer{one, two} {
		if got, want := p.line(), `{"version":2,"message":{"NodeCommand":{"node_id":0,"command":"Restart"}}}`; got != want {
			t.Errorf("node got %s", got)
		}
	}
	if err := c.SendRaw(1, []byte("\x00rubbish\n")); err != nil || one.line() != "\x00rubbish" {
		t.Errorf("raw bytes: %v", err)
	}
	if err := c.Command(3, `"Restart"`); err == nil {
		t.Error("a command to nobody was sent")
	}
	// The same id on a new connection takes over.
	again := dial(t, c.Addr())
	again.register(2)
	if err := c.Command(2, `"UpdateConfig"`); err != nil || !strings.Contains(again.line(), "UpdateConfig") {
		t.Errorf("after a takeover: %v", err)
	}
}

func TestTLSWithClientCertificate(t *testing.T) {
	certs, err := MakeCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := ServerTLS(certs.ServerCert, certs.ServerKey, certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{ServerName: "honeybee-manager", RootCAs: x509.NewCertPool()}
	client.RootCAs.AppendCertsFromPEM(pem)
	c := start(t, Config{TLS: server})

	// TLS 1.3 tells a client of its refused certificate at its first read.
	bare, err := tls.Dial("tcp", c.Addr(), client)
	if err == nil {
		_ = bare.SetDeadline(time.Now().Add(patience))
		_, err = bare.Read(make([]byte, 1))
		_ = bare.Close()
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("without a certificate: %v", err)
	}
	old := client.Clone()
	old.MaxVersion = tls.VersionTLS12
	if _, err := tls.Dial("tcp", c.Addr(), old); err == nil {
		t.Error("TLS 1.2 was spoken")
	}

	pair, err := tls.LoadX509KeyPair(certs.ClientCert, certs.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	client.Certificates = []tls.Certificate{pair}
	conn, err := tls.Dial("tcp", c.Addr(), client)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, conn)
	p.register(42)
	w := c.WatchNew()
	p.write(strings.Repeat(potEventDoc+"\n", 3))
	for range 3 {
		if m := next(t, w); m.Raw != potEventDoc {
			t.Errorf("over TLS: %s", m.Raw)
		}
	}
}

func TestTOTP(t *testing.T) {
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	now := time.Date(2026, 1, 15, 10, 30, 10, 0, time.UTC)
	c := start(t, Config{TOTP: secret, Now: func() time.Time { return now }})
	for offset, want := range map[time.Duration]bool{
		0: true, 30 * time.Second: true, -30 * time.Second: true,
		60 * time.Second: false, -60 * time.Second: false,
	} {
		code, err := totp.GenerateCode(secret, now.Add(offset))
		if err != nil {
			t.Fatal(err)
		}
		p := dial(t, c.Addr())
		p.write(registration(42, `,"totp_code":"`+code+`"`))
		if got := strings.Contains(p.line(), `"accepted":true`); got != want {
			t.Errorf("code %v away: accepted = %v", offset, got)
		}
		if !want {
			p.closed()
		}
	}
	for _, more := range []string{``, `,"totp_code":null`, `,"totp_code":""`, `,"totp_code":"abcdef"`} {
		p := dial(t, c.Addr())
		p.write(registration(42, more))
		if got := p.line(); !strings.Contains(got, `"accepted":false`) {
			t.Errorf("%s: %s", more, got)
		}
		p.closed()
	}
	if _, err := Start(Config{TOTP: "not base32!"}); err == nil {
		t.Error("a secret that is not base32 was taken")
	}
}

func TestTOTPKeyAtFirstRegistration(t *testing.T) {
	c := start(t, Config{TOTP: "new"})
	keyOf := func(p *peer) (key string, accepted bool) {
		var ack struct {
			Message struct {
				RegistrationAck struct {
					Accepted bool
					TOTPKey  string `json:"totp_key"`
				}
			}
		}
		if err := json.Unmarshal([]byte(p.line()), &ack); err != nil {
			t.Fatal(err)
		}
		return ack.Message.RegistrationAck.TOTPKey, ack.Message.RegistrationAck.Accepted
	}
	p := dial(t, c.Addr())
	p.write(registration(42, ""))
	key, accepted := keyOf(p)
	if !accepted || key == "" {
		t.Fatalf("first registration: accepted %v, key %q", accepted, key)
	}
	p = dial(t, c.Addr())
	p.write(registration(42, ""))
	if _, accepted := keyOf(p); accepted {
		t.Error("accepted again without a code")
	}
	code, err := totp.GenerateCode(key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p = dial(t, c.Addr())
	p.write(registration(42, `,"totp_code":"`+code+`"`))
	if again, accepted := keyOf(p); !accepted || again != "" {
		t.Errorf("with the code: accepted %v, key %q", accepted, again)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	c := start(t, Config{Keep: -1})
	for range maxNodes {
		dial(t, c.Addr()).register(42)
	}
	dial(t, c.Addr()).closed()
}

func TestPortTaken(t *testing.T) {
	c := start(t, Config{})
	for _, cfg := range []Config{{Listen: c.Addr()}, {Backend: c.BackendAddr()}} {
		if _, err := Start(cfg); err == nil {
			t.Errorf("%+v: two Cores on one port", cfg)
		}
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
