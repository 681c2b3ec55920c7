package cmds

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"forager/conn/wire"
	"forager/pots"
)

// getPotInfo tells what a pot is and how it is set up, as key=value words.
func getPotInfo(d *Dispatcher, c *wire.Command) { d.onPot(c, describe) }

func describe(p *pots.Info) string {
	b := fmt.Appendf(nil, "type=%s source=%s listen=%s", p.Type, source(p), p.Listen)
	if p.Addr != "" {
		b = fmt.Appendf(b, " address=%s", p.Addr)
	}
	if p.ReportPort != 0 {
		b = fmt.Appendf(b, " report-port=%d", p.ReportPort)
	}
	b = fmt.Appendf(b, " since=%s", p.Since.UTC().Format(time.RFC3339))
	for _, key := range slices.Sorted(maps.Keys(p.Options)) {
		b = fmt.Appendf(b, " %s=%q", key, shown(key, p.Options[key]))
	}
	return string(b)
}

// source tells where a pot comes from: the node's own configuration, or Core.
func source(p *pots.Info) string {
	if p.Configured {
		return "configured"
	}
	return "installed"
}

// secretWords are what names of options that hold secrets contain.
var secretWords = []string{"passw", "secret", "token", "key"}

// shown hides a secret option: the answer passes Core's users and its log.
func shown(key, value string) string {
	for _, word := range secretWords {
		if strings.Contains(strings.ToLower(key), word) {
			return "***"
		}
	}
	return value
}
