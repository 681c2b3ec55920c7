package conn

import (
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// controlSocket sets what the dialler can't, before connect(2).
func controlSocket(_, _ string, c syscall.RawConn) error {
	var err error
	cerr := c.Control(func(fd uintptr) {
		// The port may still be that of our own last connection.
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err == nil {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
		}
		// Without it only latency suffers.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
	})
	return errors.Join(cerr, err)
}

// sleepFine blocks the thread; the kernel is late by some 60 microseconds.
func sleepFine(d time.Duration) {
	if d > 0 {
		ts := unix.NsecToTimespec(int64(d))
		_ = unix.Nanosleep(&ts, nil) // a signal may end it early: pace looks again
	}
}

func portTaken(err error) bool {
	return errors.Is(err, unix.EADDRINUSE) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EACCES)
}

// unsent is how many bytes of c Core's kernel has not acknowledged: SIOCOUTQ,
// tcp(7). It is right on mips too, where SIOCOUTQNSD and TCP_INFO are not
// under qemu-user.
func unsent(c net.Conn) (int, error) {
	n, err := 0, error(nil)
	cerr := onSocket(c, func(fd int) { n, err = unix.IoctlGetInt(fd, unix.SIOCOUTQ) })
	return n, errors.Join(cerr, err)
}

// segment is the largest TCP payload of the path in bytes; 0 when unknown.
func segment(c net.Conn) int {
	n := 0
	_ = onSocket(c, func(fd int) { n, _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG) })
	return n
}

func onSocket(c net.Conn, f func(fd int)) error {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	return rc.Control(func(fd uintptr) { f(int(fd)) })
}
