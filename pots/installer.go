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
	return install.Dir(absolute(stateDir), users)
}

// MakeProgramDir makes the directory above it, if it is elsewhere: the node
// can't write there any more when it has given up what it does not need.
func MakeProgramDir(stateDir string, users bool) error {
	if err := install.MakeElsewhere(absolute(stateDir), users); err != nil {
		return fmt.Errorf("directory of programs: %w (-state-dir)", err)
	}
	return nil
}

// absolute is a path as it is when the working directory is not known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// newInstaller makes what installs programs, nil without a state directory.
func newInstaller(cfg *Config) *install.Installer {
	if cfg.StateDir == "" {
		return nil
	}
	limits := process.LimitsFor(cfg.Memory)
	limits.Disk = programDisk
	return &install.Installer{
		State: absolute(cfg.StateDir), Dir: ProgramDir(cfg.StateDir, cfg.Users), Allow: cfg.Allow, EventPort: cfg.EventPort, Log: cfg.Log, Limits: limits,
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
