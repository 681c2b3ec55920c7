//go:build linux && (mips || mipsle)

package seccomp

import "golang.org/x/sys/unix"

// firstCall is where the calls of the o32 ABI begin (asm/unistd.h).
const firstCall = 4000

// mapCalls are how memory is mapped: Go's runtime uses the older one, x/sys the
// newer.
var mapCalls = []uint32{unix.SYS_MMAP, unix.SYS_MMAP2}

// privateCalls are none here.
var privateCalls []uint32

var agentCallsHere = []uint32{
	unix.SYS__LLSEEK, unix.SYS_OPEN, unix.SYS_FSTAT64, unix.SYS_STAT, unix.SYS_STAT64, unix.SYS_LSTAT, unix.SYS_LSTAT64,
	unix.SYS_FSTATAT64, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_MKDIR, unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_RENAME,
	unix.SYS_RENAMEAT, unix.SYS_TRUNCATE64, unix.SYS_FTRUNCATE64, unix.SYS_FCNTL64, unix.SYS_DUP2, unix.SYS_STATFS64,
	unix.SYS_FSTATFS64, unix.SYS_SENDFILE64, unix.SYS_FUTEX_TIME64, unix.SYS_UTIMENSAT_TIME64, unix.SYS_SIGRETURN, unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT,
	unix.SYS_PIPE, unix.SYS_POLL, unix.SYS_PPOLL_TIME64, unix.SYS_PSELECT6_TIME64, unix.SYS__NEWSELECT, unix.SYS_CLOCK_GETTIME64,
	unix.SYS_CLOCK_GETRES_TIME64, unix.SYS_CLOCK_NANOSLEEP_TIME64, unix.SYS_TIME, unix.SYS_CLOCK_ADJTIME64,
	unix.SYS_TIMER_SETTIME64, unix.SYS_GETPGRP, unix.SYS_SET_THREAD_AREA, unix.SYS_GETRLIMIT, unix.SYS_CACHEFLUSH, unix.SYS_SEND,
	unix.SYS_RECV,
}

var refusedCallsHere = []uint32{
	unix.SYS_IO_PGETEVENTS_TIME64, unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE, unix.SYS_GET_KERNEL_SYMS,
	unix.SYS_CLOCK_SETTIME64, unix.SYS_STIME, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_VM86, unix.SYS__SYSCTL,
	unix.SYS_USELIB, unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS_CACHECTL, unix.SYS_BDFLUSH, unix.SYS_AFS_SYSCALL, unix.SYS_PUTPMSG,
	unix.SYS_GETPMSG, unix.SYS_VSERVER, unix.SYS_IDLE,
	unix.SYS_SYSCALL, // calls another, by its number, behind the filter's back
	unix.SYS_UMOUNT,
}
