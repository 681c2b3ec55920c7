package pots

import (
	"context"
	"net"
)

// serve takes the lines of one connection.
func (in *Intake) serve(ctx context.Context, c *net.TCPConn) {
}
