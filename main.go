// Command forager is a HoneyBee node for machines with little memory: it
// shows attackers what they look for, and tells HoneyBee Core what they did.
//
// This file is the command line. Package cmds/node wires what runs; the rooms
// are conn (the session with Core), pots (what attackers meet), cmds (what Core
// may ask) and board (the machine).
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"forager/cmds"
	"forager/cmds/config"
	"forager/cmds/node"
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
		if errors.Is(err, node.ErrNotReplaced) {
			os.Exit(exitAgain)
		}
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
	commit, err := strconv.ParseInt(built, 10, 64)
	if err != nil {
		panic("BUG: main.built is no number: " + built)
	}
	flush, _ := time.ParseDuration(flushTime)
	return node.Run(node.Program{Version: version, Built: time.Unix(commit, 0), Flush: flush}, args)
}
