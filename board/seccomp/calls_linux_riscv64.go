package seccomp

import "golang.org/x/sys/unix"

// auditArch is how the kernel calls this machine (linux/audit.h).
const auditArch = unix.AUDIT_ARCH_RISCV64

// firstCall is the lowest number of a call.
const firstCall = 0

// mapCalls are how memory is mapped.
var mapCalls = []uint32{unix.SYS_MMAP}

// privateCalls are none here.
var privateCalls []uint32

var agentCallsHere = []uint32{
	unix.SYS_NEWFSTATAT, unix.SYS_GETRLIMIT, unix.SYS_RISCV_HWPROBE, unix.SYS_RISCV_FLUSH_ICACHE,
}

var refusedCallsHere = []uint32{
	unix.SYS_KEXEC_FILE_LOAD, unix.SYS_MEMFD_SECRET,
}
