package cmds

import "forager/conn/wire"

// getInstalledPots answers with one PotStatusUpdate a pot, configured ones
// included. Without any pot there is nothing that such an update could name,
// so the node's state and an alarm say it.
func getInstalledPots(d *Dispatcher, _ *wire.Command) {
	all := d.cfg.Pots.List()
	for _, p := range all {
		d.answer(p, "")
	}
	if len(all) == 0 {
		d.cfg.Answers.NodeStatus(wire.NodeRunning)
		d.cfg.Answers.Alarm("no pots are installed")
	}
}

// Introduce tells Core every pot's state: after a registration Core knows
// none. It never waits.
func (d *Dispatcher) Introduce() {
	for _, p := range d.cfg.Pots.List() {
		d.answer(p, "")
	}
}
