package pots

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// userFor finds the user for the program that comes to inst's id: the one it
// has, or one that no other pot has. m.mu is held, inst.mu too.
func (m *Manager) userFor(inst *instance) uint32 {
	if !m.cfg.Users {
		return 0
	}
	if inst.uid != 0 {
		return inst.uid
	}
	used := make(map[uint32]bool)
	for _, other := range m.pots {
		used[other.uid] = true
	}
	for uid := uint32(firstUser); ; uid++ {
		if !used[uid] {
			inst.uid = uid // of the holder, so that it is taken
			return uid
		}
	}
}

// claim reserves ports for a job's pot, if no other pot has one of them.
func (m *Manager) claim(j *job, ports []uint16) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range ports {
		if p == m.cfg.EventPort {
			return fmt.Errorf("port %d is the intake's (-intake)", p)
		}
		for id, other := range m.pots {
			if id != j.next.spec.ID && slices.Contains(other.portsLocked(), p) {
				return fmt.Errorf("port %d is that of pot %s", p, quote(id))
			}
		}
	}
	j.ports = ports
	return nil
}

// portsLocked returns the ports that a pot has or will have. Manager.mu is
// held.
func (i *instance) portsLocked() (ports []uint16) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.job != nil {
		ports = append(ports, i.job.ports...)
	}
	switch {
	case i.program != nil:
		ports = append(ports, i.program.Ports...)
	case i.want.Load() && !i.spec.IsProgram():
		_, port, _ := net.SplitHostPort(i.spec.Listen)
		n, _ := strconv.ParseUint(port, 10, 16)
		ports = append(ports, uint16(n))
	}
	return ports
}
