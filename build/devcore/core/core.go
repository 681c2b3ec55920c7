// Package core is a HoneyBee Core for development: it takes nodes on one port
// and commands for them on another, and hands on every message it accepts.
// Tests of other packages start one in their own process:
//
//	c, err := core.Start(core.Config{})        // ports of its own choice
//	w := c.Watch()
//	node.Connect(c.Addr())
//	reg, err := w.Until(ctx, core.IsKind(core.NodeRegistration))
//	err = c.Command(reg.NodeID, `{"DeployPot":"p-1"}`)
//	c.Close()                                  // or c.Kill()
//
// It owns its sockets and what it remembers, never a file: writers are its
// caller's. Limits: 1,024 node connections, 64 backends, frames of 64 KiB
// (4,096 bytes if strict), Config.Keep remembered messages.
package core

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Limits of our own choice.
const (
	maxNodes      = 8192
	maxBackends   = 64
	defaultKeep   = 65536 // messages
	writeTimeout  = 10 * time.Second
	handshakeTime = 10 * time.Second
)

// Config says what kind of Core to be. The zero value is the lenient Core of
// the documents, on two free ports of 127.0.0.1, remembering messages.
type Config struct {
	Listen  string // for nodes; default 127.0.0.1:0
	Backend string // for backends; default 127.0.0.1:0

	// Strict makes it behave as the Core that people run was measured to:
	// one read(4096) is one document, no PotEvent, refusals close silently.
	Strict bool
	// TLS, if set, is spoken to nodes (ServerTLS makes one).
	TLS *tls.Config
	// TOTP is the base32 secret that totp_code is checked against, one step
	// of 30 s either way. "new" hands every node a secret of its own in the
	// totp_key of its first acknowledgement. Empty: codes are ignored.
	TOTP string
	// Now is the clock for TOTP; default time.Now.
	Now func() time.Time

	// Output gets every accepted envelope, one a line.
	Output io.Writer
	// Events gets every PotEvent's content, one a line, also those that came
	// packed in a NodeEvent Alarm.
	Events io.Writer
	// Log gets what happens besides, in printf form; default: nothing.
	Log func(format string, args ...any)

	// Keep is how many messages to remember for Watch and Messages; 0 means
	// 65,536 and a negative number none, which is also the fast way.
	Keep int
	// CheckEvery checks one PotEvent in so many, and counts the others after
	// a look at their first and last bytes; 0 and 1 check all. It is for
	// measuring nodes, with no Output, Events or Keep.
	CheckEvery int
	// Faults are those that new connections meet (see SetFaults).
	Faults Faults
}

// Core is a running one. Its methods may be called from any goroutine.
type Core struct {
	cfg     Config
	nodes   net.Listener
	backend net.Listener
	sink    *sink
	totp    enrolment
	quit    chan struct{} // closed by stop
	wg      sync.WaitGroup

	mu       sync.Mutex
	err      error // why it stopped by itself
	stopped  bool
	faults   Faults
	conns    map[*node]bool
	byID     map[uint64]*node
	backends map[net.Conn]bool
	accepted int // node connections ever
}

// Start binds both ports and serves until Close. An address that another
// Core has just left can be bound again at once.
func Start(cfg Config) (*Core, error) {
	c := &Core{
		cfg: cfg, faults: cfg.Faults, quit: make(chan struct{}),
		conns: map[*node]bool{}, byID: map[uint64]*node{}, backends: map[net.Conn]bool{},
	}
	c.applyDefaults()
	if c.cfg.CheckEvery > 1 && (c.cfg.Output != nil || c.cfg.Events != nil || c.cfg.Keep > 0 || c.cfg.Strict) {
		return nil, errors.New("CheckEvery is for a lenient Core without Output, Events and Keep")
	}
	var err error
	if c.totp, err = newEnrolment(c.cfg.TOTP, c.cfg.Now); err != nil {
		return nil, err
	}
	if c.nodes, err = net.Listen("tcp", c.cfg.Listen); err != nil {
		return nil, fmt.Errorf("listen for nodes: %w", err)
	}
	if c.backend, err = net.Listen("tcp", c.cfg.Backend); err != nil {
		_ = c.nodes.Close()
		return nil, fmt.Errorf("listen for backends: %w", err)
	}
	c.sink = newSink(&c.cfg, c.stop)
	c.wg.Go(func() { c.accept(c.nodes, c.serveNode) })
	c.wg.Go(func() { c.accept(c.backend, c.serveBackend) })
	return c, nil
}

