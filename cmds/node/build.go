package node

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"forager/board"
	"forager/cmds"
	"forager/cmds/config"
	"forager/conn"
	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots"
)

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
	n.report = &cmds.Report{Version: n.Version, Start: start, StateDir: c.StateDir, Class: class, Memory: memory, Log: n.log}
	n.problem(err)
	if c.Nice < 0 {
		now, _ := board.Nice()
		c.Nice = max(limits.Nice, now) // who starts us may want us nicer
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
	n.heart.Feed() // the spool may take long to read, and the watchdog runs
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
		Listen: c.Intake, MaxConns: limits.IntakeConns, Ring: n.ring, Epoch: start, OnlyPot: n.pots.OnlyProgram, Count: n.pots.CountEvents,
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
	n.clock = board.NewClock(n.Built, c.ClockWait, n.log)
}

// openSpool makes the spool, if there is to be one or the process before this
// one left events. With an error it is off, for a while at least.
func (n *node) openSpool(c *config.Config, start time.Time) (*ring.Spool, error) {
	n.keep = ring.SpoolConfig{
		Dir: filepath.Join(c.StateDir, "spool"), Size: c.SpoolSize, Boot: n.boot, Epoch: start, Flush: n.Flush,
		Sane: n.clock.Sane, OnChange: n.spoolChanged, OnLoad: n.heart.Feed,
	}
	left := leftEvents()
	switch {
	case c.SpoolSize > 0:
		n.problem(ring.Adopt(n.keep.Dir, left))
		return ring.OpenSpool(n.ring, n.keep)
	case left != nil:
		return ring.OpenLeft(n.ring, n.keep, left)
	}
	return nil, nil
}

// eventsName and a number are what events are called that one process leaves to
// the next.
const eventsName = "EVENTS"

func leftEvents() (files []*os.File) {
	for i := range ring.MaxLeft {
		if f := board.LeftOpen(eventsName + strconv.Itoa(i)); f != nil {
			files = append(files, f)
		}
	}
	return files
}

// leaveEvents keeps what Core does not have for the process that is next.
func (n *node) leaveEvents() {
	files, err := n.ring.Leave(n.keep)
	if err != nil {
		n.log.Errorf("%v", err)
	}
	if n.left == nil {
		n.left = make(map[string]*os.File)
	}
	for i, f := range files {
		n.left[eventsName+strconv.Itoa(i)] = f
	}
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
		Ring: n.ring, Boot: n.boot, Epoch: start, StateDir: c.StateDir, Version: n.Version,
		Clock:     n.clock,
		OnCommand: func(cmd wire.Command) { n.commands.Do(cmd) },
		OnUp:      n.up,
		OnDown:    n.down,
		Keeps:     n.returns,
		Log:       n.log,
	})
	return err
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
