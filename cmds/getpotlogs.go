package cmds

import (
	"forager/conn/wire"
	"slices"
	"strings"
)

// getPotLogs tells a pot's last lines, newest first, so that what a frame
// can't hold is the oldest. A pot without any says so.
func getPotLogs(d *Dispatcher, c *wire.Command) {
	p, found := d.cfg.Pots.Info(c.PotID)
	lines, ok := d.cfg.Pots.Logs(c.PotID)
	if !found || !ok {
		d.fail(errNoPot(c))
		return
	}
	if len(lines) == 0 {
		lines = []string{"no log lines"}
	}
	lines = slices.Clone(lines)
	slices.Reverse(lines)
	d.answer(p, cut(strings.Join(lines, "\n"), wire.MaxStrictFrame))
}
