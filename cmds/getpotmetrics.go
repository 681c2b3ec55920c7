package cmds

import (
	"fmt"
	"time"

	"forager/conn/wire"
	"forager/pots"
)

// getPotMetrics tells a pot's counters since the node's start, as key=value
// words; uptime is in seconds, and 0 of a pot that does not run.
func getPotMetrics(d *Dispatcher, c *wire.Command) { d.onPot(c, metrics) }

func metrics(p *pots.Info) string {
	uptime := time.Duration(0)
	if p.State == wire.PotRunning {
		uptime = time.Since(p.Since)
	}
	n := &p.Counters
	return fmt.Sprintf("uptime=%d connections=%d open=%d refused=%d events=%d logins=%d bytes_in=%d",
		int(uptime.Seconds()), n.Conns, n.Open, n.Refused, n.Events, n.Logins, n.BytesIn)
}
