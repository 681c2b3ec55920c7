package nettest

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The attackers' side of the cable has both families.
const (
	coreAddr6 = "fd00:77::1"
	nodeAddr6 = "fd00:77::2"
)

// told is an event of a pot as devcore prints it.
type told struct {
	PotID     string         `json:"pot_id"`
	PotType   string         `json:"pot_type"`
	EventType string         `json:"event_type"`
	Data      map[string]any `json:"data"`
}

// awaitEvent reads lines until one is an event that fits.
func (p *process) awaitEvent(what string, fits func(told) bool) told {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("ended before it said %s", what)
			}
			if e, ok := potEvent(line); ok && fits(e) {
				return e
			}
		case <-limit:
			p.t.Fatalf("never said %s", what)
		}
	}
}

func potEvent(line string) (told, bool) {
	var frame struct {
		Message struct{ PotEvent *told }
	}
	if json.Unmarshal([]byte(line), &frame) != nil || frame.Message.PotEvent == nil {
		return told{}, false
	}
	return *frame.Message.PotEvent, true
}

// redirectLab is a node whose firewall redirects ports, and Core beside the
// attackers.
func redirectLab(t *testing.T, pots ...string) (*lab, *process) {
	l := newLab(t)
	l.ip("-n", l.core, "-6", "addr", "add", coreAddr6+"/64", "dev", "cable", "nodad")
	l.ip("-n", l.node, "-6", "addr", "add", nodeAddr6+"/64", "dev", "cable", "nodad")
	core := l.startCore()
	// As an operator would run it: nobody, and in the sandbox of an Agent.
	state, err := os.MkdirTemp("", "redirect")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(state) })
	if err := os.Chmod(state, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"-core", coreAddr + ":9001", "-state-dir", filepath.Join(state, "state"), "-control", filepath.Join(state, "control"),
		"-user", "nobody", "-node-type", "Agent",
		"-node-id", "4711", "-core-dialect", "spec", "-intake", ""}
	for _, pot := range pots {
		args = append(args, "-pot", pot)
	}
	l.start(l.node, programs.forager, args...)
	core.await("NodeStatusUpdate", "Running")
	return l, core
}

// redirect has the node's firewall redirect TCP ports to the catch-all, as the
// documentation says.
func (l *lab) redirect(ports string, to int) {
	l.t.Helper()
	l.in(l.node, "nft", "add", "table", "inet", "forager")
	l.in(l.node, "nft", "add", "chain", "inet", "forager", "pre", "{ type nat hook prerouting priority dstnat; }")
	l.in(l.node, "nft", "add", "rule", "inet", "forager", "pre", "tcp", "dport", ports, "redirect", "to", fmt.Sprintf(":%d", to))
}

// tproxy hands UDP ports to the udp pot without changing the packets.
func (l *lab) tproxy(ports string, to int) {
	l.t.Helper()
	l.in(l.node, "nft", "add", "table", "inet", "forager")
	l.in(l.node, "nft", "add", "chain", "inet", "forager", "mangle", "{ type filter hook prerouting priority mangle; }")
	for _, family := range []string{"ipv4", "ipv6"} {
		l.in(l.node, "nft", "add", "rule", "inet", "forager", "mangle", "meta", "nfproto", family, "udp", "dport", ports,
			"tproxy", map[string]string{"ipv4": "ip", "ipv6": "ip6"}[family], "to", fmt.Sprintf(":%d", to))
	}
}

// say sends text from the attackers' side with socat and returns the answer.
func (l *lab) say(text, kind, host string, port int) string {
	l.t.Helper()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	cmd := exec.Command("ip", "netns", "exec", l.core, "socat", "-t", "1", "-", fmt.Sprintf("%s:%s:%d", kind, host, port))
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("socat to %s port %d: %v: %s", host, port, err, out)
	}
	return string(out)
}

// TestOriginalDestinationTCP: events say where the attacker was going.
func TestOriginalDestinationTCP(t *testing.T) {
	l, core := redirectLab(t, "catchall listen=:7777 wait=1s scan=0 hand=http")
	l.redirect("1000-9000", 7777)
	for _, c := range []struct {
		host string
		port int
		want string
	}{
		{nodeAddr, 1234, coreAddr}, {nodeAddr6, 4321, coreAddr6}, {nodeAddr, 7777, coreAddr},
	} {
		l.say("MGLNDD_x\n", "TCP", c.host, c.port)
		e := core.awaitEvent("the payload", func(e told) bool { return e.EventType == "catchall.session.data" })
		if e.Data["dst_ip"] != c.host || e.Data["dst_port"] != float64(c.port) || e.Data["src_ip"] != c.want || e.Data["app"] != "mglndd" {
			t.Errorf("%v", e.Data)
		}
	}
	if got := l.say("GET / HTTP/1.0\r\n\r\n", "TCP", nodeAddr6, 8080); !strings.HasPrefix(got, "HTTP/1.") {
		t.Errorf("heard %q", got)
	}
	e := core.awaitEvent("the request", func(e told) bool { return e.EventType == "http.request" })
	if e.Data["dst_port"] != 8080.0 || e.PotID != "catchall" || e.PotType != "http" {
		t.Errorf("%+v", e)
	}
}

