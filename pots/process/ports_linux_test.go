package process

import (
	"net"
	"os"
	"testing"
)

// A port answers when the program has it, by TCP or UDP, in either family; a
// connected socket of UDP takes nothing from others.
func TestSilent(t *testing.T) {
	parent := os.Getppid() // whose descendant we are
	port := func(a net.Addr) uint16 {
		if a, ok := a.(*net.UDPAddr); ok {
			return uint16(a.Port)
		}
		return uint16(a.(*net.TCPAddr).Port)
	}
	ports := []uint16{}
	for _, network := range []string{"tcp4", "tcp6"} {
		l, err := net.Listen(network, ":0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port(l.Addr()))
		if got := silent(ports, 0, parent); got != 0 {
			t.Errorf("%s: port %d is silent", network, got)
		}
		defer l.Close()
	}
	for _, network := range []string{"udp4", "udp6"} {
		c, err := net.ListenPacket(network, ":0")
		if err != nil {
			t.Fatal(err)
		}
		own := port(c.LocalAddr())
		if got := silent(append(ports, own), 0, parent); got != 0 {
			t.Errorf("%s: port %d is silent", network, got)
		}
		if got := silent([]uint16{own}, testUID, parent); got != own {
			t.Errorf("%s: another user's port answers", network)
		}
		c.Close()
		if got := silent(append(ports, own), 0, parent); got != own {
			t.Errorf("%s: %d is silent, want %d", network, got, own)
		}
	}
	c, err := net.Dial("udp4", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if own := port(c.LocalAddr()); silent([]uint16{own}, 0, parent) != own {
		t.Error("a connected socket answers")
	}
}
