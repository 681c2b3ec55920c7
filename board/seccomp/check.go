//go:build linux && (amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Bits of clone(2)'s flags: a new namespace of any kind, but of time, whose
// bit is another call's.
const cloneApart = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
	unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Bits of ioctl(2)'s requests (asm-generic/ioctl.h, the same on MIPS): the
// device's letter.
const (
	ioctlLetter   = 0xff00
	ioctlWatchdog = 'W' << 8 // linux/watchdog.h
)

// socketKind is what of a socket's type is no flag (SOCK_TYPE_MASK of
// linux/net.h).
const socketKind = 0xf

// agentPrctls are what the node asks of prctl(2): the first two by Go's
// runtime, the rest by the program that takes its place in a Restart.
var agentPrctls = []uint32{
	unix.PR_SET_VMA, unix.PR_SET_NAME,
	unix.PR_CAPBSET_READ, unix.PR_CAPBSET_DROP, unix.PR_CAP_AMBIENT, unix.PR_SET_KEEPCAPS,
	unix.PR_SET_NO_NEW_PRIVS, unix.PR_GET_NO_NEW_PRIVS, unix.PR_SET_DUMPABLE, unix.PR_GET_DUMPABLE,
}

// checks are the calls whose arguments are looked at.
func checks(l List, o Options, pid uint32) []span {
	list := []span{
		{unix.SYS_SOCKET, unix.SYS_SOCKET, func(p *program) { p.socket(o) }},
		{unix.SYS_CLONE3, unix.SYS_CLONE3, verdict(nosys)},
		{unix.SYS_IOCTL, unix.SYS_IOCTL, func(p *program) { p.ioctl(l) }},
	}
	if l == Full {
		return list
	}
	list = append(list, span{unix.SYS_CLONE, unix.SYS_CLONE, func(p *program) { p.clone(l) }})
	if l == Program {
		return list
	}
	for _, n := range append(slices.Clone(mapCalls), unix.SYS_MPROTECT) {
		list = append(list, span{n, n, (*program).notExecutable})
	}
	for _, n := range [...]uint32{unix.SYS_KILL, unix.SYS_TGKILL} {
		list = append(list, span{n, n, func(p *program) {
			p.arg(0)
			p.oneOf(pid)
			p.ret(deny)
		}})
	}
	return append(list, span{unix.SYS_PRCTL, unix.SYS_PRCTL, func(p *program) {
		p.arg(0)
		p.oneOf(agentPrctls...)
		p.ret(deny)
	}})
}

// socket allows UNIX, IP (not raw), and routing's NETLINK. The other families
// are where kernels were broken into, NETLINK_NETFILTER before all.
func (p *program) socket(o Options) {
	p.arg(0)
	p.oneOf(unix.AF_UNIX)
	p.when(unix.BPF_JEQ, unix.AF_INET, (*program).notRaw)
	p.when(unix.BPF_JEQ, unix.AF_INET6, (*program).notRaw)
	p.when(unix.BPF_JEQ, unix.AF_NETLINK, func(p *program) {
		p.arg(2)
		p.oneOf(unix.NETLINK_ROUTE)
		p.ret(deny)
	})
	if o.Packets {
		p.when(unix.BPF_JEQ, unix.AF_PACKET, (*program).notRaw)
	}
	p.ret(deny)
}

func (p *program) notRaw() {
	p.arg(1)
	p.and(socketKind)
	p.oneOf(unix.SOCK_STREAM, unix.SOCK_DGRAM)
	p.ret(deny)
}

// clone allows threads, and to programs processes as well.
func (p *program) clone(l List) {
	p.arg(0)
	if l == Agent {
		p.and(unix.CLONE_THREAD | cloneApart)
		p.oneOf(unix.CLONE_THREAD)
	} else {
		p.and(cloneApart)
		p.oneOf(0)
	}
	p.ret(deny)
}

// ioctl allows an agent what sockets have sent and what watchdogs take; others
// all but to type into a terminal.
func (p *program) ioctl(l List) {
	p.arg(1)
	if l != Agent {
		p.when(unix.BPF_JEQ, unix.TIOCSTI, verdict(deny))
		p.when(unix.BPF_JEQ, unix.TIOCLINUX, verdict(deny))
		p.ret(allow)
		return
	}
	p.oneOf(unix.SIOCOUTQ)
	p.and(ioctlLetter)
	p.oneOf(ioctlWatchdog)
	p.ret(deny)
}

// notExecutable allows mappings that can't be run: a node needs no others, and
// who gets code into it can't use it.
func (p *program) notExecutable() {
	p.arg(2)
	p.and(unix.PROT_EXEC)
	p.oneOf(0)
	p.ret(deny)
}
