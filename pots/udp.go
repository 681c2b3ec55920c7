package pots

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"forager/board"
	"forager/pots/appid"
)

// Limits of the udp pot, what we chose.
const (
	udpBuffer  = 4 << 10 // bytes of a datagram that are read; the largest are floods
	udpControl = 128     // bytes of control messages
	udpRetry   = time.Second
)

func init() {
	Register(Type{
		Name: "udp",
		Help: "datagrams to its port, or those that a firewall gives it with TPROXY. max= bytes recorded (1024); answer= no, or yes: " +
			"to what can be answered in no more bytes, a few times a minute for each network (no); scan= ports that make a scan, 0: none (5); " +
			"scan-window= of quiet that ends it (30s)",
		New: newUDP,
	})
}

// udp records datagrams. Their senders may be forged, so that nothing is sent
// that would hurt somebody who did not ask.
type udp struct {
	max        int
	answers    bool
	scanPorts  int
	scanWindow time.Duration
}

func newUDP(s *Setup) (Handler, error) {
	o := s.Options
	u := &udp{
		max:        o.Int("max", tcpDefaultMax, 1, udpBuffer),
		scanPorts:  o.Int("scan", scanPorts, 0, scanListed),
		scanWindow: o.Duration("scan-window", scanWindow, 10*time.Millisecond, scanLongest),
	}
	answer := o.String("answer", "no", maxKey)
	if u.answers = answer == "yes"; !u.answers && answer != "no" {
		o.Fail("answer", "want yes or no, not "+quote(answer))
	}
	return u, nil
}

// Serve is not for a pot without connections.
func (u *udp) Serve(*Conn) { panic("BUG: a connection at a udp pot") }

// starter is a Handler that is not served by a TCP listener.
type starter interface {
	Handler
	start(*instance) (service, error)
}

// udpService is a udp pot that runs. One goroutine does all.
type udpService struct {
	*udp
	inst    *instance
	conn    *net.UDPConn
	port    uint16    // it is bound to
	origin  listener  // of its events
	from    Conn      // of the datagram at hand
	limit   *udpLimit // nil: no answers
	loop    sync.WaitGroup
	done    chan struct{}
	proofs  board.Proofs
	buf     [udpBuffer]byte
	control [udpControl]byte
	answer  []byte
}

// start binds the port.
func (u *udp) start(i *instance) (service, error) {
	network, address, err := i.spec.address()
	if err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: udpOptions}
	pc, err := lc.ListenPacket(context.Background(), strings.Replace(network, "tcp", "udp", 1), address)
	if err != nil {
		return nil, fmt.Errorf("listen=%s: %w", i.spec.Listen, cause(err))
	}
	s := &udpService{udp: u, inst: i, conn: pc.(*net.UDPConn), done: make(chan struct{})}
	s.port = s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	s.origin = listener{inst: i, forged: true}
	if u.scanPorts > 0 {
		s.origin.scan = newScanWatch(&s.origin, u.scanPorts, u.scanWindow)
	}
	if u.answers {
		s.limit = newUDPLimit(i.salt)
	}
	s.loop.Go(s.run)
	return s, nil
}

// udpOptions has the kernel tell where each datagram was going, in either
// family, and take those that TPROXY gives us, as far as we may (ip(7)).
func udpOptions(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		for _, o := range [...]struct{ level, name int }{
			{unix.IPPROTO_IP, unix.IP_RECVORIGDSTADDR}, {unix.IPPROTO_IPV6, unix.IPV6_RECVORIGDSTADDR},
			{unix.IPPROTO_IP, unix.IP_TRANSPARENT}, {unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT},
		} {
			_ = unix.SetsockoptInt(int(fd), o.level, o.name, 1) // the other family's fail
		}
	})
}

func (s *udpService) addr() string { return s.conn.LocalAddr().String() }

