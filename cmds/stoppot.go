package cmds

import "forager/conn/wire"

// stopPot closes a pot's port and its connections.
func stopPot(d *Dispatcher, c *wire.Command) { d.change(c, d.cfg.Pots.Stop) }
