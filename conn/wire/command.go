package wire

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// argument is what a command's content must be.
type argument int

const (
	noArgument argument = iota
	potArgument
	installArgument
)

// commands are the spellings Core may use. The words in lower case are those
// of older documents.
var commands = map[string]struct {
	name string
	arg  argument
}{
	CmdRestart:          {CmdRestart, noArgument},
	CmdUpdateConfig:     {CmdUpdateConfig, noArgument},
	CmdGetInstalledPots: {CmdGetInstalledPots, noArgument},
	"status":            {CmdStatus, noArgument},
	"stop":              {CmdStop, noArgument},
	"restart":           {CmdRestart, noArgument},
	CmdDeployPot:        {CmdDeployPot, potArgument},
	CmdStopPot:          {CmdStopPot, potArgument},
	CmdRestartPot:       {CmdRestartPot, potArgument},
	CmdGetPotStatus:     {CmdGetPotStatus, potArgument},
	CmdGetPotInfo:       {CmdGetPotInfo, potArgument},
	CmdGetPotLogs:       {CmdGetPotLogs, potArgument},
	CmdGetPotMetrics:    {CmdGetPotMetrics, potArgument},
	CmdInstallPot:       {CmdInstallPot, installArgument},
}

// command reads "Name" or {"Name":content}. Content of the wrong type makes
// the command one with Err, not the frame a broken one: Core gets told.
func (p *parser) command(c *Command) {
	if p.kind() == jsontext.KindString {
		c.set(p.string())
		if c.Known && commands[c.Name].arg != noArgument {
			c.Err = fmt.Errorf("%s without its content", c.Name)
		}
		return
	}
	n := 0
	p.object(func(key string) {
		n++
		c.set(key)
		p.content(c)
	})
	if n != 1 {
		p.fail("a command must have one name, not %d", n)
	}
}

func (c *Command) set(spelling string) {
	if k, ok := commands[spelling]; ok {
		c.Name, c.Known = k.name, true
		return
	}
	c.Name, c.Known = spelling, false
}

// content reads what stands behind a command's name. The value is taken whole
// first, so that a wrong type inside it does not lose the frame.
func (p *parser) content(c *Command) {
	if p.err != nil {
		return
	}
	v, err := p.d.ReadValue()
	if p.err = err; err != nil || !c.Known {
		return
	}
	switch in := newParser(v); commands[c.Name].arg {
	case noArgument:
		in.nothing()
		c.Err = in.err
	case potArgument:
		c.PotID = in.string()
		c.Err = in.err
	case installArgument:
		in.install(&c.Install)
		c.Err, c.PotID = in.err, c.Install.PotID
	}
	if c.Err != nil {
		c.Err = fmt.Errorf("%s: %w", c.Name, c.Err)
	}
}

// nothing takes what stands for no content: null, or an object, whose keys
// are unknown ones.
func (p *parser) nothing() {
	if p.kind() != jsontext.KindNull && p.kind() != jsontext.KindBeginObject {
		p.want("no content")
	}
}

func (p *parser) install(i *InstallPot) {
	p.object(func(key string) {
		switch key {
		case "pot_id":
			i.PotID = p.string()
		case "honeypot_type":
			i.PotType = p.string()
		case "git_url":
			i.GitURL = p.optString()
		case "git_branch":
			i.GitBranch = p.optString()
		case "config":
			i.Config = p.config()
		case "auto_start":
			i.AutoStart = p.optBool()
		default:
			p.skip()
		}
	})
	if i.PotID == "" || i.PotType == "" {
		p.fail("want pot_id and honeypot_type")
	}
}

// config reads an object of strings, or null.
func (p *parser) config() map[string]string {
	if p.kind() == jsontext.KindNull {
		p.token()
		return nil
	}
	m := make(map[string]string)
	p.object(func(key string) {
		m[key] = p.string()
		if len(m) > MaxConfig {
			p.fail("config has more than %d entries", MaxConfig)
		}
	})
	return m
}

func (p *parser) optBool() bool {
	if p.kind() == jsontext.KindNull {
		p.token()
		return false
	}
	return p.bool()
}