func (c *Core) applyDefaults() {
	if c.cfg.Listen == "" {
		c.cfg.Listen = "127.0.0.1:0"
	}
	if c.cfg.Backend == "" {
		c.cfg.Backend = "127.0.0.1:0"
	}
	if c.cfg.Keep == 0 {
		c.cfg.Keep = defaultKeep
	}
	if c.cfg.Log == nil {
		c.cfg.Log = func(string, ...any) {}
	}
	if c.cfg.Now == nil {
		c.cfg.Now = time.Now
	}
}

// Addr is where nodes connect, as host:port.
func (c *Core) Addr() string { return c.nodes.Addr().String() }

// BackendAddr is where backends connect, as host:port.
func (c *Core) BackendAddr() string { return c.backend.Addr().String() }

// SetFaults changes what connections accepted from now on will meet.
func (c *Core) SetFaults(f Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
}

// Close ends every connection in the ordinary way (FIN), frees both ports and
// waits until nothing of this Core runs. It returns why the Core had stopped
// by itself, if it had: a write to Output or Events failed.
func (c *Core) Close() error {
	c.stop(nil)
	c.wg.Wait()
	return c.err
}

// Kill is Close as a crash does it: connections are reset (RST), and what
// their peers had sent and this Core had not read is lost.
func (c *Core) Kill() error {
	c.mu.Lock()
	for n := range c.conns {
		n.resetOnClose()
	}
	c.mu.Unlock()
	return c.Close()
}

// Drop ends every node's connection and goes on serving new ones.
func (c *Core) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range c.conns {
		_ = n.raw.Close()
	}
}

// Done is closed when the Core stops, by Close or because a write to Output
// or Events failed.
func (c *Core) Done() <-chan struct{} { return c.quit }

// stop ends everything without waiting for it.
func (c *Core) stop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.stopped, c.err = true, err
	close(c.quit)
	_ = c.nodes.Close()
	_ = c.backend.Close()
	for n := range c.conns {
		_ = n.raw.Close()
	}
	for b := range c.backends {
		_ = b.Close()
	}
}

// accept serves a listener's connections, each in a goroutine, until stop.
func (c *Core) accept(l net.Listener, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of descriptors, most likely: the next connection that
			// ends frees one, so wait a little instead of spinning.
			c.cfg.Log("accept on %s: %v", l.Addr(), err)
			select {
			case <-c.quit:
				return
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		c.wg.Go(func() { serve(conn) })
	}
}

// Command sends one node a command, given as the JSON of protocol section 3:
// `"Restart"`, `{"DeployPot":"p-1"}`.
func (c *Core) Command(nodeID uint64, command string) error {
	c.mu.Lock()
	n := c.byID[nodeID]
	c.mu.Unlock()
	if n == nil {
		return fmt.Errorf("command to node %d: not connected", nodeID)
	}
	return n.send(appendCommand(nil, nodeID, command))
}

// Broadcast sends every registered node a command with node_id 0. It returns
// how many nodes it was sent to, and the errors of the others.
func (c *Core) Broadcast(command string) (int, error) {
	c.mu.Lock()
	nodes := make([]*node, 0, len(c.byID))
	for _, n := range c.byID {
		nodes = append(nodes, n)
	}
	c.mu.Unlock()
	var errs []error
	for _, n := range nodes {
		errs = append(errs, n.send(appendCommand(nil, 0, command)))
	}
	err := errors.Join(errs...)
	if err != nil {
		c.cfg.Log("broadcast: %v", err)
	}
	return len(nodes), err
}

// SendRaw writes bytes to a node as they are: frames of any shape, rubbish.
func (c *Core) SendRaw(nodeID uint64, b []byte) error {
	c.mu.Lock()
	n := c.byID[nodeID]
	c.mu.Unlock()
	if n == nil {
		return fmt.Errorf("send to node %d: not connected", nodeID)
	}
	return n.send(b)
}

// Nodes returns the ids of the nodes registered now, in no order.
func (c *Core) Nodes() []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]uint64, 0, len(c.byID))
	for id := range c.byID {
		ids = append(ids, id)
	}
	return ids
}
