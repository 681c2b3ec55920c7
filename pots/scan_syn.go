package pots

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of the watch for scans that do not connect.
const (
	// maxInterface is the longest name of an interface in bytes (IFNAMSIZ of
	// linux/if.h without its NUL).
	maxInterface = 15
	synSnap      = 128                    // bytes kept of a packet: IPv6 and TCP headers
	synBuffer    = 208 << 10              // bytes in the kernel, some 500 packets (net.core.rmem_max); a faster scan loses ports there, a flood costs us nothing
	synBurst     = 512                    // packets taken in one synPause at most
	synPause     = 100 * time.Millisecond //
	synLocal     = time.Minute            // for which this machine's addresses are remembered
)

// synWatch sees the first packets of TCP connections, before the firewall: a
// half-open scan (SYN, SYN-ACK, RST) never becomes a connection that a listener
// is told of. It needs CAP_NET_RAW.
type synWatch struct {
	scan *scanWatch
	file *os.File
	done chan struct{}
	loop sync.WaitGroup

	local   map[netip.Addr]bool // this machine's addresses
	learned time.Duration       // when
}

// watchSYN starts a watch on an interface, or on any.
func watchSYN(scan *scanWatch, name string) (*synWatch, error) {
	index := 0
	if name != "any" {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("syn=%s: %w", name, err)
		}
		index = i.Index
	}
	fd, err := synSocket(index)
	if err != nil {
		return nil, fmt.Errorf("syn=%s: %w; scans that do not connect stay unseen", name, err)
	}
	w := &synWatch{scan: scan, file: os.NewFile(uintptr(fd), "packets"), done: make(chan struct{})}
	w.loop.Go(w.run)
	return w, nil
}

// synSocket opens a packet socket that gets nothing before its filter is in
// place (packet(7)): protocol 0 receives nothing.
func synSocket(index int) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	prog := unix.SockFprog{Len: uint16(len(synFilter)), Filter: &synFilter[0]}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, synBuffer)
	if err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: hostOrder(unix.ETH_P_ALL), Ifindex: index})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// What the filter asks for: packets to this host (linux/if_packet.h), TCP, no
// later fragment, and of SYN, ACK, RST and FIN only SYN (RFC 9293 section 3.1).
const (
	bpfPacketType = 0xfffff000 + 4 // SKF_AD_OFF + SKF_AD_PKTTYPE, linux/filter.h
	packetHost    = 0
	tcpFlags      = 0x17
	tcpSYN        = 0x02
)

// synFilter runs in the kernel for every packet. Offsets are from the network
// header; a jump counts the instructions it leaves out.
var synFilter = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: bpfPacketType},
	{Code: unix.BPF_JMP | unix.BPF_JEQ, Jf: 17, K: packetHost},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 0},
	{Code: unix.BPF_ALU | unix.BPF_AND, K: 0xf0},
	{Code: unix.BPF_JMP | unix.BPF_JEQ, Jt: 5, K: 0x60}, // to IPv6
	{Code: unix.BPF_JMP | unix.BPF_JEQ, Jf: 13, K: 0x40},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 9}, // protocol
	{Code: unix.BPF_JMP | unix.BPF_JEQ, Jf: 11, K: unix.IPPROTO_TCP},
	{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 6}, // fragment
	{Code: unix.BPF_JMP | unix.BPF_JSET, Jt: 9, Jf: 4, K: 0x1fff},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 6}, // IPv6: next header
	{Code: unix.BPF_JMP | unix.BPF_JEQ, Jf: 7, K: unix.IPPROTO_TCP},
	{Code: unix.BPF_LDX | unix.BPF_W | unix.BPF_IMM, K: 40},
	{Code: unix.BPF_JMP | unix.BPF_JA, K: 1},
	{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0}, // X: the header's length
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_IND, K: 13},
	{Code: unix.BPF_ALU | unix.BPF_AND, K: tcpFlags},
	{Code: unix.BPF_JMP | unix.BPF_JEQ, Jf: 1, K: tcpSYN},
	{Code: unix.BPF_RET | unix.BPF_K, K: synSnap},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

// run takes packets, at a bounded rate.
func (w *synWatch) run() {
	buf := make([]byte, synSnap)
	burst, since := 0, w.scan.origin.now()
	for {
		n, err := w.file.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		now := w.scan.origin.now()
		if err != nil { // the interface is down
			if !w.pause(time.Second) {
				return
			}
			continue
		}
		w.packet(buf[:n], now)
		switch burst++; {
		case now-since > synPause:
			burst, since = 0, now
		case burst >= synBurst:
			if !w.pause(synPause) {
				return
			}
			burst, since = 0, now+synPause
		}
	}
}

func (w *synWatch) pause(d time.Duration) (more bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.done:
		return false
	}
}

// packet counts a SYN to this machine.
func (w *synWatch) packet(b []byte, now time.Duration) {
	defer w.scan.origin.inst.contain()
	src, dst, ok := synPorts(b)
	if !ok || w.scan.origin.inst.m.ignores(src.Addr()) || !w.here(dst.Addr(), now) {
		return
	}
	w.scan.see(src, dst, now)
}

// synPorts reads the addresses and ports of a TCP packet that begins with its
// IP header.
func synPorts(b []byte) (src, dst netip.AddrPort, ok bool) {
	var from, to netip.Addr
	switch {
	case len(b) >= 40 && b[0]>>4 == 4 && b[0]&15 >= 5 && len(b) >= int(b[0]&15)*4+4:
		from, to = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		b = b[int(b[0]&15)*4:]
	case len(b) >= 60 && b[0]>>4 == 6:
		from, to = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		b = b[40:]
	default:
		return src, dst, false
	}
	port := func(at int) uint16 { return uint16(b[at])<<8 | uint16(b[at+1]) }
	return netip.AddrPortFrom(from, port(0)), netip.AddrPortFrom(to, port(2)), true
}

// here tells whether an address is this machine's: what it forwards is no
// business of ours.
func (w *synWatch) here(a netip.Addr, now time.Duration) bool {
	if w.local == nil || now-w.learned > synLocal {
		w.local, w.learned = make(map[netip.Addr]bool), now
		list, _ := net.InterfaceAddrs()
		for _, l := range list {
			if n, ok := l.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					w.local[ip.Unmap()] = true
				}
			}
		}
	}
	return w.local[a]
}

// stop ends the watch. A nil one has ended.
func (w *synWatch) stop() {
	if w == nil {
		return
	}
	close(w.done)
	_ = w.file.Close()
	w.loop.Wait()
}
