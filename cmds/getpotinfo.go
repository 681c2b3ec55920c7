package cmds

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"forager/conn/wire"
	"forager/pots"
	"forager/pots/manifest"
)

// getPotInfo tells what a pot is and how it is set up, as key=value words.
func getPotInfo(d *Dispatcher, c *wire.Command) { d.onPot(c, describe) }

func describe(p *pots.Info) string {
	b := fmt.Appendf(nil, "type=%s source=%s", p.Type, source(p))
	if p.IsProgram() {
		b = appendProgram(b, p)
	}
	b = fmt.Appendf(b, " listen=%s", p.Listen)
	if p.Addr != "" {
		b = fmt.Appendf(b, " address=%s", p.Addr)
	}
	if p.ReportPort != 0 {
		b = fmt.Appendf(b, " report-port=%d", p.ReportPort)
	}
	b = fmt.Appendf(b, " since=%s", p.Since.UTC().Format(time.RFC3339))
	for _, key := range slices.Sorted(maps.Keys(p.Options)) {
		value := p.Options[key]
		// The answer passes Core's users and its log.
		if manifest.IsSecret(key) || slices.Contains(p.Program.Secrets, key) {
			value = hidden
		}
		b = fmt.Appendf(b, " %s=%q", key, value)
	}
	return string(b)
}

// appendProgram tells where a program came from, how it runs and what holds
// it.
func appendProgram(b []byte, p *pots.Info) []byte {
	b = fmt.Appendf(b, " url=%s", p.Source.URL)
	if p.Source.Branch != "" {
		b = fmt.Appendf(b, " branch=%q", p.Source.Branch)
	}
	if p.Program.Commit == "" {
		return b // not installed yet
	}
	b = fmt.Appendf(b, " commit=%s directory=%q user=%d", p.Program.Commit, or(p.Program.Directory, "."), p.Program.UID)
	if len(p.Protections) > 0 {
		b = fmt.Appendf(b, " protections=%s", strings.Join(p.Protections, ","))
	}
	if len(p.Missing) > 0 {
		b = fmt.Appendf(b, " missing=%s", strings.Join(p.Missing, ","))
	}
	return b
}

// source tells where a pot comes from: the node's own configuration, or Core.
func source(p *pots.Info) string {
	if p.Configured {
		return "configured"
	}
	return "installed"
}

// hidden stands for a secret.
const hidden = "***"
