package board

import (
	"fmt"
	"os"
	"strings"
)

// FeedConfig is what an operator wants fed beside systemd and procd, which are
// found.
type FeedConfig struct {
	Machine       Machine
	Watchdog      string // a device; empty: none
	HeartbeatFile string // empty: none
	LED           string // empty: none
}

// Open finds and opens who is to be fed, before the rights for that are given
// up. What can't be had is a problem, and the node goes on without. From then on
// a device resets the machine unless Run feeds it or Close closes it.
func (h *Heart) Open(c FeedConfig) (problems []error) {
	problem := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	var err error
	h.Systemd, err = FindSystemd()
	problem(err)
	h.Feeds = append(h.Feeds, h.Systemd.Feeds()...)
	p, err := FindProcd(c.Machine)
	problem(err)
	if p != nil {
		h.Feeds = append(h.Feeds, p)
	}
	if c.Watchdog == "" {
		DropWatchdog()
	} else if h.Watchdog, err = OpenWatchdog(c.Machine, c.Watchdog, h.Log); err != nil {
		problem(err)
	} else {
		h.Feeds = append(h.Feeds, h.Watchdog)
	}
	if c.HeartbeatFile != "" {
		f, warning, err := OpenHeartFile(c.HeartbeatFile)
		problem(err)
		problem(warning)
		if err == nil {
			h.Feeds = append(h.Feeds, f)
		}
	}
	if c.LED != "" {
		h.LED, err = OpenLED(c.Machine, c.LED)
		problem(err)
	}
	return problems
}

// Watchers names who waits to be fed, and for how long.
func (h *Heart) Watchers() string {
	var names []string
	for _, f := range h.Feeds {
		names = append(names, fmt.Sprintf("%s (%v)", f.Name(), 2*f.Every()))
	}
	return strings.Join(names, ", ")
}

// BootCause is why the machine booted, as far as a watchdog knows; empty when
// none does.
func (h *Heart) BootCause(m Machine) string {
	if cause, ok := h.Watchdog.BootCause(); ok {
		return cause
	}
	cause, _ := m.BootCause()
	return cause
}

// Files are those that who runs the node must own, to end well.
func (h *Heart) Files() (files []*os.File) {
	for _, f := range h.Feeds {
		if f, ok := f.(*HeartFile); ok {
			files = append(files, f.File())
		}
	}
	return append(files, h.LED.Files()...)
}
