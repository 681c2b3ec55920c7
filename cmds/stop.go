package cmds

import "forager/conn/wire"

// stop ends the node's process in the ordinary way; the session's goodbye
// follows the answer.
func stop(d *Dispatcher, _ *wire.Command) {
	d.cfg.Log.Infof("Core stops this node")
	d.cfg.Answers.NodeStatus(wire.NodeStopped)
	d.cfg.Stop()
}
