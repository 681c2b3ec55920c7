package board

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"

	"forager/board/seccomp"

	"golang.org/x/sys/unix"
)

// What root keeps who is not told to become somebody else: with it, files that
// are another's; and to start the programs of a Full node apart from itself.
const (
	rootKeeps = CapDACOverride
	fullKeeps = CapChown | CapFOwner | CapKill | CapSetGID | CapSetUID | CapSetPCap | CapSysPtrace | CapSysAdmin
)

// Protect gives up what the node does not need, from the user to the system
// calls, on all threads and for good. It belongs before the first byte of a
// stranger: what needs root is done, but ports are bound later, with the
// capability that is kept for those that Core asks for next week. So no
// connection is ever served by root, and every file is written by its owner.
//
// What the kernel can't do is among the problems, and the node goes on; err
// means that it must not.
func (p Protection) Protect() (done Protected, problems []error, err error) {
	changed := false
	if p.Account != "" {
		if changed, problems, err = p.become(); err != nil {
			return done, nil, fmt.Errorf("%w (-user)", err)
		}
	}
	if !p.Sandbox {
		done.Landlock, done.Seccomp = "off (-sandbox)", "off (-sandbox)"
		return done, problems, nil
	}
	problem := func(err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%w (-sandbox)", err))
		}
	}
	if !changed {
		problem(Keep(p.keep()))
	}
	problem(NoNewPrivileges())
	problem(Undumpable(!p.Full))
	same := os.Getenv(sandboxed) == p.digest()
	before := len(problems)
	problem(p.landlock(&done, same))
	problem(p.seccomp(&done, same))
	if len(problems) == before {
		problem(os.Setenv(sandboxed, p.digest()))
	}
	return done, problems, nil
}

// sandboxed is the variable that tells a node which has restarted itself what
// it is under already: rules add up, and the kernel takes only so many.
const sandboxed = "FORAGER_SANDBOXED"

// digest names what a sandbox allows.
func (p Protection) digest() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v %t %t %d", p.Access, p.Full, p.Packets, seccomp.Version)
	return strconv.FormatUint(h.Sum64(), 16)
}

// landlock limits files and ports.
func (p Protection) landlock(done *Protected, same bool) (err error) {
	if p.Full && unix.Geteuid() == 0 {
		done.Landlock = "off: as root the node gives programs mounts of their own, which Landlock forbids (-user)"
		return nil
	}
	abi := 0
	if same {
		abi, err = LandlockABI()
	} else {
		abi, err = Landlock(p.Access)
	}
	if err != nil {
		done.Landlock = "off: " + err.Error()
		if errors.Is(err, ErrNoLandlock) {
			return nil // most routers; the status says so
		}
		return err
	}
	done.Landlock, done.Confined = fmt.Sprintf("ABI %d", abi), true
	return nil
}

// seccomp limits system calls.
func (p Protection) seccomp(done *Protected, same bool) error {
	list := seccomp.Agent
	if p.Full {
		list = seccomp.Full
	}
	var err error
	if !same {
		err = seccomp.Apply(list, seccomp.Options{Packets: p.Packets})
	} else if r, e := (Machine{}).Rights(); e == nil && r.Seccomp != unix.SECCOMP_MODE_FILTER {
		err = seccomp.ErrNone
	}
	if err != nil {
		done.Seccomp = "off: " + err.Error()
		if errors.Is(err, seccomp.ErrNone) {
			return nil // some routers; the status says so
		}
		return err
	}
	done.Seccomp = list.String() + " list"
	return nil
}

// keep is what stays of the capabilities.
func (p Protection) keep() Capabilities {
	if unix.Geteuid() != 0 {
		return p.Keep
	}
	if p.Full {
		return p.Keep | rootKeeps | fullKeeps
	}
	return p.Keep | rootKeeps
}

// become gives the node's files to the account and becomes it. A node that has
// restarted itself is the account already.
func (p Protection) become() (changed bool, problems []error, err error) {
	to, err := p.Accounts.Find(p.Account)
	switch me := unix.Geteuid(); {
	case err != nil || me == to.UID:
		return false, nil, err
	case me != 0:
		return false, []error{fmt.Errorf("running as user %d and not as %s: only root can change (-user)", me, to.Name)}, nil
	}
	if err := GiveDir(p.StateDir, to); err != nil {
		problems = append(problems, fmt.Errorf("state directory: %w (-state-dir)", err))
	}
	if p.Socket != "" {
		if err := GiveSocket(p.Socket, to); err != nil {
			problems = append(problems, fmt.Errorf("control socket: %w (-control)", err))
		}
	}
	for _, f := range p.Files {
		if err := f.Chown(to.UID, to.GID); err != nil {
			problems = append(problems, err)
		}
	}
	err = Become(to, p.Keep)
	if errors.Is(err, ErrNoAmbient) {
		return true, append(problems, fmt.Errorf("%w (-user)", err)), nil
	}
	return true, problems, err
}
