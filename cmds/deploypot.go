package cmds

import (
	"errors"
	"fmt"

	"forager/conn/wire"
	"forager/pots"
)

// deployPot starts a pot. One that runs is left alone, and its state is the
// answer all the same.
func deployPot(d *Dispatcher, c *wire.Command) { d.change(c, d.cfg.Pots.Start) }

// change does something with a pot and answers with the state it is in then.
func (d *Dispatcher) change(c *wire.Command, do func(id string) error) {
	err := do(c.PotID)
	if errors.Is(err, pots.ErrInstallStopped) {
		return // the pot's last state is the answer
	}
	p, ok := d.cfg.Pots.Info(c.PotID)
	if !ok {
		d.fail(errNoPot(c))
		return
	}
	d.answerChange(c, p, err)
}

// answerChange tells a pot's state after a change. An error that the state
// does not show, as of a pot that runs and could not be written down, goes
// into its message.
func (d *Dispatcher) answerChange(c *wire.Command, p pots.Info, err error) {
	if err == nil || p.State == wire.PotFailed && !errors.Is(err, pots.ErrNotKept) {
		d.answer(p, "")
		return
	}
	d.cfg.Log.Warnf("%s: %v", c.Name, err)
	d.answer(p, c.Name+": "+err.Error())
}

func errNoPot(c *wire.Command) error {
	return fmt.Errorf("%s: no such pot %s (GetInstalledPots lists them)", c.Name, quote(c.PotID))
}
