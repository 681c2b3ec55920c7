package cmds

import (
	"fmt"
	"time"

	"forager/conn/wire"
	"forager/pots"
)

// getPotMetrics tells a pot's counters since the node's start, as key=value
// words; uptime is in seconds, and 0 of a pot that does not run. A program has
// the processor time that it used in seconds, its memory in bytes and the
// number of its processes beside that; its connections are those that are open
// at its ports, and its events those that came by the intake.
func getPotMetrics(d *Dispatcher, c *wire.Command) {
	d.onPot(c, func(p *pots.Info) string {
		if use, ok := d.cfg.Pots.Usage(p.ID); ok {
			return usage(p, &use)
		}
		return metrics(p)
	})
}

func metrics(p *pots.Info) string {
	n := &p.Counters
	return fmt.Sprintf("uptime=%d connections=%d open=%d refused=%d events=%d logins=%d bytes_in=%d",
		uptime(p), n.Conns, n.Open, n.Refused, n.Events, n.Logins, n.BytesIn)
}

func usage(p *pots.Info, u *pots.Usage) string {
	return fmt.Sprintf("uptime=%d cpu=%.2f memory=%d processes=%d connections=%d events=%d restarts=%d",
		uptime(p), u.CPU.Seconds(), u.Memory, u.Processes, u.Connections, p.Counters.Events, u.Restarts)
}

func uptime(p *pots.Info) int {
	if p.State != wire.PotRunning {
		return 0
	}
	return int(time.Since(p.Since).Seconds())
}
