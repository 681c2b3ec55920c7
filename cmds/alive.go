package cmds

import (
	"context"
	"fmt"
	"time"

	"forager/conn/wire"
)

// How long a command may take before the dispatcher counts as stuck.
const (
	commandTime = 5 * time.Minute // a pot is stopped within seconds
	installTime = 2 * time.Hour   // fetching and building on a slow board
)

func timeOf(command string) time.Duration {
	if command == wire.CmdInstallPot {
		return installTime
	}
	return commandTime
}

// Alive returns nil when the dispatcher takes commands, and none of those at
// work has taken far longer than it should.
func (d *Dispatcher) Alive(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, q := range d.queues {
		if q.work.Over() {
			return fmt.Errorf("a command for %s does not end", subject(&wire.Command{PotID: id}))
		}
	}
	return nil
}
