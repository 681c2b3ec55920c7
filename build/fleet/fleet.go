package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"forager/conn"
	"forager/conn/ring"
	"forager/conn/wire"
)

// fleet is the nodes and what is asked of them.
type fleet struct {
	size                       int
	ramp, stable, down, within time.Duration
	busiest, rate              float64

	core   string
	nodes  []*conn.Session
	end    context.CancelFunc
	ended  sync.WaitGroup
	killed time.Time

	mu    sync.Mutex
	dials []time.Time
}

// start brings the nodes up one after the other.
func (f *fleet) start(ctx context.Context) error {
	ctx, f.end = context.WithCancel(ctx)
	for i := range f.size {
		if err := f.add(ctx, uint64(i+1)); err != nil {
			return err
		}
		wait(ctx, f.ramp/time.Duration(f.size))
	}
	return nil
}

func (f *fleet) add(ctx context.Context, id uint64) error {
	store, err := ring.New(ring.MinSize, 1)
	if err != nil {
		return err
	}
	dial := conn.Dialer(id)
	epoch := time.Now()
	s, err := conn.New(conn.Config{
		Cores: []string{f.core}, Dialect: conn.Spec, Ring: store, Epoch: epoch,
		Node: wire.Registration{NodeID: id, NodeName: fmt.Sprintf("node-%d", id), Address: "0.0.0.0", NodeType: wire.Agent},
		Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			f.dialled()
			return dial(ctx, addr)
		},
	})
	if err != nil {
		return err
	}
	f.nodes = append(f.nodes, s)
	f.ended.Go(func() { _ = s.Run(ctx) })
	f.ended.Go(func() { f.feed(ctx, store, epoch) })
	return nil
}

// feed puts an event into a node's ring now and then.
func (f *fleet) feed(ctx context.Context, store *ring.Ring, epoch time.Time) {
	if f.rate <= 0 {
		return
	}
	t := time.NewTicker(time.Duration(float64(time.Second) / f.rate))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_, _ = store.Put(&ring.Event{
				Mono: int64(time.Since(epoch)), PotID: []byte("p"), Pot: []byte("telnet"),
				Type: []byte("telnet.login.failed"), Data: []byte(`{"username":"root","password":"root"}`),
			})
		case <-ctx.Done():
			return
		}
	}
}

func (f *fleet) stop() {
	f.end()
	f.ended.Wait()
}

func (f *fleet) dialled() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials = append(f.dials, time.Now())
}

// busiestSecond counts the dials after the kill by second.
func (f *fleet) busiestSecond() (most, second int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	count := make(map[int]int)
	for _, at := range f.dials {
		if after := at.Sub(f.killed); after >= 0 {
			s := int(after / time.Second)
			if count[s]++; count[s] > most {
				most, second = count[s], s
			}
		}
	}
	return most, second
}

// awaitUp waits until every node is registered.
func (f *fleet) awaitUp(ctx context.Context) error {
	for {
		up := 0
		for _, s := range f.nodes {
			if s.Stats().State == conn.LinkUp {
				up++
			}
		}
		if up == f.size {
			return nil
		}
		wait(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d nodes registered: %w", up, f.size, ctx.Err())
		}
	}
}

// privateDirty is the memory in KiB that only this process has and has
// written: Private_Dirty of /proc/self/smaps_rollup, proc(5).
func privateDirty() int {
	b, _ := os.ReadFile("/proc/self/smaps_rollup")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Private_Dirty:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}