// run is the loop that takes datagrams.
func (s *udpService) run() {
	for {
		n, controls, _, src, err := s.conn.ReadMsgUDPAddrPort(s.buf[:], s.control[:])
		switch {
		case err == nil:
			src = netip.AddrPortFrom(src.Addr().Unmap().WithZone(""), src.Port())
			s.take(s.buf[:n], src, s.aim(s.control[:controls]))
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = s.conn.SetReadDeadline(time.Time{})
			s.proofs.Answer(false)
		case errors.Is(err, net.ErrClosed):
			s.proofs.Answer(true)
			return
		default: // an error of an earlier answer; none should last
			t := time.NewTimer(udpRetry)
			select {
			case <-t.C:
			case <-s.done:
				t.Stop()
			}
		}
	}
}

// aim finds where a datagram was going. Without the kernel's word it is where
// we listen.
func (s *udpService) aim(controls []byte) netip.AddrPort {
	for len(controls) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(controls)
		if err != nil {
			break
		}
		if dst, ok := udpTarget(h.Level, h.Type, data); ok {
			if p := s.inst.spec.ReportPort; p != 0 && dst.Port() == s.port {
				dst = netip.AddrPortFrom(dst.Addr(), p)
			}
			return dst
		}
		controls = rest
	}
	local := s.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
}

// udpTarget reads a sockaddr_in or sockaddr_in6 (linux/in.h, linux/in6.h).
func udpTarget(level, kind int32, data []byte) (dst netip.AddrPort, ok bool) {
	switch {
	case level == unix.IPPROTO_IP && kind == unix.IP_ORIGDSTADDR && len(data) >= 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[4:8])), port(data)), true
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_ORIGDSTADDR && len(data) >= 24:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(data[8:24])).Unmap(), port(data)), true
	}
	return dst, false
}

// port is behind the family, in network order.
func port(sockaddr []byte) uint16 { return uint16(sockaddr[2])<<8 | uint16(sockaddr[3]) }

// take records a datagram, and answers it if that may be.
func (s *udpService) take(b []byte, src, dst netip.AddrPort) {
	defer s.inst.contain()
	m := s.inst.m
	if m.ignores(src.Addr()) {
		s.inst.count.ignored.Add(1)
		return
	}
	now := s.origin.now()
	s.inst.count.conns.Add(1)
	s.inst.count.bytesIn.Add(uint64(len(b)))
	s.origin.scan.see(src, dst, now)
	c := &s.from
	c.l, c.src, c.dst, c.key, c.session, c.in = &s.origin, src, dst, addrKey(src.Addr()), m.nextSession(), int64(len(b))
	app := appid.UDP(b)
	answered := s.reply(app, b, now)
	e := c.Event("session.data").String("app", app).Number("length", c.in).Bytes("payload", b[:min(len(b), s.max)])
	var room [appid.MaxDetail]byte
	if key, value := appid.Detail(room[:0], app, b); key != "" {
		e.Bytes(key, value)
	}
	if answered > 0 {
		e.Number("answer_length", int64(answered))
	}
	e.Send()
}

// reply answers with no more bytes than were asked with, and not more often
// than the limit says. It returns how many bytes were sent.
func (s *udpService) reply(app string, b []byte, now time.Duration) int {
	if s.limit == nil {
		return 0
	}
	answer := s.compose(app, b)
	if len(answer) == 0 || !s.limit.allow(s.from.src.Addr(), now) || s.send(answer) != nil {
		return 0
	}
	return len(answer)
}

// compose makes the answer to a question, if there is one that is no longer.
func (s *udpService) compose(app string, question []byte) []byte {
	s.answer = appendAnswer(s.answer[:0], app, question)
	if len(s.answer) > len(question) {
		return nil
	}
	return s.answer
}

// stop ends the loop.
func (s *udpService) stop() {
	close(s.done)
	_ = s.conn.Close()
	s.loop.Wait()
	s.origin.scan.close()
	s.inst.m.budget.flush(s.inst)
}

func (s *udpService) prove() <-chan struct{} {
	return s.proofs.Ask(func() { _ = s.conn.SetReadDeadline(longAgo) })
}
