package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// What OpenWrt's procd calls us: the init script and its instance
// (build/openwrt/forager.init).
const (
	procdService  = "forager"
	procdInstance = "forager"
)

// procdTimeout is how long procd waits before it restarts the node, in seconds.
const procdTimeout = 60

// The modes of an instance's watchdog (procd's service/instance.h).
const (
	procdOff     = 0
	procdPassive = 1 // counts from the first meal
)

// Procd has OpenWrt's procd restart the node when it does not hear from us:
// the instance's watchdog (method watchdog of the object service, since
// OpenWrt 21.02), spoken over the bus without starting a program.
type Procd struct {
	path string
	bus  *ubus
	id   uint32 // of the object service; 0: to be looked up
}

// procdName is what the connection is called between one program and the next.
const procdName = "UBUS"

// FindProcd connects to the bus and has procd count from now on. It returns
// nil where there is no procd, and an error that says why it will not watch.
func FindProcd(m Machine) (*Procd, error) {
	left := LeftOpen(procdName)
	p := &Procd{path: m.path(ubusSocket)}
	if left != nil {
		p.bus, _ = adoptUbus(left)
	} else if !m.OpenWrt() {
		return nil, nil
	}
	if err := p.Feed(); err != nil {
		p.drop()
		return nil, fmt.Errorf("procd does not watch this node: %w", err)
	}
	return p, nil
}

// Name is what status and the log call it.
func (p *Procd) Name() string { return "procd" }

// Every is half of procdTimeout.
func (p *Procd) Every() time.Duration { return procdTimeout * time.Second / 2 }

// Feed has procd count anew. A bus that was restarted is connected to again,
// which procd refuses to who is not root any more.
func (p *Procd) Feed() error { return p.say(procdPassive) }

// Close has procd count no more.
func (p *Procd) Close() error {
	err := p.say(procdOff)
	p.drop()
	return err
}

// Leave feeds once more and leaves the connection open for the next program,
// which may not be allowed to make one.
func (p *Procd) Leave(open map[string]*os.File) {
	if p.Feed() != nil {
		return
	}
	if c, ok := p.bus.conn.(*net.UnixConn); ok {
		if f, err := c.File(); err == nil {
			open[procdName] = f
		}
	}
}

func (p *Procd) drop() {
	if p.bus != nil {
		p.bus.conn.Close()
		p.bus = nil
	}
	p.id = 0
}

// say sets the watchdog, on a new connection if the old one is gone.
func (p *Procd) say(mode uint32) error {
	args := appendNamed(nil, blobString, "name", []byte(procdService+"\x00"))
	args = appendNamed(args, blobString, "instance", []byte(procdInstance+"\x00"))
	args = appendNamed(args, blobInt32, "mode", binary.BigEndian.AppendUint32(nil, mode))
	args = appendNamed(args, blobInt32, "timeout", binary.BigEndian.AppendUint32(nil, procdTimeout))
	err := p.invoke(args)
	if refused := ubusError(0); err != nil && !errors.As(err, &refused) {
		p.drop()
		err = p.invoke(args)
	}
	return err
}

func (p *Procd) invoke(args []byte) (err error) {
	if p.bus == nil {
		if p.bus, err = dialUbus(p.path); err != nil {
			p.bus = nil
			return err
		}
	}
	if p.id == 0 {
		if p.id, err = p.bus.lookup("service"); err != nil {
			return err
		}
	}
	err = p.bus.invoke(p.id, "watchdog", args)
	if errors.Is(err, ubusError(4)) { // procd may have a new id, or not know us
		p.id = 0
	}
	return err
}
