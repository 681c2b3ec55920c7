package process

import (
	"bytes"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// The kernel answers a connection to a listening socket by itself, so a pot's
// port answers when somebody listens at it. Looking for that in /proc/net
// needs no connection, which the pot would report as an attack from the node;
// and it tells whose the socket is, so that another program at the same port
// is not taken for the pot.

// sockets calls f for every socket of this network namespace that is of a
// protocol, tcp or udp.
func sockets(protocol string, f func(tcpSocket)) {
	for _, name := range []string{"/proc/net/" + protocol, "/proc/net/" + protocol + "6"} {
		if file, err := os.Open(name); err == nil {
			eachSocket(file, f)
			_ = file.Close()
		}
	}
}

// silent returns the first of the ports that the program does not listen at,
// by TCP or UDP; 0 when all answer. A program with a user of its own owns what that user owns.
// One that has the node's user owns what its processes have open; where these
// can't be read, what the user owns must do.
func silent(ports []uint16, uid uint32, keeper int) uint16 {
	if len(ports) == 0 {
		return 0
	}
	listening := make(map[uint16][]uint64) // inodes; at most len(ports) keys
	own := uid != 0
	if !own {
		uid = uint32(os.Geteuid())
	}
	for protocol, state := range map[string]uint8{"tcp": tcpListen, "udp": udpBound} {
		sockets(protocol, func(s tcpSocket) {
			if s.state == state && s.uid == uid && slices.Contains(ports, s.port) {
				listening[s.port] = append(listening[s.port], s.inode)
			}
		})
	}
	for _, port := range ports {
		if len(listening[port]) == 0 {
			return port
		}
	}
	if own {
		return 0
	}
	open, readable := openSockets(keeper)
	for _, port := range ports {
		if readable && !slices.ContainsFunc(listening[port], func(inode uint64) bool { return open[inode] }) {
			return port
		}
	}
	return 0
}

// maxOpen bounds how many descriptors of the program are looked at.
const maxOpen = 1 << 14

// openSockets returns the inodes of what keeper's descendants have open, and
// whether all could be read.
func openSockets(keeper int) (inodes map[uint64]bool, readable bool) {
	inodes = make(map[uint64]bool)
	seen := 0
	for _, p := range descendants(keeper) {
		if p.state == 'Z' {
			continue
		}
		dir := "/proc/" + strconv.Itoa(p.pid) + "/fd/"
		f, err := os.Open(dir)
		if err != nil {
			return nil, false
		}
		names, _ := f.Readdirnames(maxOpen - seen)
		_ = f.Close()
		var link [64]byte
		for _, name := range names {
			n, err := unix.Readlink(dir+name, link[:])
			if err != nil {
				continue
			}
			if rest, ok := bytes.CutPrefix(link[:n], []byte("socket:[")); ok {
				inodes[uint64(number(bytes.TrimSuffix(rest, []byte("]"))))] = true
			}
		}
		if seen += len(names); seen >= maxOpen {
			return inodes, false
		}
	}
	return inodes, true
}

// established counts the connections at the ports.
func established(ports []uint16) (n int) {
	if len(ports) == 0 {
		return 0
	}
	sockets("tcp", func(s tcpSocket) {
		if s.state == tcpEstablished && slices.Contains(ports, s.port) {
			n++
		}
	})
	return n
}
