// Command fleet runs many nodes' sessions in one process against one Core, to
// see what a storm of them does. It starts that Core itself, kills it once all
// nodes have been up for a while, starts it again, and reports how long all
// took to come back, how many dialled in the busiest second, and what a node
// costs. It exits with 1 when the limits of -within and -busiest are passed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if addr := os.Getenv(coreEnv); addr != "" {
		runCore(addr)
		return
	}
	var f fleet
	flag.IntVar(&f.size, "nodes", 2000, "how many `nodes`")
	flag.DurationVar(&f.ramp, "ramp", 20*time.Second, "time over which the nodes start")
	flag.DurationVar(&f.stable, "stable", 35*time.Second, "time all are up before Core is killed")
	flag.DurationVar(&f.down, "down", 5*time.Second, "time Core is away")
	flag.DurationVar(&f.within, "within", 90*time.Second, "all must be back this long after Core is")
	flag.Float64Var(&f.busiest, "busiest", 5, "largest share of nodes, in `percent`, that may dial in one second after the kill")
	flag.Float64Var(&f.rate, "events", 0.1, "events a second of each node")
	flag.Parse()
	if err := f.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// run is the whole scenario.
func (f *fleet) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.ramp+f.stable+f.down+f.within+3*time.Minute)
	defer cancel()
	core, err := startCore("127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { core.kill() }()
	f.core = core.addr
	before := privateDirty()
	defer f.stop()
	if err := f.start(ctx); err != nil {
		return err
	}
	if err := f.awaitUp(ctx); err != nil {
		return err
	}
	fmt.Printf("%d nodes registered, %.1f KiB of private memory each\n", f.size, float64(privateDirty()-before)/float64(f.size))
	wait(ctx, f.stable)

	core.kill()
	f.killed = time.Now()
	wait(ctx, f.down)
	if core, err = startCore(f.core); err != nil {
		return err
	}
	back := time.Now()
	if err := f.awaitUp(ctx); err != nil {
		return err
	}
	return f.verdict(time.Since(back))
}

// verdict prints the figures and holds them against the limits.
func (f *fleet) verdict(took time.Duration) error {
	dials, second := f.busiestSecond()
	share := 100 * float64(dials) / float64(f.size)
	fmt.Printf("all back %.1f s after Core\n", took.Seconds())
	fmt.Printf("busiest second: the %dth after the kill, %d dials, %.1f %% of the nodes\n", second+1, dials, share)
	fmt.Printf("private memory at the end: %.1f KiB a node\n", float64(privateDirty())/float64(f.size))
	var err error
	if took > f.within {
		err = fmt.Errorf("took %v to come back, more than -within %v", took, f.within)
	}
	if share > f.busiest {
		err = errors.Join(err, fmt.Errorf("%.1f %% dialled in one second, more than -busiest %.1f", share, f.busiest))
	}
	return err
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
