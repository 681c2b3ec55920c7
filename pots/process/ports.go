package process

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
)

// States in /proc/net/tcp and udp, include/net/tcp_states.h. A socket of UDP
// that is bound, and takes from everybody, has that of a closed one of TCP.
const (
	tcpEstablished = 0x01
	udpBound       = 0x07
	tcpListen      = 0x0a
)

// maxSockets bounds how many lines of /proc/net/tcp are read: a machine with
// more connections has other troubles.
const maxSockets = 1 << 16

// tcpSocket is a line of /proc/net/tcp, tcp6, udp or udp6, proc_net(5).
type tcpSocket struct {
	port  uint16 // local
	state uint8
	uid   uint32
	inode uint64
}

// parseSocket reads "  sl local_address rem_address st tx:rx tr:when retrnsmt
// uid timeout inode …", addresses and state in hexadecimal.
func parseSocket(line []byte) (s tcpSocket, ok bool) {
	f := bytes.Fields(line)
	if len(f) < 10 {
		return s, false
	}
	colon := bytes.LastIndexByte(f[1], ':')
	port, err := strconv.ParseUint(string(f[1][colon+1:]), 16, 16)
	if err != nil || colon < 0 {
		return s, false
	}
	state, err := strconv.ParseUint(string(f[3]), 16, 8)
	if err != nil {
		return s, false
	}
	uid, err := strconv.ParseUint(string(f[7]), 10, 32)
	if err != nil {
		return s, false
	}
	inode, err := strconv.ParseUint(string(f[9]), 10, 64)
	return tcpSocket{uint16(port), uint8(state), uint32(uid), inode}, err == nil
}

// eachSocket calls f for every socket that r lists.
func eachSocket(r io.Reader, f func(tcpSocket)) {
	lines := bufio.NewReaderSize(r, 4<<10)
	for range maxSockets {
		line, err := lines.ReadSlice('\n')
		if s, ok := parseSocket(line); ok {
			f(s)
		}
		if err != nil {
			return
		}
	}
}
