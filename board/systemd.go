package board

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// notifyTime is how long systemd may take to take a message.
const notifyTime = time.Second

// The variables that systemd talks to a service with (sd_notify(3),
// sd_watchdog_enabled(3)).
const (
	notifySocket = "NOTIFY_SOCKET"
	watchdogUsec = "WATCHDOG_USEC"
	watchdogPID  = "WATCHDOG_PID"
)

// Systemd tells the service manager how the node is, and that it lives. A nil
// Systemd tells nobody.
type Systemd struct {
	addr  net.UnixAddr
	every time.Duration // 0: no watchdog

	mu   sync.Mutex
	conn *net.UnixConn
}

// FindSystemd returns nil when this is no service that notifies. What children
// would take for their own is taken out of the environment; Replace puts it
// back.
func FindSystemd() (*Systemd, error) {
	path := os.Getenv(notifySocket)
	usec, pid := os.Getenv(watchdogUsec), os.Getenv(watchdogPID)
	for _, name := range [...]string{notifySocket, watchdogUsec, watchdogPID} {
		keepForReplace(name)
	}
	if path == "" {
		return nil, nil
	}
	if (path[0] != '/' && path[0] != '@') || len(path) < 2 {
		return nil, fmt.Errorf("systemd: %s %.40q is no path", notifySocket, path)
	}
	s := &Systemd{addr: net.UnixAddr{Name: path, Net: "unixgram"}}
	if pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return s, nil // the watchdog watches another
	}
	if n, err := strconv.ParseUint(usec, 10, 63); err == nil && n > 0 {
		s.every = time.Duration(min(n, uint64(24*time.Hour/time.Microsecond))) * time.Microsecond / 2
	} else if usec != "" {
		return s, fmt.Errorf("systemd: %s %.40q is no number of microseconds", watchdogUsec, usec)
	}
	return s, nil
}

// Feeds returns s if systemd wants to be fed (WatchdogSec).
func (s *Systemd) Feeds() []Feed {
	if s == nil || s.every == 0 {
		return nil
	}
	return []Feed{s}
}

// Name is what status and the log call it.
func (s *Systemd) Name() string { return "systemd" }

// Every is half of WATCHDOG_USEC.
func (s *Systemd) Every() time.Duration { return s.every }

// Feed keeps systemd from killing the node.
func (s *Systemd) Feed() error { return s.send("WATCHDOG=1") }

// Close does nothing: whoever stops is not watched any more.
func (s *Systemd) Close() error { return nil }

// Ready says that the node serves, also after Reloading.
func (s *Systemd) Ready() error { return s.send("READY=1") }

// Status is one line for systemctl status.
func (s *Systemd) Status(text string) error {
	return s.send("STATUS=" + strings.ReplaceAll(text, "\n", " "))
}

// Reloading says that the configuration is read again, or that the program
// replaces itself, which keeps its process id.
func (s *Systemd) Reloading() error {
	if s == nil {
		return nil
	}
	return s.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(monotonic()/1000, 10))
}

// Stopping says that the node ends because it was told to.
func (s *Systemd) Stopping() error { return s.send("STOPPING=1") }

// send makes a datagram; the socket may be new after systemd has replaced
// itself.
func (s *Systemd) send(message string) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for range 2 {
		if s.conn == nil {
			if s.conn, err = net.DialUnix("unixgram", nil, &s.addr); err != nil {
				s.conn = nil
				return fmt.Errorf("systemd: %w", err)
			}
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(notifyTime))
		if _, err = s.conn.Write([]byte(message)); err == nil {
			return nil
		}
		_ = s.conn.Close()
		s.conn = nil
	}
	return fmt.Errorf("systemd: %w", err)
}
