//go:build linux

package main

import "time"

// Before it is measured a node has this long to become quiet, which takes Go's
// runtime some 15 s; then it is watched. Being idle has a heartbeat every 30 s
// and a collection that the runtime forces every two minutes, which leaves the
// collector's own memory behind; -quick may miss it.
const (
	quietTime  = 20 * time.Second
	watchTime  = 125 * time.Second
	watchQuick = 15 * time.Second
)

const mega = 1 << 20

// measureIdle watches a node that has everything of the first issues open, and
// nothing to do.
func measureIdle(b *bench) ([]row, error) {
	nd, _, err := startPots(b, nil)
	if err != nil {
		return nil, err
	}
	defer nd.stop()
	watch := watchTime
	if b.quick {
		watch = watchQuick
	}
	time.Sleep(quietTime)
	before, err := switches(nd.pid())
	if err != nil {
		return nil, err
	}
	time.Sleep(watch)
	after, err := switches(nd.pid())
	if err != nil {
		return nil, err
	}
	m, err := memoryOf(nd.pid())
	if err != nil {
		return nil, err
	}
	perMinute := float64(after-before) * float64(time.Minute) / float64(watch)
	return []row{
		limit("idle, telnet, tcp and intake listening, session up: RSS", m.rss/mega, 8, "MB", ""),
		limit("its private dirty memory", m.dirty/mega, 2.5, "MB", ""),
		limit("its context switches", perMinute, 60, "a minute", "a ticker of 1 s: 503; none: 2"),
	}, nil
}

// startPots runs a node with the telnet and the tcp pot and the intake, and
// returns the telnet pot's address when it listens.
func startPots(b *bench, core []string) (*node, string, error) {
	var addr [3]string
	for i := range addr {
		var err error
		if addr[i], err = freeAddr(); err != nil {
			return nil, "", err
		}
	}
	nd, err := startNode(b, core, "-intake", addr[0],
		"-pot", "telnet id=t listen="+addr[1]+" accept=never tries=1", "-pot", "tcp id=c listen="+addr[2])
	if err != nil {
		return nil, "", err
	}
	for _, a := range addr {
		c, err := dial(a)
		if err != nil {
			nd.stop()
			return nil, "", err
		}
		c.Close()
	}
	return nd, addr[1], nil
}
