package cmds

import (
	"fmt"
	"strings"
	"time"

	"forager/conn/wire"
	"forager/pots"
)

// installPot makes a pot of a built-in type that outlives the node. The same
// install twice is one install. It answers Installing, then what became of
// it; an id that no pot may have can't be in such an answer.
func installPot(d *Dispatcher, c *wire.Command) {
	in := &c.Install
	if err := pots.CheckID(in.PotID); err != nil {
		d.fail(fmt.Errorf("%s: %w", c.Name, err))
		return
	}
	p := pots.Info{Spec: pots.Spec{ID: in.PotID, Type: in.PotType}, State: wire.PotFailed, Since: time.Now()}
	if why := d.refuse(in); why != "" {
		d.answer(p, why)
		return
	}
	spec, err := pots.NewSpec(in.PotID, in.PotType, in.Config)
	if err != nil {
		d.answer(p, err.Error())
		return
	}
	p.State = wire.PotInstalling
	d.answer(p, "")
	err = d.cfg.Pots.Install(spec, in.AutoStart)
	d.answerInstall(c, spec, err)
}

// refuse tells why nothing is installed, or nothing. A git_url that comes
// with a built-in type is not needed, and not looked at.
func (d *Dispatcher) refuse(in *wire.InstallPot) string {
	if d.cfg.NodeType == wire.Agent {
		return "this node is an Agent, which installs no pots (-node-type)"
	}
	if !pots.BuiltIn(in.PotType) {
		return fmt.Sprintf("honeypot type %s is not built in, and this version installs only built-in types: %s", quote(in.PotType), typeNames())
	}
	return ""
}

// answerInstall tells the state of the installed pot; an error that left
// another pot with this id, or none, is that of the install.
func (d *Dispatcher) answerInstall(c *wire.Command, spec pots.Spec, err error) {
	p, ok := d.cfg.Pots.Info(spec.ID)
	if ok && p.Spec.Equal(spec) && !p.Configured {
		d.answerChange(c, p, err)
		return
	}
	if err == nil {
		err = errNoPot(c) // another command took it away meanwhile
	}
	if ok {
		d.answer(p, c.Name+": "+err.Error())
		return
	}
	d.answer(pots.Info{Spec: spec, State: wire.PotFailed}, err.Error())
}

func typeNames() string {
	var names []string
	for _, t := range pots.Types() {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}
