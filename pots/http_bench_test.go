package pots

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

const httpLoginRequest = "POST /login.cgi HTTP/1.1\r\nHost: 192.168.1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\nConnection: close\r\n\r\nusername=admin&password=12345"

// BenchmarkHTTPLogin measures the node's CPU time for a login session: connect,
// POST with credentials, answer, close; 200 clients at once.
func BenchmarkHTTPLogin(b *testing.B) {
	n := startBench(b, "http listen=127.0.0.1:0 auth=form")
	run := func(sessions int) {
		var wg sync.WaitGroup
		work := make(chan struct{}, sessions)
		for range sessions {
			work <- struct{}{}
		}
		close(work)
		for range min(200, sessions) {
			wg.Go(func() {
				buf := make([]byte, 4096)
				for range work {
					n.httpLogin(buf)
				}
			})
		}
		wg.Wait()
	}
	run(1000)
	before, _ := n.ask("cpu")
	b.ResetTimer()
	run(b.N)
	b.StopTimer()
	after, _ := n.ask("cpu")
	b.ReportMetric(float64(after-before)/1e3/float64(b.N), "cpu-µs/session")
}

func (n *benchNode) httpLogin(buf []byte) {
	c, err := net.Dial("tcp", n.addr)
	if err != nil {
		n.b.Error(err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, httpLoginRequest)
	got := 0
	for {
		k, err := c.Read(buf[got:])
		got += k
		if err != nil {
			break
		}
	}
	if !strings.HasPrefix(string(buf[:got]), "HTTP/1.1 200") {
		n.b.Errorf("got %q", buf[:got])
	}
}

// open waits until the node has taken the connections so far: one more is served
// after them.
func (n *benchNode) open() { n.httpLogin(make([]byte, 4096)) }

// BenchmarkHTTPIdle measures the node's private memory for a connection that
// says nothing, and for one that was answered and is kept.
func BenchmarkHTTPIdle(b *testing.B) {
	for _, c := range []struct{ name, say string }{
		{"silent", ""}, {"kept", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := startBench(b, "http listen=127.0.0.1:0 auth=form")
			_, before := n.ask("memory")
			const conns = 1000
			buf := make([]byte, 4096)
			for range conns {
				c1, err := net.Dial("tcp", n.addr)
				if err != nil {
					b.Fatal(err)
				}
				defer c1.Close()
				if c.say != "" {
					_, _ = io.WriteString(c1, c.say)
					if _, err := c1.Read(buf); err != nil {
						b.Fatal(err)
					}
				}
			}
			n.open()
			for range b.N { // one thousand is the measure, however long the benchmark may run
				break
			}
			_, now := n.ask("now")
			_, collected := n.ask("memory")
			b.ReportMetric(float64(now-before)/conns, "private-B/conn")
			b.ReportMetric(float64(collected-before)/conns, "private-B/conn-collected")
		})
	}
}
