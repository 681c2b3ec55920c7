package conn

import (
	"context"
	"net"
	"time"
)

// A dead link must be noticed within a minute: the first keepalive probe after
// 20 s of silence, then every 10 s; data that is not acknowledged, or a peer
// that keeps its window shut, for 45 s ends the connection (TCP_USER_TIMEOUT,
// tcp(7)).
const (
	keepIdle    = 20 * time.Second
	keepEvery   = 10 * time.Second
	keepCount   = 2
	userTimeout = 45 * time.Second
)

// unsentLimit is how many bytes the kernel queues beyond what Core's window
// takes (TCP_NOTSENT_LOWAT, tcp(7)): what a heartbeat may have before it, and
// what a Core that stops reading costs in kernel memory.
const unsentLimit = 128 << 10

// Dialer returns the dialling function of a node: TCP, from the node's own
// source port where that is free.
func Dialer(nodeID uint64) func(context.Context, string) (net.Conn, error) {
	port := sourcePort(nodeID)
	return func(ctx context.Context, addr string) (net.Conn, error) {
		c, err := dialFrom(ctx, addr, port)
		if err != nil && portTaken(err) {
			c, err = dialFrom(ctx, addr, 0)
		}
		return c, err
	}
}

// Source ports are below the range that Linux gives out by itself (32768 up,
// ip(7) ip_local_port_range), so that no other program gets ours by chance.
const (
	firstSourcePort = 20000
	sourcePorts     = 12000
)

// sourcePort derives the port a node dials from out of its id. A node that
// comes back after a power cut with the port it had lets Core's kernel find
// and close the socket of before (RFC 5961 section 4), which the strict Core
// would wait on for ever.
func sourcePort(nodeID uint64) int {
	h := nodeID * 0x9e3779b97f4a7c15 // Fibonacci hashing: neighbouring ids, distant ports
	return firstSourcePort + int(h>>32%sourcePorts)
}

func dialFrom(ctx context.Context, addr string, port int) (net.Conn, error) {
	d := net.Dialer{
		Timeout: dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepIdle, Interval: keepEvery, Count: keepCount,
		},
		Control: controlSocket,
	}
	if port != 0 {
		d.LocalAddr = &net.TCPAddr{Port: port}
	}
	return d.DialContext(ctx, "tcp", addr)
}
