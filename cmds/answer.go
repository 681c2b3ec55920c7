package cmds

import (
	"strconv"
	"time"
	"unicode/utf8"

	"forager/board"
	"forager/conn/wire"
	"forager/pots"
)

const (
	// maxQuoted is how many bytes of Core's words an answer repeats.
	maxQuoted = 64
	// maxReason is how long an error in an answer may be, in bytes.
	maxReason = 1024
)

// commands are what Core may ask.
var commands = map[string]func(*Dispatcher, *wire.Command){
	wire.CmdDeployPot:        deployPot,
	wire.CmdGetInstalledPots: getInstalledPots,
	wire.CmdGetPotInfo:       getPotInfo,
	wire.CmdGetPotLogs:       getPotLogs,
	wire.CmdGetPotMetrics:    getPotMetrics,
	wire.CmdGetPotStatus:     getPotStatus,
	wire.CmdInstallPot:       installPot,
	wire.CmdRestart:          restart,
	wire.CmdRestartPot:       restartPot,
	wire.CmdStatus:           status,
	wire.CmdStop:             stop,
	wire.CmdStopPot:          stopPot,
	wire.CmdUpdateConfig:     updateConfig,
}

// fail answers with a NodeEvent Error and logs it, unless Core has lately made
// us log another.
func (d *Dispatcher) fail(err error) {
	text := cut(err.Error(), maxReason)
	if before, due := d.failures.Due(time.Now()); due {
		d.cfg.Log.Warnf("%s", board.More(text, before))
	}
	d.cfg.Answers.Error(text)
}

// answer sends a pot's state, and message instead of the state's own when it
// is not empty. Of a message that is too long for one frame of the strict
// Core the end goes.
func (d *Dispatcher) answer(p pots.Info, message string) {
	if message == "" {
		message = p.Message
	}
	s := wire.PotStatus{NodeID: d.cfg.NodeID, PotID: p.ID, PotType: cut(p.Type, wire.MaxName), Status: p.State, Message: message}
	for {
		over := len(wire.AppendPotStatus(nil, &s)) - wire.MaxStrictFrame
		if over <= 0 {
			break
		}
		s.Message = cut(s.Message, max(0, len(s.Message)-max(over/6, 8)))
	}
	d.cfg.Answers.PotStatus(s)
}

// onPot answers with a pot's state and what message makes of it. A pot that
// is not there has no state that Core would know, so that is an error.
func (d *Dispatcher) onPot(c *wire.Command, message func(*pots.Info) string) {
	p, ok := d.cfg.Pots.Info(c.PotID)
	if !ok {
		d.fail(errNoPot(c))
		return
	}
	d.answer(p, message(&p))
}

func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "..."
	}
	return strconv.Quote(s)
}

// cut shortens s to at most n bytes, between runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
