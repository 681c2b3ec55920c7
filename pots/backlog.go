package pots

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// backlogShare: of a pot's connections so many more as one may wait in the
// kernel to be accepted. Each takes 2 to 5 KB there, even when its sender has
// long gone, and what Go asks for, net.core.somaxconn or 4096, is more than a
// small board has: a router of 64 MB whose processor was too slow for a flood
// ran out of memory in half a minute. When all places are taken the kernel
// drops what comes, and senders try again.
const backlogShare = 3

// backlogLeast is for tests and pots with a handful of connections.
const backlogLeast = 4

func (l *Limits) backlog() int { return max(l.ConnsPerPot/backlogShare, backlogLeast) }

// limitBacklog has no more than n connections wait at the listener, and one
// (listen(2): a listener may be told again).
func limitBacklog(ln *net.TCPListener, n int) error {
	raw, err := ln.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Listen(int(fd), n) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("%d waiting connections: %w", n, os.NewSyscallError("listen", failed))
	}
	return nil
}
