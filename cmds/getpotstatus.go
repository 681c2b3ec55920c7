package cmds

import (
	"forager/conn/wire"
	"forager/pots"
)

// getPotStatus tells a pot's state, and why when it failed.
func getPotStatus(d *Dispatcher, c *wire.Command) {
	d.onPot(c, func(*pots.Info) string { return "" })
}
