//go:build linux && (amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Apply puts a list into force for every thread of this process and all that
// it starts. It needs no_new_privs or CAP_SYS_ADMIN.
func Apply(l List, o Options) error {
	return apply(l, o, unix.SECCOMP_FILTER_FLAG_TSYNC)
}

// ApplyThread is Apply for the calling thread alone, which the caller has
// locked (runtime.LockOSThread) and which goes on to exec a program.
func ApplyThread(l List, o Options) error { return apply(l, o, 0) }

func apply(l List, o Options, flags uintptr) error {
	filter := assemble(l, o, unix.Getpid())
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	e := set(&prog, flags|unix.SECCOMP_FILTER_FLAG_LOG)
	if e == unix.EINVAL { // kernels before 4.14 don't log
		e = set(&prog, flags)
	}
	switch e {
	case 0:
		return nil
	case unix.ENOSYS, unix.EINVAL:
		return ErrNone
	}
	return fmt.Errorf("seccomp: %w", e)
}

// set returns ESRCH where a thread could not be made to follow.
func set(prog *unix.SockFprog, flags uintptr) unix.Errno {
	thread, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(prog)))
	runtime.KeepAlive(prog)
	if e == 0 && thread != 0 {
		return unix.ESRCH
	}
	return e
}
