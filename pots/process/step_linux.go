package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"forager/board"
	"forager/board/seccomp"
)

// oomScore has the kernel take a pot first when the machine's memory ends,
// proc_pid_oom_score_adj(5): -1000 to 1000.
const oomScore = "900"

// lowPorts are those that only root, or who has its capability, may bind.
const lowPorts = 1024

// confine is the life of the step: it reads its orders, gives up what the
// program must not have, and becomes the program.
func confine() int {
	unix.CloseOnExec(answerFD)
	answer := os.NewFile(answerFD, "answer")
	var o orders
	body, err := io.ReadAll(io.LimitReader(os.NewFile(ordersFD, "orders"), maxFrame))
	if err == nil {
		err = o.decode(body)
	}
	if err == nil {
		var c confinement
		if err = o.apply(&c); err == nil {
			if _, err = answer.Write(frame(frameStarted, c.encode())); err == nil {
				err = o.exec() // returns only with an error
			}
		}
	}
	_, _ = answer.Write(frame(frameFailed, []byte(err.Error())))
	return 127
}

// apply gives up everything, in the order in which it can be given up.
func (o *orders) apply(c *confinement) error {
	if err := unix.Chdir(o.Dir); err != nil { // as root: the directories above may be closed to the user
		return fmt.Errorf("directory %s: %w", o.Dir, err)
	}
	unix.Umask(0o077)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0)
	// A node that is nicer already has pots that are.
	if now, err := board.Nice(); err != nil || now < o.Limits.Nice {
		if unix.Setpriority(unix.PRIO_PROCESS, 0, o.Limits.Nice) != nil {
			c.note("nice", false)
		}
	}
	o.closeRest()
	if err := o.landlock(c); err != nil {
		return err
	}
	if err := o.become(c); err != nil {
		return err
	}
	// A change of user has cleared both.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	c.note("no new privileges", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == nil)
	c.note("system calls", seccomp.ApplyThread(seccomp.Program, seccomp.Options{}) == nil)
	return o.limit(c) // last: under them this process could hardly go on
}

// limit sets the limits of setrlimit(2). Memory is RLIMIT_DATA: private memory
// that can be written, since Linux 4.7; RLIMIT_AS would count what runtimes
// such as Go's or JavaScript's only reserve.
func (o *orders) limit(c *confinement) error {
	l := o.Limits
	count := int64(l.Processes)
	if !o.LimitCount {
		count = 0
	}
	c.note("process limit", count > 0)
	for _, r := range []struct {
		what  int
		value int64
	}{
		{unix.RLIMIT_DATA, l.Memory}, {unix.RLIMIT_NOFILE, int64(l.Files)},
		{unix.RLIMIT_FSIZE, l.FileSize}, {unix.RLIMIT_NPROC, count},
	} {
		if r.value <= 0 {
			continue
		}
		if err := lower(r.what, uint64(r.value)); err != nil {
			return fmt.Errorf("limit %d: %w", r.what, err)
		}
	}
	return lower(unix.RLIMIT_CORE, 0)
}

// lower sets a limit for good, no higher than it was.
func lower(what int, value uint64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(what, &now); err != nil {
		return err
	}
	value = min(value, now.Max)
	return syscall.Setrlimit(what, &syscall.Rlimit{Cur: value, Max: value})
}

// closeRest has the exec close everything that the program was not given.
func (o *orders) closeRest() {
	if unix.CloseRange(ordersFD, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	var now unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &now)
	for fd := ordersFD; fd < int(min(now.Max, 4096)); fd++ { // before Linux 5.11; the node opens nothing else without it
		unix.CloseOnExec(fd)
	}
}

// landlock comes before the change of user, who may not be able to reach what
// he is to be allowed.
func (o *orders) landlock(c *confinement) error {
	a := board.Access{Read: o.Read, Exec: append(o.Exec, o.Dir), Write: append(o.Write, o.Dir, "/dev/null"), Scope: true}
	if !o.AnyBind {
		a.Bind = append([]uint16{}, o.Bind...)
	}
	if !o.AnyConnect {
		a.Connect = append([]uint16{}, o.Connect...)
	}
	abi, err := board.LandlockThread(a)
	if err != nil && !errors.Is(err, board.ErrNoLandlock) {
		return err
	}
	if err == nil {
		c.have = append(c.have, fmt.Sprintf("Landlock ABI %d", abi))
	} else {
		c.miss = append(c.miss, "Landlock")
	}
	return nil
}

// become changes to the user and drops all capabilities, but that for low ports
// if the program is to bind some. What Go does for all threads would do as
// well; here there is one that counts, and the tests' race detector.
func (o *orders) become(c *confinement) error {
	keep := uint64(0)
	for _, port := range o.Bind {
		if port < lowPorts {
			keep = 1 << unix.CAP_NET_BIND_SERVICE
		}
	}
	for n := range uintptr(64) { // before the right to do so is gone
		if keep>>n&1 == 0 && unix.Prctl(unix.PR_CAPBSET_DROP, n, 0, 0, 0) == unix.EINVAL {
			break // the kernel knows no more
		}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if keep != 0 {
		_ = unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
	}
	if o.UID != 0 {
		if err := setUser(uintptr(o.UID)); err != nil {
			return fmt.Errorf("user %d: %w", o.UID, err)
		}
	}
	c.note("own user", o.UID != 0)
	return dropCapabilities(keep)
}

// setUser changes user and group of this thread, and leaves all other groups.
// Users up to 65535 are the same in both of the ways in which old 32-bit
// machines count them.
func setUser(id uintptr) error {
	if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); e != 0 {
		return e
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, id, id, id); e != 0 {
		return e
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); e != 0 {
		return e
	}
	return nil
}

func dropCapabilities(keep uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} // of the thread that calls
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	keep &= uint64(data[0].Permitted)
	for i := range data {
		half := uint32(keep >> (32 * i))
		data[i] = unix.CapUserData{Permitted: half, Effective: half, Inheritable: half}
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	if keep != 0 {
		_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0)
	}
	return nil
}

// exec becomes the program. A name without a slash is looked for in the PATH
// of its environment.
func (o *orders) exec() error {
	name := o.Args[0]
	if strings.Contains(name, "/") {
		return o.execFile(name)
	}
	path := ""
	for _, v := range o.Env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	var refused error = unix.ENOENT
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			continue // would be the directory it starts in
		}
		if err := o.execFile(dir + "/" + name); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			refused = err
		}
	}
	return fmt.Errorf("program %s: %w (PATH %s)", cut(name), refused, cut(path))
}

func (o *orders) execFile(path string) error {
	err := unix.Exec(path, o.Args, o.Env)
	return fmt.Errorf("program %s: %w", cut(path), err)
}
