package cmds

import "forager/conn/wire"

// status is the old documents' word for: are you there?
func status(d *Dispatcher, _ *wire.Command) { d.cfg.Answers.NodeStatus(wire.NodeRunning) }
