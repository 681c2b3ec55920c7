package pots

import (
	"fmt"
	"path/filepath"

	"forager/pots/install"
	"forager/pots/process"
)

// DefaultOutput is how many bytes of a program's last lines are kept.
const DefaultOutput = 16 << 10

// programDisk is how many bytes the directory of a program may have.
const programDisk = 512 << 20

// ProgramDir is where the programs of a node with this state directory are:
// there, or elsewhere if they have users who can't come there.
func ProgramDir(stateDir string, users bool) string {
	dir, err := filepath.Abs(stateDir)
	if err != nil {
		dir = stateDir
	}
	return install.Dir(dir, users)
}

// MakeProgramDir makes that directory if it is elsewhere, where the node can't
// write any more when it has given up what it does not need.
func MakeProgramDir(stateDir string, users bool) error {
	dir, err := filepath.Abs(stateDir)
	if err == nil {
		err = install.MakeDir(dir, users)
	}
	if err != nil {
		return fmt.Errorf("directory of programs: %w (-state-dir)", err)
	}
	return nil
}

// newInstaller makes what installs programs, nil without a state directory.
func newInstaller(cfg *Config) *install.Installer {
	if cfg.StateDir == "" {
		return nil
	}
	limits := process.LimitsFor(cfg.Memory)
	limits.Disk = programDisk
	return &install.Installer{
		Dir: ProgramDir(cfg.StateDir, cfg.Users), Allow: cfg.Allow, EventPort: cfg.EventPort, Log: cfg.Log, Limits: limits,
	}
}

// clean mends what a crash left among the programs' directories; what takes
// long is done meanwhile.
func (m *Manager) clean() {
	if m.installer == nil {
		close(m.cleaned)
		return
	}
	known := make(map[string]bool)
	for _, inst := range m.all() {
		known[inst.spec.ID] = inst.spec.IsProgram()
	}
	is := func(id string) bool { return known[id] || m.unknown && id[0] != '.' }
	if err := m.installer.Mend(is); err != nil {
		m.complain(err)
	}
	m.jobs.Go(func() {
		defer close(m.cleaned)
		if err := m.installer.Clean(is); err != nil {
			m.complain(err)
		}
	})
}
