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

// measureLogin has clients connect, read the prompts, send a user and a
// password, read the refusal and the end of the connection, again and again.
func measureLogin(b *bench) ([]row, error) {
	n := b.count(40_000)
	nd, addr, err := startPots(b, []string{"-want", strconv.Itoa(n), "-tag", `"event_type":"telnet.login.failed"`, "-touch", strconv.Itoa(n * 2048)})
	if err != nil {
		return nil, err
	}
	defer nd.stop()
	before, err := cpuTime(nd.pid())
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := logins(addr, n); err != nil {
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
	if rep.Types["telnet.login.failed"] != n || len(rep.Gaps) > 0 {
		return nil, fmt.Errorf("%d logins, and the events are %v, gaps %q", n, rep.Types, rep.Gaps)
	}
	each := float64(after-before) / float64(time.Microsecond) / float64(n)
	return []row{
		limit(fmt.Sprintf("%d telnet logins, %d at once: CPU each", n, clients), each, 80, "µs", "C honeypot 59 to 83; Go 230 and 263"),
		{what: "its logins a second", ours: figure(float64(n) / took.Seconds())},
	}, nil
}

// logins shares n sessions between the clients and returns the first error.
func logins(addr string, n int) error {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	failed := make(chan error, clients)
	for i := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := login(i, addr); err != nil {
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

func login(i int, addr string) error {
	c, err := dialFrom(i, addr)
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
