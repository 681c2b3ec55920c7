package seccomp

import "golang.org/x/sys/unix"

// auditArch is how the kernel calls this machine (linux/audit.h).
const auditArch = unix.AUDIT_ARCH_X86_64

// firstCall is that of the machine; the calls of x32 have a bit above them.
const firstCall = 0

// mapCalls are how memory is mapped.
var mapCalls = []uint32{unix.SYS_MMAP}

// privateCalls are none here.
var privateCalls []uint32

var agentCallsHere = []uint32{
	unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_MKDIR,
	unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_DUP2, unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT,
	unix.SYS_PIPE, unix.SYS_POLL, unix.SYS_SELECT, unix.SYS_TIME, unix.SYS_GETPGRP, unix.SYS_ARCH_PRCTL, unix.SYS_SET_THREAD_AREA,
	unix.SYS_GETRLIMIT,
}

var refusedCallsHere = []uint32{
	unix.SYS_KEXEC_FILE_LOAD, unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE, unix.SYS_GET_KERNEL_SYMS, unix.SYS_IOPL,
	unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS__SYSCTL, unix.SYS_USELIB, unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS_MEMFD_SECRET,
	unix.SYS_AFS_SYSCALL, unix.SYS_PUTPMSG, unix.SYS_GETPMSG, unix.SYS_VSERVER, unix.SYS_TUXCALL, unix.SYS_SECURITY,
	unix.SYS_URETPROBE, unix.SYS_UPROBE,
}
