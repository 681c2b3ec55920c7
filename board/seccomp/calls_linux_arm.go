package seccomp

import "golang.org/x/sys/unix"

// auditArch is how the kernel calls this machine (linux/audit.h).
const auditArch = unix.AUDIT_ARCH_ARM

// firstCall is the lowest number of a call.
const firstCall = 0

// mapCalls are how memory is mapped.
var mapCalls = []uint32{unix.SYS_MMAP2}

// privateCalls are ARM's own, asm/unistd.h: cacheflush and set_tls.
var privateCalls = []uint32{0x0f0002, 0x0f0005}

var agentCallsHere = []uint32{
	unix.SYS__LLSEEK, unix.SYS_OPEN, unix.SYS_FSTAT64, unix.SYS_STAT, unix.SYS_STAT64, unix.SYS_LSTAT, unix.SYS_LSTAT64,
	unix.SYS_FSTATAT64, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_MKDIR, unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_RENAME,
	unix.SYS_RENAMEAT, unix.SYS_TRUNCATE64, unix.SYS_FTRUNCATE64, unix.SYS_FCNTL64, unix.SYS_DUP2, unix.SYS_STATFS64,
	unix.SYS_FSTATFS64, unix.SYS_SENDFILE64, unix.SYS_FUTEX_TIME64, unix.SYS_UTIMENSAT_TIME64, unix.SYS_SIGRETURN, unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT,
	unix.SYS_PIPE, unix.SYS_POLL, unix.SYS_PPOLL_TIME64, unix.SYS_PSELECT6_TIME64, unix.SYS__NEWSELECT, unix.SYS_CLOCK_GETTIME64,
	unix.SYS_CLOCK_GETRES_TIME64, unix.SYS_CLOCK_NANOSLEEP_TIME64, unix.SYS_CLOCK_ADJTIME64, unix.SYS_TIMER_SETTIME64,
	unix.SYS_GETPGRP, unix.SYS_UGETRLIMIT, unix.SYS_SEND, unix.SYS_RECV, unix.SYS_GETUID32, unix.SYS_GETEUID32, unix.SYS_GETGID32,
	unix.SYS_GETEGID32, unix.SYS_GETGROUPS32, unix.SYS_GETRESUID32, unix.SYS_GETRESGID32,
}

var refusedCallsHere = []uint32{
	unix.SYS_IO_PGETEVENTS_TIME64, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_CLOCK_SETTIME64, unix.SYS__SYSCTL, unix.SYS_USELIB,
	unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS_BDFLUSH, unix.SYS_VSERVER,
}
