package board

import "errors"

// ErrNoLandlock is what Landlock and LandlockThread return where the kernel has
// no Landlock: before 5.13, built without it, or not in its list of security
// modules. The caller goes on without and says so.
var ErrNoLandlock = errors.New("the kernel has no Landlock")

// Access is what a process may still do after Landlock or LandlockThread. What
// it had opened before stays open and usable.
//
// A path is a file, or a directory with all that is beneath it, through any
// name that leads there; a symbolic link is followed once, when the rule is
// made. Rights add up: a path in two lists, or beneath two paths, has the
// rights of both. A path that isn't there or can't be reached is left out. A
// path whose file is replaced by a rename afterwards is lost: name the
// directory of such a file.
//
// Beside the lists, Landlock always forbids what would change the file system's
// shape (mount, pivot_root) and tracing a process outside. What it does not
// know is free as ever: looking at names and metadata (stat, chdir), changing
// mode and owner, UDP, MPTCP and all other sockets.
type Access struct {
	Read  []string // read files, list directories
	Exec  []string // the same, and run programs; a library that is mapped needs Read alone
	Write []string // read, write, create, remove, rename, make links, sockets and fifos; for a device its ioctls too; not run programs

	Sockets []string // directories in which sockets are made, and any file removed

	// Ports of TCP that may be bound and connected to, from ABI 4 on. nil is
	// any port, an empty list none. A listening socket that is open already
	// goes on accepting. MPTCP is another protocol and not covered.
	Bind, Connect []uint16

	// Scope forbids signals to processes, and connections to abstract UNIX
	// sockets, outside, from ABI 6 on. It is for LandlockThread: Landlock gives
	// every thread a domain of its own, which must go on signalling the others.
	Scope bool
}
