// Package node is a running node: it makes the parts, wires them, runs them and
// ends them in order. It decides nothing that a part could decide, and keeps
// nothing but what the parts are.
//
// What can be done without is a problem that the log, the status and Core are
// told; an error is what the node can't run without.
package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"forager/board"
	"forager/cmds"
	"forager/cmds/config"
	"forager/conn"
	"forager/conn/ring"
	"forager/pots"
)

// ErrNotReplaced: the node has ended because it was to restart, and could not
// put a new process in its place.
var ErrNotReplaced = errors.New("could not restart")

const (
	started = time.Second      // all is there that the start makes: the other CPUs may come
	settled = 10 * time.Second // and what only the start needed can go
)

// At the end the pots go first, so that their last words reach Core.
const (
	partsTime   = time.Second
	sessionTime = 4 * time.Second // its goodbye takes 3 at most
	spoolTime   = 5 * time.Second // to save what the ring holds, from the end of the session
)

// Program is what the binary knows of itself.
type Program struct {
	Version string
	Built   time.Time     // its commit, before which no clock is believed
	Flush   time.Duration // how long events wait in memory during an outage; 0: the usual
}

// Run is the node, until a signal or Core ends it.
func Run(p Program, args []string) error {
	signal.Ignore(syscall.SIGPIPE) // a reader of our log that is gone must not end us
	// First of all: no signal may end us with a watchdog armed, perhaps by the
	// program before this one.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	board.OneCPU()
	c, err := config.Load(args)
	if err != nil {
		board.DropWatchdog()
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	log := board.NewLog(os.Stderr, c.LogLevel)
	n := &node{Program: p, args: args, stop: stop, log: log, heart: &board.Heart{Log: log}}
	if err := n.build(c); err != nil {
		n.heart.Close()
		board.DropWatchdog() // if it had not come to that
		return err
	}
	go n.obey(signals)

	heartCtx, endHeart := context.WithCancel(context.Background())
	defer endHeart()
	sessionCtx, endSession := context.WithCancel(context.Background())
	defer endSession()
	session := board.Start(sessionCtx, n.log, board.Task{Name: "session", Run: n.session.Run})
	spool := board.Start(sessionCtx, n.log, board.Task{Name: "spool", Run: n.spool.Run})
	parts := board.Start(ctx, n.log,
		board.Task{Name: "pots", Run: n.pots.Run}, board.Task{Name: "intake", Run: n.intake.Run},
		board.Task{Name: "commands", Run: n.commands.Run}, board.Task{Name: "control", Run: n.control.Run})
	heart := board.Start(heartCtx, n.log, board.Task{Name: "heart", Run: n.heart.Run})
	spread := time.AfterFunc(started, n.report.Class.Limits().ApplyCPUs)
	defer spread.Stop()
	shed := time.AfterFunc(settled, settle)
	defer shed.Stop()
	<-ctx.Done()
	if n.returns() {
		_ = n.heart.Systemd.Reloading()
	} else {
		_ = n.heart.Systemd.Stopping()
	}
	parts.Wait(partsTime)
	endSession()
	session.Wait(sessionTime) // the spool saves meanwhile
	spool.Wait(spoolTime)
	n.run.Stopped() // a slow card is written to: still fed
	endHeart()
	heart.Wait(partsTime)
	if n.returns() {
		n.leaveEvents()
		err := board.Replace(n.heart.Leave(n.left))
		n.told.Store(true) // nobody follows
		n.session.TellLeft()
		n.heart.Close()
		return fmt.Errorf("%w: %w", ErrNotReplaced, err)
	}
	n.session.TellLeft()
	n.heart.Close()
	return nil
}

// settle gives back what only the start needed: the runtime by itself would
// keep that as room for its heap to grow.
func settle() {
	debug.FreeOSMemory()
	board.ShedText()
}

// node is the parts, wired.
type node struct {
	Program
	args  []string
	log   *board.Log
	stop  func()
	again atomic.Bool         // come back after the end
	told  atomic.Bool         // to end, by a signal: not to come back
	left  map[string]*os.File // open for who comes back

	ring     *ring.Ring
	spool    *ring.Spool // nil: off
	keep     ring.SpoolConfig
	boot     uint64 // first half of every event_id
	clock    *board.Clock
	session  *conn.Session
	pots     *pots.Manager
	intake   *pots.Intake
	commands *cmds.Dispatcher
	control  *cmds.Control
	heart    *board.Heart
	run      *board.Run
	reloader *cmds.Reloader
	report   *cmds.Report
}

// restart has the node come back as a new process.
func (n *node) restart() {
	n.left = n.control.Keep()
	n.again.Store(true)
	n.stop()
}

// returns tells whether a new process is to follow. Who sends a signal while
// Core's Restart is under way wants the node to end.
func (n *node) returns() bool { return n.again.Load() && !n.told.Load() }

// obey: the first signal to end ends in the ordinary way, the second at once;
// SIGHUP reads the configuration again.
func (n *node) obey(signals <-chan os.Signal) {
	for ending := false; ; {
		switch s := <-signals; {
		case s == syscall.SIGHUP:
			n.reload()
		case ending:
			n.heart.Close()
			os.Exit(1)
		default:
			n.log.Infof("%v: stopping", s)
			ending = true
			n.told.Store(true)
			n.stop()
		}
	}
}

func (n *node) reload() {
	_ = n.heart.Systemd.Reloading()
	defer func() { _ = n.heart.Systemd.Ready() }()
	done, err := n.reloader.Reload()
	if err != nil {
		n.log.Errorf("%v", err)
		return
	}
	n.log.Infof("%s", done)
}
