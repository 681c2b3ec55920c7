// Command forager is a HoneyBee node for machines with little memory: it
// shows attackers what they look for, and tells HoneyBee Core what they did.
//
// This file is flags, wiring and signals. The rooms are conn (the session with
// Core), pots (what attackers meet), cmds (what Core may ask) and board (the
// machine).
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"forager/board"
	"forager/cmds"
	"forager/cmds/config"
	"forager/conn"
	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots"
	"forager/pots/process"
)

// Set by the linker: the version, and the moment of its commit in seconds since
// the Unix epoch, before which no clock is believed.
var (
	version = "dev"
	built   = "1793491200" // 2026-11-01
)

// Exit codes beside 0.
const (
	exitError = 1
	exitAgain = 75 // could not restart itself: init should (EX_TEMPFAIL of sysexits.h)
)

// settled is when the start is over and what only it needed can go.
const settled = 10 * time.Second

// At the end the pots go first, so that their last words reach Core.
const (
	partsTime   = time.Second
	sessionTime = 4 * time.Second // its goodbye takes 3 at most
	spoolTime   = 5 * time.Second // to save what the ring holds, from the end of the session
)

// flushTime is how long events wait in memory during an outage, for a test to
// set by the linker; empty: the usual.
var flushTime string

const help = `forager [flags]          runs the node
forager check [flags]    validates the configuration and prints what is in effect
forager status [flags]   asks the running node
forager totp [flags]     shows the secret of one-time codes, for enrolment
forager version

Flags, which are also lines of the file and variables FORAGER_NAME:
`

func main() {
	process.Confined() // returns but in a process that becomes a pot
	err := command(os.Args[1:])
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help)
		config.WriteUsage(os.Stdout)
	default:
		fmt.Fprintln(os.Stderr, "forager:", err)
		os.Exit(exitError)
	}
}

func command(args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "check":
		return cmds.Check(os.Stdout, args[1:])
	case "status":
		return cmds.ShowStatus(os.Stdout, args[1:])
	case "totp":
		return cmds.Enrol(os.Stdout, args[1:])
	case "version":
		fmt.Println("forager", version)
		return nil
	case "run":
		return run(args[1:])
	}
	return run(args)
}

// run is the node, until a signal or Core ends it.
func run(args []string) error {
	signal.Ignore(syscall.SIGPIPE) // a reader of our log that is gone must not end us
	c, err := config.Load(args)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	log := board.NewLog(os.Stderr, c.LogLevel)
	n := &node{args: args, stop: stop, log: log, heart: &board.Heart{Log: log}}
	if err := n.build(c); err != nil {
		n.heart.Close()
		return err
	}
	go n.signals()

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
	shed := time.AfterFunc(settled, func() { board.ShedText() })
	defer shed.Stop()
	<-ctx.Done()
	if n.again.Load() {
		_ = n.heart.Systemd.Reloading()
	} else {
		_ = n.heart.Systemd.Stopping()
	}
	parts.Wait(partsTime)
	endSession()
	session.Wait(sessionTime) // the spool saves meanwhile
	spool.Wait(spoolTime)
	endHeart()
	heart.Wait(partsTime)
	n.run.Stopped()
	if n.again.Load() {
		err := board.Replace(n.heart.Leave(n.left))
		n.heart.Close()
		n.log.Errorf("restart: %v", err)
		os.Exit(exitAgain)
	}
	n.heart.Close()
	return nil
}

