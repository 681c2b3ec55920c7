package cmds

import "forager/conn/wire"

// restartPot stops and starts a pot; one that was stopped runs then.
func restartPot(d *Dispatcher, c *wire.Command) { d.change(c, d.cfg.Pots.Restart) }
