//go:build !linux

package conn

import (
	"errors"
	"net"
	"syscall"
	"time"
)

func controlSocket(_, _ string, _ syscall.RawConn) error { return nil }

func sleepFine(d time.Duration) { time.Sleep(d) }

func portTaken(error) bool { return true }

func unsent(net.Conn) (int, error) { return 0, errors.ErrUnsupported }

func segment(net.Conn) int { return 0 }