// node is the parts, wired.
type node struct {
	args  []string
	log   *board.Log
	stop  func()
	again atomic.Bool         // come back after the end
	left  map[string]*os.File // open for who comes back

	ring     *ring.Ring
	spool    *ring.Spool // nil: off
	boot     uint64      // first half of every event_id
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

// build makes every part. What can be done without is a problem that the log,
// the status and Core are told; an error is what the node can't run without.
func (n *node) build(c *config.Config) error {
	start := time.Now()
	secure, err := c.TLSConfig()
	if err != nil {
		return err
	}
	memory, err := board.Machine{}.Memory()
	class := board.ClassOf(memory)
	limits := class.Limits()
	limits.Apply()
	n.report = &cmds.Report{Version: version, Start: start, StateDir: c.StateDir, Class: class, Memory: memory, Log: n.log}
	n.problem(err)
	if c.Nice < 0 {
		c.Nice = limits.Nice
	}
	n.problem(board.SetNice(c.Nice))
	self := n.identity(c)
	if err := n.protect(c); err != nil {
		return err
	}
	if n.ring, err = ring.New(orDefault(c.RingSize, limits.RingSize), 1); err != nil {
		return err
	}
	n.begin(c)
	n.spool, err = n.openSpool(c, start)
	n.problem(err)
	if err := n.connect(c, secure, self, start); err != nil {
		return err
	}
	n.pots, err = pots.NewManager(pots.Config{
		Ring: n.ring, Epoch: start, StateDir: c.StateDir, Persona: c.Persona, NodeID: self.NodeID, Ignore: c.Ignore,
		Allow: c.PotsAllow, Memory: memory, Users: c.Users(), EventPort: portOf(c.Intake),
		Limits:   pots.Limits{Conns: limits.Conns, ConnsPerPot: limits.ConnsPerPot, ConnsPerAddr: limits.ConnsPerAddr, Idle: limits.Idle},
		OnStatus: n.session.PotStatus, OnError: n.session.Error, Log: n.log,
	})
	if err != nil {
		return err
	}
	n.problem(n.pots.Configure(c.Pots))
	n.intake = pots.NewIntake(pots.IntakeConfig{
		Listen: c.Intake, Ring: n.ring, Epoch: start, OnlyPot: n.pots.OnlyProgram, Count: n.pots.CountEvents,
		OnError: n.session.Error, Log: n.log,
	})
	n.command(c, self)
	return nil
}

// identity is how the node registers. Its id outlives the process if the
// state directory does.
func (n *node) identity(c *config.Config) wire.Registration {
	state, err := config.OpenState(c.StateDir)
	n.problem(err)
	if c.NodeID == 0 {
		c.NodeID, err = state.NodeID()
		n.problem(err)
	}
	self := wire.Registration{NodeID: c.NodeID, NodeName: c.NodeName, Address: c.NodeAddress, Port: c.NodePort, NodeType: c.NodeType}
	n.report.Node = self
	return self
}

// protect makes the last things that need root, and gives up the rest of it.
func (n *node) protect(c *config.Config) error {
	n.control = &cmds.Control{Path: c.Control, Status: n.report.Text, Log: n.log}
	n.problem(n.control.Bind())
	for _, err := range n.heart.Open(board.FeedConfig{Watchdog: c.Watchdog, HeartbeatFile: c.HeartbeatFile, LED: c.LED}) {
		n.problem(err)
	}
	if c.Users() {
		n.problem(pots.MakeProgramDir(c.StateDir, true))
	}
	p := board.Protection{
		Account: c.User, StateDir: c.StateDir, Socket: c.Control, Keep: c.Capabilities(),
		Files: n.heart.Files(), Sandbox: c.Sandbox, Full: c.NodeType == wire.Full, Access: c.Access(), Packets: c.Packets(),
	}
	done, problems, err := p.Protect()
	n.report.Protected = done
	for _, err := range append(problems, c.Unreachable()...) {
		n.problem(err)
	}
	return err
}

// begin gives this run a name of its own and a judge of the clock.
func (n *node) begin(c *config.Config) {
	var boot [4]byte          // short: it is in every event_id
	_, _ = rand.Read(boot[:]) // never fails
	n.boot = max(1, uint64(binary.NativeEndian.Uint32(boot[:])))
	commit, err := strconv.ParseInt(built, 10, 64)
	if err != nil {
		panic("BUG: main.built is no number: " + built)
	}
	n.clock = board.NewClock(time.Unix(commit, 0), c.ClockWait, n.log)
}

// openSpool makes the spool, if there is to be one. With an error it is off,
// for a while at least.
func (n *node) openSpool(c *config.Config, start time.Time) (*ring.Spool, error) {
	if c.SpoolSize == 0 {
		return nil, nil
	}
	flush, _ := time.ParseDuration(flushTime)
	return ring.OpenSpool(n.ring, ring.SpoolConfig{
		Dir: filepath.Join(c.StateDir, "spool"), Size: c.SpoolSize, Boot: n.boot, Epoch: start, Flush: flush,
		Sane: n.clock.Sane, OnChange: n.spoolChanged,
	})
}

func (n *node) spoolChanged(err error) {
	if err == nil {
		n.log.Infof("the spool works again")
		return
	}
	n.log.Errorf("%v", err)
	n.session.Error(err.Error())
}

// connect makes the session.
func (n *node) connect(c *config.Config, secure *tls.Config, self wire.Registration, start time.Time) (err error) {
	var codes *conn.TOTP
	if c.TOTP {
		if codes, err = conn.LoadTOTP(c.StateDir, c.NodeName); err != nil {
			n.problem(fmt.Errorf("no one-time codes: %w", err))
			codes = nil
		}
	}
	n.session, err = conn.New(conn.Config{
		Cores: c.Cores, TLS: secure, TOTP: codes, Node: self, Dialect: conn.Dialect(c.Dialect), Heartbeat: c.Heartbeat,
		Ring: n.ring, Boot: n.boot, Epoch: start, StateDir: c.StateDir, Version: version,
		Clock:     n.clock,
		OnCommand: func(cmd wire.Command) { n.commands.Do(cmd) },
		OnUp:      n.up,
		OnDown:    n.down,
		Log:       n.log,
	})
	return err
}

// up and down follow the link to Core.
func (n *node) up() {
	n.heart.LED.Up()
	if n.report.TellFacts {
		go func() { n.session.Alarm(n.report.Facts()) }() // a disk may be slow
	}
	n.commands.Introduce()
	_ = n.heart.Systemd.Status("registered at Core")
}

func (n *node) down() {
	n.heart.LED.Down()
	_ = n.heart.Systemd.Status("Core is away")
}

// stuck tells of a part that does not answer, while Core and systemd listen.
func (n *node) stuck(text string) {
	n.session.Error(text)
	go n.run.Stuck(text) // writing may take long
	_ = n.heart.Systemd.Status(text)
}

// command makes what answers Core and the operator.
func (n *node) command(c *config.Config, self wire.Registration) {
	n.reloader = cmds.NewReloader(c, func() (*config.Config, error) { return config.Load(n.args) }, n.pots, n.log)
	n.reloader.Confined = n.report.Protected.Confined
	n.commands = cmds.New(cmds.Config{
		NodeID: self.NodeID, NodeType: self.NodeType, Pots: n.pots, Answers: n.session, Log: n.log,
		Stop: n.stop, Restart: n.restart, Rehearse: n.reloader.Rehearse, Reload: n.reloader.Reload,
	})
	r := n.report
	r.Session, r.Ring, r.Pots, r.Intake, r.Commands = n.session.Stats, n.ring.Stats, n.pots.List, n.intake.Stats, n.commands.Stats
	var err error
	h := n.heart
	r.LED, r.TellFacts, r.BootCause = h.LED.String, c.Facts, h.BootCause(board.Machine{})
	n.run, r.LastRun, err = board.BeginRun(board.Machine{}, c.StateDir, h.Watchers(), r.BootCause)
	n.problem(err)
	if r.LastRun != "" {
		n.log.Warnf("%s", r.LastRun)
		n.session.Alarm(r.LastRun)
	}
	if h.LED != nil {
		n.ring.OnPut(h.LED.Attack)
	}
	r.Heart, h.OnStuck, h.Ready = h.Stats, n.stuck, n.pots.Ready()
	h.Parts = []board.Part{
		{Name: "ring", Alive: n.ring.Alive}, {Name: "session", Alive: n.session.Alive}, {Name: "spool", Alive: n.spool.Alive},
		{Name: "pots", Alive: n.pots.Alive}, {Name: "intake", Alive: n.intake.Alive},
		{Name: "commands", Alive: n.commands.Alive}, {Name: "control", Alive: n.control.Alive},
	}
	for _, p := range r.Problems {
		n.session.Error(p)
	}
}

// restart has the node come back as a new process.
func (n *node) restart() {
	n.left = n.control.Keep()
	n.again.Store(true)
	n.stop()
}

// problem tells what the node goes on without.
func (n *node) problem(err error) {
	if err == nil {
		return
	}
	n.log.Errorf("%v", err)
	n.report.Problems = append(n.report.Problems, err.Error())
}

// signals: the first to end ends in the ordinary way, the second at once;
// SIGHUP reads the configuration again.
func (n *node) signals() {
	got := make(chan os.Signal, 4)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	for ending := false; ; {
		switch s := <-got; {
		case s == syscall.SIGHUP:
			n.reload()
		case ending:
			n.heart.Close()
			os.Exit(exitError)
		default:
			n.log.Infof("%v: stopping", s)
			ending = true
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

// portOf is the port of host:port, which has been checked; 0 of nothing.
func portOf(address string) uint16 {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.ParseUint(port, 10, 16)
	return uint16(n)
}

func orDefault(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}
