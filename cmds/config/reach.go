package config

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"forager/board"
	"forager/conn/wire"
	"forager/pots"

	"golang.org/x/sys/unix"
)

// Capabilities are those that the node needs after its start: for low ports,
// which Core may ask for at any time, and raw packets if a -pot line has use
// for them: udp, to be given datagrams by TPROXY and to answer in another's
// name (IP_TRANSPARENT of ip(7)), and a catchall that sees half-open scans
// (packet(7)). What Core installs later gets no capability by that.
func (c *Config) Capabilities() board.Capabilities {
	keep := board.CapNetBindService
	if c.Packets() || slices.ContainsFunc(c.Pots, func(s pots.Spec) bool { return s.Type == "udp" }) {
		keep |= board.CapNetRaw
	}
	return keep
}

// Packets tells whether a -pot line asks for packets before the firewall.
func (c *Config) Packets() bool {
	return slices.ContainsFunc(c.Pots, func(s pots.Spec) bool {
		return s.Type == "catchall" && s.Options["syn"] != ""
	})
}

// Access is which files the node needs, and which ports of TCP an Agent
// connects to: Core's, and those of servers of names. A Full node's programs
// connect to whom they like.
func (c *Config) Access() board.Access {
	full := c.NodeType == wire.Full
	names, ports := c.connects()
	a := board.NodeAccess(full, names || full, c.TLS.On && c.TLS.CA == "")
	if !full {
		a.Connect = ports
	}
	for _, path := range [...]string{or(c.File, DefaultFile), c.TLS.CA, c.TLS.Cert, c.TLS.Key} {
		if path != "" {
			a.Read = append(a.Read, board.DirOf(path)) // files are replaced by rename
		}
	}
	a.Write = append(a.Write, c.StateDir)
	if c.Control != "" {
		a.Sockets = append(a.Sockets, filepath.Dir(c.Control))
	}
	if c.Watchdog != "" {
		a.Write = append(a.Write, c.Watchdog)
	}
	if c.HeartbeatFile != "" {
		a.Write = append(a.Write, c.HeartbeatFile)
	}
	if c.LED != "" {
		a.Write = append(a.Write, "/sys/class/leds/"+c.LED)
	}
	if full {
		a.Exec = append(a.Exec, c.StateDir)
		if dir := pots.ProgramDir(c.StateDir, c.Users()); !beneath(dir, c.StateDir) {
			dir = filepath.Dir(dir) // each node has one below
			a.Exec, a.Write = append(a.Exec, dir), append(a.Write, dir)
		}
		for _, glob := range c.PotsAllow { // a repository on this machine
			if path, ok := strings.CutPrefix(glob, "file://"); ok {
				a.Read = append(a.Read, literal(path))
			}
		}
	}
	return a
}

// Users tells whether pots that are programs get users of their own.
func (c *Config) Users() bool {
	return c.NodeType == wire.Full && c.User == "" && os.Geteuid() == 0
}

func beneath(path, dir string) bool {
	dir, err := filepath.Abs(dir)
	return err == nil && strings.HasPrefix(path, dir+"/")
}

// portDNS is asked where an answer is too long for a datagram (RFC 7766).
const portDNS = 53

// connects tells whether a Core has a name, and on which ports they listen.
func (c *Config) connects() (names bool, ports []uint16) {
	ports = []uint16{portDNS}
	for _, core := range c.Cores {
		host, port, _ := net.SplitHostPort(core) // checked by setCore
		if _, err := netip.ParseAddr(host); err != nil {
			names = true
		}
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			ports = append(ports, uint16(n))
		}
	}
	return names, ports
}

// literal is the directory before the first wildcard of a path.
func literal(glob string) string {
	if i := strings.IndexAny(glob, `*?[\`); i >= 0 {
		return filepath.Dir(glob[:i] + "x")
	}
	return glob
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Outgrows tells why a node that runs with old, and has given up what it did
// not need, could not run with c: only one that is started anew could.
func (c *Config) Outgrows(old *Config) error {
	var options []string
	if c.User != old.User {
		options = append(options, "-user")
	}
	if c.NodeType == wire.Full && old.NodeType != wire.Full {
		options = append(options, "-node-type")
	}
	if !c.Sandbox {
		options = append(options, "-sandbox")
	}
	missing := old.Access().Lacks(c.Access())
	if len(options)+len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the sandbox stays over a restart, so stop the node and start it, for %s (-sandbox)", strings.Join(append(options, missing...), ", "))
}

// Unreachable tells which files this process can't read that UpdateConfig or
// a restart will, and whether the state directory can't be written: what a
// change of user takes away.
func (c *Config) Unreachable() (problems []error) {
	for _, f := range [...]struct{ path, option string }{
		{c.File, "c"}, {c.TLS.CA, "tls-ca"}, {c.TLS.Cert, "tls-cert"}, {c.TLS.Key, "tls-key"},
	} {
		if f.path == "" {
			continue
		}
		if err := unix.Access(f.path, unix.R_OK); err != nil {
			err = &fs.PathError{Op: "read", Path: f.path, Err: err}
			problems = append(problems, fmt.Errorf("UpdateConfig and Restart will fail: %w (-%s)", err, f.option))
		}
	}
	return problems
}
