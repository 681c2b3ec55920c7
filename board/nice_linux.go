package board

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// SetNice lets others have the processor first, from 0 (as everybody) to 19.
// On Linux each thread has its own (setpriority(2)); new ones take that of the
// thread that makes them. Where the kernel weighs sessions before it weighs
// threads (sched(7), autogroup), the session is told too if it is our own.
func SetNice(n int) error {
	if now, err := Nice(); err == nil && now == n {
		return nil // an ordinary user must not even ask for what he had before
	}
	_, _, e := syscall.AllThreadsSyscall(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(n))
	if e != 0 {
		return fmt.Errorf("niceness %d: %w (-nice)", n, e)
	}
	if sid, err := unix.Getsid(0); err == nil && sid == os.Getpid() {
		_ = os.WriteFile("/proc/self/autogroup", strconv.AppendInt(nil, int64(n), 10), 0) // not there in most kernels
	}
	return nil
}

// Nice returns the niceness of this process, -20 to 19.
func Nice() (int, error) {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	return 20 - n, err // the system call has it that way round, to tell it from an error
}