// TestNmapIsOneScan: connecting and half-open scans of a redirected range are
// one event each.
func TestNmapIsOneScan(t *testing.T) {
	for _, c := range []struct{ name, scan, pot string }{
		{"connect", "-sT", "catchall listen=:7777 wait=1s scan-window=5s"},
		{"half open", "-sS", "catchall listen=:7777 wait=1s scan-window=5s syn=cable"},
		{"half open, any interface", "-sS", "catchall listen=:7777 wait=1s scan-window=5s syn=any"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, target := range []string{nodeAddr, nodeAddr6} {
				l, core := redirectLab(t, c.pot)
				l.redirect("1000-9000", 7777)
				args := []string{"nmap", "-n", "-Pn", "--max-rate", "1000", c.scan, "-p", "2000-2499", target}
				if netip.MustParseAddr(target).Is6() {
					args = append(args, "-6")
				}
				if out := l.in(l.core, args...); strings.Count(out, "/tcp ")+shown(out) < 500 {
					t.Logf("nmap: %s", out)
				}
				e := core.awaitEvent("a scan", func(e told) bool { return e.EventType == "catchall.scan.detected" })
				ports, _ := e.Data["ports"].([]any)
				if e.Data["count"] != 500.0 || len(ports) != 64 || !inRange(ports) {
					t.Errorf("%v", e.Data)
				}
				// A connection that comes behind it ends the wait for a second one.
				l.say("SSH-2.0-last\r\n", "TCP", target, 3000)
				core.awaitEvent("the last one", func(e told) bool {
					if e.EventType == "catchall.scan.detected" {
						t.Errorf("a second scan: %v", e.Data)
					}
					return e.Data["version"] == "SSH-2.0-last"
				})
			}
		})
	}
}

// shown reads how many ports nmap sums up in one line.
func shown(out string) int {
	_, rest, ok := strings.Cut(out, "Not shown: ")
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(strings.Fields(rest)[0])
	return n
}

func inRange(ports []any) bool {
	for _, p := range ports {
		if n, _ := p.(float64); n < 2000 || n > 2499 {
			return false
		}
	}
	return true
}

// TestOriginalDestinationUDP: datagrams that TPROXY takes keep where they were
// going, and answers come from there.
func TestOriginalDestinationUDP(t *testing.T) {
	l, core := redirectLab(t, "udp listen=:7777 scan=0 answer=yes")
	l.tproxy("1000-9000", 7777)
	ask := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\xff\x00\x01"
	for _, c := range []struct {
		host string
		port int
		from string
	}{{nodeAddr, 1053, coreAddr}, {nodeAddr6, 5353, coreAddr6}, {nodeAddr, 7777, coreAddr}} {
		got := l.say(ask, "UDP", c.host, c.port) // socat takes what comes from there alone
		if len(got) == 0 || len(got) > len(ask) || !strings.HasPrefix(got, "\x12\x34\x81\x05") {
			t.Errorf("%s port %d answered %q", c.host, c.port, got)
		}
		e := core.awaitEvent("the question", func(e told) bool { return e.EventType == "udp.session.data" })
		if e.Data["dst_ip"] != c.host || e.Data["dst_port"] != float64(c.port) || e.Data["src_ip"] != c.from || e.Data["query"] != "example.com." {
			t.Errorf("%v", e.Data)
		}
	}
}

// TestNmapUDPIsOneScan: so is a scan of UDP ports.
func TestNmapUDPIsOneScan(t *testing.T) {
	l, core := redirectLab(t, "udp listen=:7777 scan-window=10s")
	l.tproxy("1000-9000", 7777)
	l.in(l.core, "nmap", "-n", "-Pn", "--max-retries", "0", "--max-rate", "500", "-sU", "-p", "2000-2099", nodeAddr)
	e := core.awaitEvent("a scan", func(e told) bool { return e.EventType == "udp.scan.detected" })
	if ports, _ := e.Data["ports"].([]any); e.Data["count"] != 100.0 || !inRange(ports) {
		t.Errorf("%v", e.Data)
	}
}
