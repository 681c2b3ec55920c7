package node

// up and down follow the link to Core.
func (n *node) up() {
	n.heart.LED.Up()
	if n.report.TellFacts {
		go func() { n.session.Alarm(n.report.Facts()) }() // a disk may be slow
	}
	n.commands.Introduce()
	_ = n.heart.Systemd.Status("registered at Core")
}

func (n *node) down() {
	n.heart.LED.Down()
	_ = n.heart.Systemd.Status("Core is away")
}

// stuck tells of a part that does not answer, while Core and systemd listen.
func (n *node) stuck(text string) {
	if n.partsStuck() { // else it is a feed
		n.session.Fail(n.partsStuck)
	}
	n.session.Error(text)
	go n.run.Stuck(text) // writing may take long
	_ = n.heart.Systemd.Status(text)
}

func (n *node) partsStuck() bool {
	_, stuck := n.heart.Stats()
	return len(stuck) > 0
}

func (n *node) spoolChanged(err error) {
	if err == nil {
		n.log.Infof("the spool works again")
		return
	}
	n.log.Errorf("%v", err)
	n.session.Error(err.Error())
}

// problem tells what the node goes on without.
func (n *node) problem(err error) {
	if err == nil {
		return
	}
	n.log.Errorf("%v", err)
	n.report.Problems = append(n.report.Problems, err.Error())
}
