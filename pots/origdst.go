package pots

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// soOriginalDst asks netfilter where a connection went before a rule
// redirected it: SO_ORIGINAL_DST (linux/netfilter_ipv4.h) and
// IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv6/ip6_tables.h).
const soOriginalDst = 80

// redirected is a Handler to whose port a firewall may redirect others.
type redirected interface {
	Handler
	// watch makes what looks out for scans of many ports, or nothing.
	watch(*listener) (*scanWatch, *synWatch)
}

// originalDst returns where a connection that arrived at local was going. It is
// false where the kernel does not know: no connection tracking, or TPROXY,
// which leaves the address as it is.
func originalDst(nc *net.TCPConn, local netip.AddrPort) (dst netip.AddrPort, ok bool) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return dst, false
	}
	_ = raw.Control(func(fd uintptr) {
		if local.Addr().Is4() {
			dst, ok = originalDst4(int(fd))
		} else {
			dst, ok = originalDst6(int(fd))
		}
	})
	return dst, ok
}

// originalDst4 borrows a getter of the size of a sockaddr_in: family, port and
// address in network order (linux/in.h).
func originalDst4(fd int) (netip.AddrPort, bool) {
	m, err := unix.GetsockoptIPv6Mreq(fd, unix.IPPROTO_IP, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, false
	}
	b := m.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])), true
}

// originalDst6 borrows one of the size of a sockaddr_in6 (linux/in6.h).
func originalDst6(fd int) (netip.AddrPort, bool) {
	m, err := unix.GetsockoptIPv6MTUInfo(fd, unix.IPPROTO_IPV6, soOriginalDst)
	if err != nil {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(netip.AddrFrom16(m.Addr.Addr), hostOrder(m.Addr.Port)), true
}

// hostOrder reads a number that the kernel stores in network order.
func hostOrder(n uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], n)
	return binary.BigEndian.Uint16(b[:])
}
