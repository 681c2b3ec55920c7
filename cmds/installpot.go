package cmds

import (
	"fmt"
	"time"

	"forager/conn/wire"
	"forager/pots"
)

// installPot makes a pot that outlives the node: one of a built-in type, or a
// program from a repository, whose install only begins here. The same install
// twice is one install. It answers Installing, then what became of it; an id
// that no pot may have can't be in such an answer.
func installPot(d *Dispatcher, c *wire.Command) {
	in := &c.Install
	if err := pots.CheckID(in.PotID); err != nil {
		d.fail(fmt.Errorf("%s: %w", c.Name, err))
		return
	}
	p := pots.Info{Spec: pots.Spec{ID: in.PotID, Type: in.PotType}, State: wire.PotFailed, Since: time.Now()}
	if d.cfg.NodeType == wire.Agent {
		d.answer(p, "this node is an Agent, which installs no pots (-node-type)")
		return
	}
	spec, err := newSpec(in)
	if err != nil {
		d.answer(p, err.Error())
		return
	}
	if !spec.IsProgram() {
		p.State = wire.PotInstalling
		d.answer(p, "")
	}
	err = d.cfg.Pots.Install(spec, in.AutoStart)
	d.answerInstall(c, spec, err)
}

// newSpec takes a type that is built in for that: its git_url is not needed,
// and not looked at.
func newSpec(in *wire.InstallPot) (pots.Spec, error) {
	if pots.BuiltIn(in.PotType) {
		return pots.NewSpec(in.PotID, in.PotType, in.Config)
	}
	return pots.NewProgram(in.PotID, in.PotType, pots.Source{URL: in.GitURL, Branch: in.GitBranch}, in.Config)
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
