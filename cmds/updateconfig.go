package cmds

import (
	"fmt"

	"forager/conn/wire"
)

// updateConfig reads the configuration again. What changed goes into an
// alarm, the only words besides errors that Core takes of a node.
func updateConfig(d *Dispatcher, _ *wire.Command) {
	done, err := d.cfg.Reload()
	if err != nil {
		d.fail(fmt.Errorf("UpdateConfig: %w", err))
		return
	}
	d.cfg.Answers.NodeStatus(wire.NodeRunning)
	d.cfg.Answers.Alarm(cut(done, maxReason))
}
