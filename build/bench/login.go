//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// clients is how many sessions run at once.
const clients = 200

// brute is a measurement of login sessions, clients of them at once.
type brute struct {
	what    string // a session, in the table
	pot     string // the -pot line; %s is where it listens
	tries   int    // login.failed events of one session
	event   string // their type
	n       int    // sessions
	limit   float64
	peers   string
	session func(i int, addr string) error // as the i-th client
}

// measure has the clients run sessions again and again, until all their tries
// are at Core.
func (s brute) measure(b *bench) ([]row, error) {
	n := b.count(s.n)
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	tries := n * s.tries
	nd, err := startNode(b, []string{"-want", strconv.Itoa(tries), "-tag", `"event_type":"` + s.event + `"`, "-touch", strconv.Itoa(n * 2048 * s.tries)},
		"-intake", "", "-pot", fmt.Sprintf(s.pot, addr))
	if err != nil {
		return nil, err
	}
	defer nd.stop()
	for i := range clients { // what only the first sessions cost is not theirs
		if err := s.session(i, addr); err != nil {
			return nil, err
		}
	}
	before, err := cpuTime(nd.pid())
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := s.share(addr, n-clients); err != nil {
		return nil, err
	}
	took := time.Since(start)
	if _, err := nd.core.done(); err != nil {
		return nil, fmt.Errorf("not every event came: %w", err)
	}
	after, err := cpuTime(nd.pid())
	if err != nil {
		return nil, err
	}
	rep, err := nd.core.report()
	if err != nil {
		return nil, err
	}
	if rep.Types[s.event] != tries || len(rep.Gaps) > 0 {
		return nil, fmt.Errorf("%d tries, and the events are %v, gaps %q", tries, rep.Types, rep.Gaps)
	}
	each := float64(after-before) / float64(time.Microsecond) / float64(n-clients)
	return []row{
		limit(fmt.Sprintf("%d %s, %d at once: CPU each", n-clients, s.what, clients), each, s.limit, "µs", s.peers),
		{what: "its sessions a second", ours: figure(float64(n-clients) / took.Seconds())},
	}, nil
}

// share shares n sessions between the clients and returns the first error.
func (s brute) share(addr string, n int) error {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	failed := make(chan error, clients)
	for i := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.session(i, addr); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// telnetLogins: connect, read the prompts, send a user and a password, read the
// refusal and the end of the connection.
var telnetLogins = brute{
	what: "telnet logins", pot: "telnet listen=%s accept=never tries=1", tries: 1, event: "telnet.login.failed", n: 40_000,
	limit: 60, peers: "C honeypot 59 to 83; Go 230 and 263", session: telnetLogin,
}

func telnetLogin(i int, addr string) error {
	c, err := dialSoon(i, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, step := range []struct{ prompt, answer string }{
		{"login: ", "root\r\n"}, {"Password: ", "xc3511\r\n"}, {"Login incorrect\r\n", ""},
	} {
		if err := await(c, step.prompt); err != nil {
			return err
		}
		if _, err := io.WriteString(c, step.answer); err != nil {
			return err
		}
	}
	if _, err := c.Read(make([]byte, 64)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the connection stayed after the refusal: %w", err)
	}
	return nil
}
