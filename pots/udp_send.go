package pots

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// send sends to the sender of the datagram at hand, from where he sent it to.
func (s *udpService) send(b []byte) error {
	c := &s.from
	from := c.dst
	if s.inst.spec.ReportPort != 0 && from.Port() == s.inst.spec.ReportPort {
		from = netip.AddrPortFrom(from.Addr(), s.port)
	}
	if from.Port() != s.port {
		return sendFrom(from, c.src, b)
	}
	_, _, err := s.conn.WriteMsgUDPAddrPort(b, sourceControl(from.Addr()), c.src)
	return err
}

// sourceControl says from which of our addresses to send (ip(7), ipv6(7)).
func sourceControl(a netip.Addr) []byte {
	switch {
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast():
		return nil
	case a.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: a.As4()})
	}
	return unix.PktInfo6(&unix.Inet6Pktinfo{Addr: a.As16()})
}

// sendFrom sends one datagram from an address and port that TPROXY took it
// from, for which a socket must be transparent (CAP_NET_ADMIN). It is too short
// of life to be given what comes to them: TPROXY prefers the one that listens.
func sendFrom(from, to netip.AddrPort, b []byte) error {
	family, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TRANSPARENT
	if from.Addr().Is6() {
		family, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, sockaddr(from)); err != nil {
		return err
	}
	return unix.Sendto(fd, b, 0, sockaddr(to))
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
