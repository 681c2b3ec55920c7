package cmds

import (
	"fmt"

	"forager/conn/wire"
)

// restart answers Deploying, the state nearest to "back in a moment"; then
// the node says goodbye and its process replaces itself. A node that would not
// come up again stays as it is.
func restart(d *Dispatcher, _ *wire.Command) {
	if d.cfg.Rehearse != nil {
		if err := d.cfg.Rehearse(); err != nil {
			d.fail(fmt.Errorf("no restart, the node goes on as it is: %w", err))
			return
		}
	}
	d.cfg.Log.Infof("Core restarts this node")
	d.cfg.Answers.NodeStatus(wire.NodeDeploying)
	d.cfg.Restart()
}
