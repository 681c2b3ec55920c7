package boot

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// The flood.
const (
	floodRate    = 2000            // connections begun a second
	floodOpen    = 6000            // of them not ended yet, at most, twice what the node allows; what is beyond is not begun
	floodStay    = 2 * time.Second // how long each waits for an answer
	floodNet     = "198.18.0"      // RFC 2544: whom the attackers are, 250 of them
	floodBeat    = 10 * time.Second
	floodWebTime = 10 * time.Second // for the machine's own web server to answer in
)

// floodTime is how long it lasts; FORAGER_FLOOD makes it shorter for CI.
func floodTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("FORAGER_FLOOD")
	if text == "" {
		return 5 * time.Minute
	}
	d, err := time.ParseDuration(text)
	must(t, err)
	return d
}

// victims are the pots: one of every built-in type, and what is said to it.
var victims = []struct {
	port int
	pot  string
	say  string
}{
	{22, "ssh", "SSH-2.0-Go\r\n"}, {23, "telnet", "root\r\nadmin\r\n"}, {8080, "http", "GET /login.cgi HTTP/1.0\r\n\r\n"},
	{443, "https", "\x16\x03\x01\x00\x05hello"}, {7547, "cwmp", "POST /UD/act?1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
	{52869, "upnp", "POST /picsdesc.xml HTTP/1.0\r\n\r\n"}, {5555, "adb", "CNXN"}, {4444, "tcp", "\x00\x01\x02"},
	{7777, "catchall", "EHLO a\r\n"},
}

// TestFlood attacks every pot of a router with 64 MiB at once. The router goes
// on with its own work, and so does the node.
func TestFlood(t *testing.T) {
	needMachines(t)
	c := startCore(t, core.Config{Keep: 4096})
	beats := c.Watch()
	lines := []string{"core " + coreAddr, "watchdog /dev/watchdog", "spool-size 1M", "heartbeat " + floodBeat.String(), "pot udp listen=:7777"}
	for _, v := range victims {
		lines = append(lines, fmt.Sprintf("pot %s listen=:%d", v.pot, v.port))
	}
	m := boot(t, recipe{board: mipsel, root: fromIPK(t, mipsel, "mipsel_24kc"), files: settings(lines...)})
	m.comesUp()
	command(t, nil, "ip", "addr", "add", floodNet+".1/24", "dev", "lo")
	until(t, beats, "NodeRegistration")
	m.status(func(shown map[string]string) bool {
		running := 0
		for key, value := range shown {
			if strings.HasPrefix(key, "pot ") && strings.Contains(value, "Running on") {
				running++
			}
		}
		return running == len(victims)+1
	})
	pid := m.run("pidof forager")

	during := floodTime(t)
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var all sync.WaitGroup
	var web page
	var pulse heartbeats
	all.Go(func() { web.visit(ctx) })
	all.Go(func() { pulse.listen(ctx, c.WatchNew()) })
	m.note("the flood begins")
	f := flood(ctx)
	m.note("the flood is over")
	all.Wait()

	t.Logf("%v: %d connections begun (%.0f a second), %d taken by the machine (%.0f a second), %d answered, %d not begun",
		during, f.begun.Load(), float64(f.begun.Load())/during.Seconds(), f.taken.Load(), float64(f.taken.Load())/during.Seconds(),
		f.answered.Load(), f.skipped.Load())
	t.Logf("web server: %d of %d answers, the slowest after %v", web.good, web.asked, web.slowest)
	t.Logf("heartbeats: %d, longest gap %v", pulse.n, pulse.gap)
	if web.good < web.asked || web.good == 0 {
		t.Errorf("the machine's own web server gave %d answers of %d: %v", web.good, web.asked, web.err)
	}
	if pulse.gap > floodBeat+floodBeat/2 {
		t.Errorf("%v between two heartbeats of %v", pulse.gap, floodBeat)
	}
	m.comesUp()
	if now := m.run("pidof forager"); now != pid {
		t.Errorf("the node was process %q and is %q", pid, now)
	}
	t.Logf("memory:\n%s", m.run("grep -E 'Rss|VmHWM' /proc/$(pidof forager)/status; grep -E 'MemTotal|MemFree|MemAvail' /proc/meminfo; grep ^Tcp: /proc/net/snmp"))
	shown := m.status(func(map[string]string) bool { return true })
	for key, value := range shown {
		if strings.HasPrefix(key, "events ") || key == "memory private dirty" {
			t.Logf("%s: %s", key, value)
		}
	}
	if n := number(shown["registrations"]+" ", ""); n != 1 {
		t.Errorf("%q registrations", shown["registrations"])
	}
	if n := m.qmp.count("RESET"); n != 0 {
		t.Errorf("the machine was reset %d times", n)
	}
	after := c.WatchNew()
	loginFails(t, m)
	until(t, after, "telnet.login.failed", "after-the-flood")
}

// loginFails tries a password at the telnet pot of the flooded machine.
func loginFails(t *testing.T, m *machine) {
	t.Helper()
	c, err := m.dial(23)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, "root\r\nafter-the-flood\r\n")
	must(t, err)
	_, _ = io.CopyN(io.Discard, c, 64) // the prompts
}

