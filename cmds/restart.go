package cmds

import "forager/conn/wire"

// restart answers Deploying, the state nearest to "back in a moment"; then
// the node says goodbye and its process replaces itself.
func restart(d *Dispatcher, _ *wire.Command) {
	d.cfg.Log.Infof("Core restarts this node")
	d.cfg.Answers.NodeStatus(wire.NodeDeploying)
	d.cfg.Restart()
}
