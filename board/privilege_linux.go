package board

import (
	"errors"
	"fmt"
	"math/bits"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Attributes of a process are in truth those of its threads, and Go has
// several: what is set here is set for all of them (syscall.AllThreadsSyscall).

// Become makes this process the account's, for good: user, group, no other
// groups. It keeps the capabilities in keep that it has, over the programs that
// it starts too (ambient; kernels before 4.3 don't know these, which is the
// error ErrNoAmbient, and all is well but that). With any other error the
// process must not go on as if it had changed.
func Become(to Account, keep Capabilities) error {
	if err := allPrctl(unix.PR_SET_KEEPCAPS, 1, 0); err != nil {
		return fmt.Errorf("keeping capabilities: %w", err)
	}
	if err := syscall.Setgroups(nil); err != nil {
		return fmt.Errorf("clearing groups: %w", err)
	}
	if err := syscall.Setresgid(to.GID, to.GID, to.GID); err != nil {
		return fmt.Errorf("changing to group %d: %w", to.GID, err)
	}
	if err := syscall.Setresuid(to.UID, to.UID, to.UID); err != nil {
		return fmt.Errorf("changing to user %s: %w", to.Name, err)
	}
	err := Keep(keep)
	if err != nil && !errors.Is(err, ErrNoAmbient) {
		return err
	}
	if syscall.Setresuid(-1, 0, -1) == nil {
		return fmt.Errorf("changing to user %s: the way back is open", to.Name)
	}
	return err
}

// ErrNoAmbient is that of a kernel that can't hand capabilities on to the
// programs which a process starts, itself anew among them.
var ErrNoAmbient = errors.New("capabilities are lost at a restart: the kernel has no ambient set")

// Keep drops every capability that is not in keep: of the process, and from
// the sets that programs started by it could take others from.
func Keep(keep Capabilities) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // low and high half
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("reading capabilities: %w", err)
	}
	both := func(low, high uint32) Capabilities { return Capabilities(low) | Capabilities(high)<<32 }
	have := both(data[0].Permitted, data[1].Permitted)
	keep &= have
	if keep == have && keep == both(data[0].Effective, data[1].Effective) && keep == both(data[0].Inheritable, data[1].Inheritable) {
		return ambient(keep) // a service manager has done it, and may forbid the call
	}
	if have&CapSetPCap != 0 {
		if err := capset(have, keep); err != nil { // effective after a change of user
			return err
		}
		if err := bound(keep); err != nil {
			return err
		}
	}
	if err := capset(keep, keep); err != nil {
		return err
	}
	return ambient(keep)
}

// bound trims the bounding set.
func bound(keep Capabilities) error {
	for n := range 64 {
		there, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err != nil {
			return nil // the kernel knows no more
		}
		if there == 1 && keep>>n&1 == 0 {
			if err := allPrctl(unix.PR_CAPBSET_DROP, uintptr(n), 0); err != nil {
				return fmt.Errorf("dropping %v from the bounding set: %w", Capabilities(1)<<n, err)
			}
		}
	}
	return nil
}

// capset sets the permitted and effective sets, and the inheritable one.
func capset(permitted, inheritable Capabilities) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3} // of the thread that calls
	var data [2]unix.CapUserData
	for i := range data {
		data[i].Permitted = uint32(permitted >> (32 * i))
		data[i].Effective = data[i].Permitted
		data[i].Inheritable = uint32(inheritable >> (32 * i))
	}
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data)), 0)
	if e != 0 {
		return fmt.Errorf("setting capabilities: %w", e)
	}
	return nil
}

// ambient has the programs that an ordinary user starts keep them; root's
// programs do so anyway.
func ambient(keep Capabilities) error {
	if err := allPrctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		if keep == 0 || unix.Getuid() == 0 {
			return nil
		}
		return ErrNoAmbient
	}
	if unix.Getuid() == 0 {
		return nil
	}
	for set := keep; set != 0; set &= set - 1 {
		if err := allPrctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(bits.TrailingZeros64(uint64(set)))); err != nil {
			return ErrNoAmbient
		}
	}
	return nil
}

// NoNewPrivileges makes set-user-ID bits and file capabilities mean nothing to
// this process and all that come from it. Kernels before 3.5 can't.
func NoNewPrivileges() error {
	if err := allPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	return nil
}

// Undumpable closes this process's memory to other processes of its user. Only
// without a child that needs to be known by /proc: a new user namespace.
func Undumpable(yes bool) error {
	dumpable := uintptr(1)
	if yes {
		dumpable = 0
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, dumpable, 0, 0, 0) // of the whole process
}

// allPrctl is prctl(2) on every thread. A kernel that does not know the option
// says EINVAL, on the first thread already.
func allPrctl(option int, a, b uintptr) error {
	if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, uintptr(option), a, b, 0, 0, 0); e != 0 {
		return e
	}
	return nil
}
