// Package seccomp limits which system calls a process may make (seccomp(2),
// Documentation/userspace-api/seccomp_filter.rst of the kernel). It owns three
// lists, and the small program for the kernel (classic BPF, linux/filter.h)
// that each of them becomes.
//
// A call that is not in the list fails with EPERM, is logged by the kernel
// (audit) and harms nobody: a honeypot in the field must not die of a list
// that lacks something. A call that is younger than the list fails with ENOSYS,
// so that programs take the older one; clone3 does so always, since its flags
// can't be looked at.
//
// Nothing is guessed: on a machine or a kernel without filters the error is
// ErrNone, and nothing has changed. Filters add up; one can't be taken back.
package seccomp

import "errors"

// ErrNone is that of a kernel without filters (before 3.17, or built so), or of
// a machine whose numbers this package does not know.
var ErrNone = errors.New("the kernel has no seccomp filters")

// Version changes with the lists.
const Version = 2

// List is what a process may call.
type List int

// The lists.
const (
	// Agent is for a node that starts no other program: what Go's runtime and
	// the node itself call. Threads but no processes; nothing that maps memory
	// to be executed; signals to itself only; sockets of IP, UNIX and
	// NETLINK_ROUTE, none raw. execve is in it for the node's Restart.
	Agent List = iota
	// Full is for a node that starts programs, which inherit it: everything
	// but what administers the machine or has been the way into kernels.
	// Namespaces and mount are in it, to put the programs apart.
	Full
	// Program is for what a Full node starts, once it is apart: no namespaces,
	// no mounts either.
	Program
)

func (l List) String() string { return [...]string{"agent", "full", "program"}[l] }

// Options open what most have no use for.
type Options struct {
	Packets bool // sockets that see whole packets (packet(7))
}
