// Package config turns flags, environment and file into what the node runs
// with, in two stages: raw (texts and where each was found), then validated
// (Config). The command line wins over the environment, the environment over
// the file.
//
// A file has one option a line, its name and its value:
//
//	# the sensor in the hall
//	core 192.0.2.1:9001
//	pot telnet listen=:23 accept=after:3
//	tls
//
// A # at the start of a line or after a space begins a comment; a value in
// double quotes is taken as it is; an option without a value is empty, or
// switched on if it is a switch. The environment variable of -node-name is
// FORAGER_NODE_NAME; an empty one counts as not set. Options that may be
// repeated (-core, -pot, -pots-allow, -ignore) are repeated in the file, and separated
// by ; or newlines in the environment.
//
// Every error names the option, and where in the file it stands. The package
// reads files and creates the state directory; it opens no sockets. Limits: a
// file of 256 KiB, a line of 4096 bytes, 64 values of one option.
package config

import (
	"net/netip"
	"time"

	"forager/board"
	"forager/conn/wire"
	"forager/pots"
)

// Config is a validated configuration: every field can be used as it is.
type Config struct {
	Cores         []string // host:port, at least one
	Dialect       string   // auto, spec or core
	TLS           TLS
	TOTP          bool
	NodeName      string
	NodeID        uint64 // 0: the one kept in the state directory
	NodeType      wire.NodeType
	NodeAddress   string
	NodePort      uint16
	StateDir      string
	Heartbeat     time.Duration
	ClockWait     time.Duration
	Intake        string      // host:port; empty: off
	RingSize      int         // bytes; 0: what the memory class says
	SpoolSize     int64       // bytes on flash; 0: off
	Pots          []pots.Spec // each with an id of its own
	Persona       string
	PotsAllow     []string
	Ignore        []netip.Prefix // masked, IPv4 as such
	User          string         // as board.Accounts.Find takes it; empty: whoever starts it
	Sandbox       bool
	Nice          int    // 0 to 19; -1: what the memory class says
	Watchdog      string // device; empty: none
	HeartbeatFile string // path; empty: none
	LED           string // of /sys/class/leds; empty: none
	Facts         bool   // tell Core of the machine
	Control       string // path; empty: off
	LogLevel      board.Level

	File     string // the file that was read; empty: there was none
	settings raw    // what it was made from
}

// TLS is how to speak to Core. The files are read by Config.TLSConfig.
type TLS struct {
	On         bool
	CA         string // PEM file; empty: the system's
	Cert, Key  string // PEM files; empty: no client certificate
	ServerName string
	Insecure   bool
}

// Load reads the command line (without the program's name), the environment
// and the file. The error names every option that is wrong, one a line; it is
// flag.ErrHelp when help was asked for.
func Load(args []string) (*Config, error) {
	r, err := read(args)
	if err != nil {
		return nil, err
	}
	return validate(r)
}

// Changed names the options whose values differ between c and old, in the
// order of the table.
func (c *Config) Changed(old *Config) []string {
	var names []string
	for _, o := range options {
		if !sameTexts(c.settings.of(o), old.settings.of(o)) {
			names = append(names, o.name)
		}
	}
	return names
}

func sameTexts(a, b []found) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].text != b[i].text {
			return false
		}
	}
	return true
}
