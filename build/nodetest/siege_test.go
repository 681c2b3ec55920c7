package nodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"forager/build/devcore/core"
)

// The siege: brute force at a telnet pot, forty sessions of five events a
// second, while a strict Core dies at random moments.
const (
	siegeGap   = 25 * time.Millisecond
	siegeTries = 3
	siegeHosts = 50 // addresses that it comes from
)

// siegeTimes are how long it lasts, and the shortest and longest life of a
// Core. FORAGER_LONG makes it an hour.
func siegeTimes() (lasts, shortest, longest time.Duration) {
	if os.Getenv("FORAGER_LONG") != "" {
		return time.Hour, 20 * time.Second, 5 * time.Minute
	}
	return 20 * time.Second, 3 * time.Second, 8 * time.Second
}

func TestBruteForceWhileAStrictCoreDies(t *testing.T) {
	lasts, shortest, longest := siegeTimes()
	s := &siege{t: t, users: make(map[string]bool), ids: make(map[string]string)}
	c := s.core("127.0.0.1:0")
	n := start(t, program, "-node-id", "42", "-state-dir", t.TempDir(), "-core", c.Addr(), "-pot", "telnet listen=127.0.0.1:0", "-ring-size", "64M")
	until(t, c.Watch(), `"NodeRegistration"`)
	pot := n.address("telnet")
	punctual(t)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	sent := make(chan int)
	go func() { sent <- s.attack(ctx, pot) }()
	deaths := 0
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(shortest + rand.N(longest-shortest)): // how long this Core lives
			if err := c.Kill(); err != nil {
				t.Error(err)
			}
			c = s.core(c.Addr())
			deaths++
		}
	}
	total := <-sent
	s.await(total)
	s.mu.Lock() // some may still come again
	t.Logf("%d logins, %d deaths of Core, %d events arrived, %d of them again", total, deaths, s.events, s.events-len(s.ids))
	s.mu.Unlock()
	if lost := n.status("events dropped"); lost != "0" {
		t.Errorf("events dropped %s", lost)
	}
	// On a machine so busy that Core reads late, two frames meet in one read:
	// it refuses them, and the node comes back.
	t.Logf("the last Core refused %d reads", c.Stats().Refused)
	for end := time.Now().Add(patience); !strings.HasPrefix(n.status("link"), "up"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("link %s", n.status("link"))
		}
	}
}

// punctual gives this process real-time priority until the test ends, where it
// may have that. A Core has a machine of its own; one that a busy machine keeps
// from reading takes two frames for one, and closes.
func punctual(t *testing.T) {
	t.Helper()
	if err := schedule(unix.SCHED_RR, 1); err != nil {
		t.Logf("no real-time priority: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := schedule(unix.SCHED_NORMAL, 0); err != nil {
			t.Error(err)
		}
	})
}

// schedule sets how all threads of this process, and those that they start, are
// scheduled, sched(7).
func schedule(policy, priority uint32) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy, Priority: priority}
		if err := unix.SchedSetAttr(id, &attr, 0); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// siege is what arrived at all the Cores.
type siege struct {
	t *testing.T

	mu     sync.Mutex
	users  map[string]bool
	ids    map[string]string // event_id → event
	events int
}

// core starts a strict Core whose events are looked at as they come.
func (s *siege) core(addr string) *core.Core {
	s.t.Helper()
	c, err := core.Start(core.Config{Listen: addr, Strict: true, Events: s, Keep: 16})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Write takes lines of events, whole ones, from Core.
func (s *siege) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var e struct {
			EventID   string `json:"event_id"`
			EventType string `json:"event_type"`
			Data      struct {
				Username, Session string
			}
		}
		if err := d.Decode(&e); err == io.EOF {
			return len(b), nil
		} else if err != nil {
			s.t.Errorf("%q: %v", b, err)
			return len(b), nil
		}
		s.events++
		is := e.EventType + e.Data.Session + e.Data.Username
		if was, twice := s.ids[e.EventID]; twice && was != is {
			s.t.Errorf("event_id %s is %s and %s", e.EventID, was, is)
		}
		s.ids[e.EventID] = is
		if e.EventType == "telnet.login.failed" {
			s.users[e.Data.Username] = true
		}
	}
}

// attack makes login sessions until ctx ends, and returns how many tries.
func (s *siege) attack(ctx context.Context, pot string) (tries int) {
	tick := time.NewTicker(siegeGap)
	defer tick.Stop()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for {
		select {
		case <-ctx.Done():
			return tries
		case <-tick.C:
			first, from := tries, net.IPv4(127, 0, 1, byte(1+tries/siegeTries%siegeHosts))
			tries += siegeTries
			sessions.Go(func() { s.session(pot, from, first) })
		}
	}
}

func (s *siege) session(pot string, from net.IP, first int) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: from}}
	c, err := d.Dial("tcp", pot)
	if err != nil {
		s.t.Errorf("login %d: %v", first, err)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	for i := range siegeTries {
		fmt.Fprintf(c, "u%d\r\np\r\n", first+i)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		s.t.Errorf("login %d: %v", first, err)
	}
}

// await waits until every try has arrived.
func (s *siege) await(total int) {
	s.t.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		s.mu.Lock()
		got := len(s.users)
		s.mu.Unlock()
		if got == total {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%d of %d logins are at Core", got, total)
		}
	}
}