// attack counts what became of a flood's connections.
type attack struct{ begun, taken, answered, skipped atomic.Int64 }

// flood begins floodRate connections a second until ctx ends.
func flood(ctx context.Context) *attack {
	a := new(attack)
	var open sync.WaitGroup
	places := make(chan struct{}, floodOpen)
	began := time.Now()
	for n := 0; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		for due := int(time.Since(began).Seconds() * floodRate); n < due; n++ {
			select {
			case places <- struct{}{}:
			default:
				a.skipped.Add(1)
				continue
			}
			open.Add(1)
			go func() {
				defer func() { <-places; open.Done() }()
				a.one(n)
			}()
		}
	}
	open.Wait()
	return a
}

// one is the n-th connection.
func (a *attack) one(n int) {
	v := victims[n%len(victims)]
	from, err := net.ResolveTCPAddr("tcp4", floodNet+"."+strconv.Itoa(2+n%250)+":0")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a.begun.Add(1)
	d := net.Dialer{LocalAddr: from, Timeout: floodStay, KeepAlive: -1}
	c, err := d.Dial("tcp4", net.JoinHostPort(guestAddr, strconv.Itoa(v.port)))
	if err != nil {
		return
	}
	a.taken.Add(1)
	_ = c.(*net.TCPConn).SetLinger(0) // no TIME_WAIT: ports are few
	_ = c.SetDeadline(time.Now().Add(floodStay))
	_, _ = io.WriteString(c, v.say)
	if n, _ := c.Read(make([]byte, 64)); n > 0 {
		a.answered.Add(1)
	}
	_ = c.Close()
}

// page is a user of the machine's own web server.
type page struct {
	asked, good int
	slowest     time.Duration
	err         error // the last
}

func (p *page) visit(ctx context.Context) {
	client := http.Client{Timeout: floodWebTime, Transport: &http.Transport{DisableKeepAlives: true}}
	for ctx.Err() == nil {
		began := time.Now()
		p.asked++
		if err := p.once(&client); err != nil {
			p.err = err
		} else {
			p.good++
		}
		p.slowest = max(p.slowest, time.Since(began))
		select {
		case <-time.After(time.Second): // a user reads
		case <-ctx.Done():
		}
	}
}

func (p *page) once(client *http.Client) error {
	resp, err := client.Get(fmt.Sprintf("http://%s:%d/", guestAddr, webPort))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(b), "own page") {
		err = fmt.Errorf("%s: %q", resp.Status, b)
	}
	return err
}

// heartbeats are the node's at Core.
type heartbeats struct {
	n   int
	gap time.Duration
}

func (h *heartbeats) listen(ctx context.Context, w *core.Watcher) {
	last := time.Now()
	for {
		m, err := w.Until(ctx, core.IsKind(core.NodeStatusUpdate))
		if err != nil {
			h.gap = max(h.gap, time.Since(last))
			return
		}
		h.n++
		h.gap = max(h.gap, m.At.Sub(last))
		last = m.At
	}
}
