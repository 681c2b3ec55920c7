package board

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights of Landlock by what they are for, linux/landlock.h.
const (
	landlockRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockExec  = landlockRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	landlockWrite = landlockRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	landlockSockets = unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE

	// landlockFile is what a rule for something else than a directory may hold.
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	landlockScope = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL

	landlockRuleNetPort = 2 // LANDLOCK_RULE_NET_PORT, ABI 4
)

// landlockFS is which rights to files an ABI knows, by ABI; a later one than
// the last has at least the same.
var landlockFS = [...]uint64{
	1: unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1,
	2: unix.LANDLOCK_ACCESS_FS_REFER<<1 - 1,
	3: unix.LANDLOCK_ACCESS_FS_TRUNCATE<<1 - 1,
	4: unix.LANDLOCK_ACCESS_FS_TRUNCATE<<1 - 1,
	5: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV<<1 - 1,
}

// ABIs of Landlock that brought something else than rights to files.
const (
	landlockNetABI   = 4
	landlockScopeABI = 6
)

// landlockRules is struct landlock_ruleset_attr.
type landlockRules struct {
	fs, net, scope uint64
}

// size is how much of it the ABI knows, in bytes.
func (r *landlockRules) size(abi int) uintptr {
	switch {
	case abi >= landlockScopeABI:
		return 24
	case abi >= landlockNetABI:
		return 16
	}
	return 8
}

// LandlockABI returns which ABI of Landlock the kernel has, from 1, or
// ErrNoLandlock.
func LandlockABI() (int, error) {
	abi, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case e == unix.ENOSYS || e == unix.EOPNOTSUPP || e == 0 && abi == 0:
		return 0, ErrNoLandlock
	case e != 0:
		return 0, fmt.Errorf("landlock_create_ruleset: %w", e)
	}
	return int(abi), nil
}

// Landlock restricts this process for good, all its threads and whatever it
// starts, to what a allows, and sets no_new_privs, without which the kernel
// gives no such right. It returns the kernel's ABI: what that does not know is
// not restricted (moving files between directories is forbidden before ABI 2;
// truncating is free before 3, TCP before 4, ioctls of devices before 5, Scope
// before 6). With an error, ErrNoLandlock or another, nothing is restricted,
// except that no_new_privs may be set. A program with cgo gets
// syscall.ENOTSUP.
//
// Restrictions add up, at most 16 times for a process and its ancestors. A
// process may not read under /proc/PID what tracing would show (maps,
// smaps_rollup, fd) of one that another thread started.
func Landlock(a Access) (abi int, err error) {
	return restrict(a, func(trap, a1, a2, a3, a4, a5 uintptr) syscall.Errno {
		_, _, e := syscall.AllThreadsSyscall6(trap, a1, a2, a3, a4, a5, 0)
		return e
	})
}

// LandlockThread is Landlock for the calling thread alone, which the caller has
// locked (runtime.LockOSThread) and which goes on to exec a program.
func LandlockThread(a Access) (abi int, err error) {
	return restrict(a, func(trap, a1, a2, a3, a4, a5 uintptr) syscall.Errno {
		_, _, e := syscall.RawSyscall6(trap, a1, a2, a3, a4, a5, 0)
		return e
	})
}

func restrict(a Access, call func(trap, a1, a2, a3, a4, a5 uintptr) syscall.Errno) (abi int, err error) {
	if abi, err = LandlockABI(); err != nil {
		return 0, err
	}
	rules := a.rules(abi)
	fd, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), rules.size(abi), 0)
	if e != 0 {
		return abi, fmt.Errorf("landlock_create_ruleset: %w", e)
	}
	defer unix.Close(int(fd))
	if err := a.add(int(fd), rules); err != nil {
		return abi, err
	}
	if e := call(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); e != 0 {
		return abi, fmt.Errorf("no_new_privs: %w", e)
	}
	if e := call(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0, 0, 0); e != 0 {
		return abi, fmt.Errorf("landlock_restrict_self: %w", e)
	}
	return abi, nil
}

// rules is what the ABI lets us forbid.
func (a Access) rules(abi int) landlockRules {
	r := landlockRules{fs: landlockFS[min(abi, len(landlockFS)-1)]}
	if abi >= landlockNetABI {
		if a.Bind != nil {
			r.net |= unix.LANDLOCK_ACCESS_NET_BIND_TCP
		}
		if a.Connect != nil {
			r.net |= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	if abi >= landlockScopeABI && a.Scope {
		r.scope = landlockScope
	}
	return r
}

// add puts in what stays allowed.
func (a Access) add(rules int, handled landlockRules) error {
	for _, list := range []struct {
		paths  []string
		rights uint64
	}{{a.Read, landlockRead}, {a.Exec, landlockExec}, {a.Write, landlockWrite}, {a.Sockets, landlockSockets}} {
		for _, path := range list.paths {
			if err := addPath(rules, path, list.rights&handled.fs); err != nil {
				return fmt.Errorf("landlock %s: %w", path, err)
			}
		}
	}
	if err := addPorts(rules, a.Bind, unix.LANDLOCK_ACCESS_NET_BIND_TCP&handled.net); err != nil {
		return err
	}
	return addPorts(rules, a.Connect, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP&handled.net)
}

func addPath(rules int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // not there for us, so there is nothing to allow
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= landlockFile
	}
	// struct landlock_path_beneath_attr is packed: 12 bytes.
	rule := struct {
		allowed uint64
		parent  int32
	}{rights, int32(fd)}
	err = addRule(rules, unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&rule))
	if errors.Is(err, unix.EBADFD) {
		return nil // a file of the kernel's own, such as a pipe, which rules don't cover
	}
	return err
}

func addPorts(rules int, ports []uint16, right uint64) error {
	if right == 0 {
		return nil
	}
	for _, port := range ports {
		// struct landlock_net_port_attr, the port in the machine's order.
		rule := struct{ allowed, port uint64 }{right, uint64(port)}
		if err := addRule(rules, landlockRuleNetPort, unsafe.Pointer(&rule)); err != nil {
			return fmt.Errorf("landlock port %d: %w", port, err)
		}
	}
	return nil
}

func addRule(rules, kind int, rule unsafe.Pointer) error {
	_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), uintptr(kind), uintptr(rule), 0, 0, 0)
	runtime.KeepAlive(rule)
	if e != 0 {
		return fmt.Errorf("landlock_add_rule: %w", e)
	}
	return nil
}
