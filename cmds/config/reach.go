package config

import (
	"fmt"
	"io/fs"
	"slices"

	"forager/board"
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
