package pots

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"time"
)

// Limits of the tcp pot.
const (
	tcpMaxBanner  = 512
	tcpDefaultMax = 1024 // bytes recorded
	tcpMostMax    = MaxField
	tcpWait       = 10 * time.Second // for the first byte
	tcpQuiet      = 2 * time.Second  // of silence behind the first bytes ends the connection
	tcpChunk      = 512              // bytes read at once
)

func init() {
	Register(Type{
		Name: "tcp",
		Help: "banner= what it says first; max= bytes recorded of what it hears (1024); wait= for the first byte (10s)",
		New:  newTCP,
	})
}

// tcp listens to what a stranger says first, and records it. It stands for
// every protocol that has no pot of its own.
type tcp struct {
	banner []byte
	max    int
	wait   time.Duration
}

func newTCP(s *Setup) (Handler, error) {
	return &tcp{
		banner: []byte(s.Options.String("banner", "", tcpMaxBanner)),
		max:    s.Options.Int("max", tcpDefaultMax, 1, tcpMostMax),
		wait:   s.Options.Duration("wait", tcpWait, 10*time.Millisecond, 10*time.Minute),
	}, nil
}

// Greeting is the banner.
func (t *tcp) Greeting() []byte { return t.banner }

// Serve records up to max bytes, and the hash of all when there are more. It
// listens until the attacker is done, silent, or has said too much.
func (t *tcp) Serve(c *Conn) {
	c.SetIdle(t.wait)
	heard := tcpHeard{most: t.max}
	buf := make([]byte, min(tcpChunk, t.max))
	for {
		n, err := c.Read(buf)
		if n > 0 {
			if heard.length == 0 {
				c.SetIdle(min(t.wait, tcpQuiet))
			}
			heard.add(buf[:n])
		}
		if err != nil {
			break
		}
	}
	if heard.length > 0 {
		heard.tell(c)
	}
}

// tcpHeard is what a connection said.
type tcpHeard struct {
	most   int
	start  []byte    // the first bytes, at most most
	length int64     // of all
	sum    hash.Hash // of all, once they are more than start
}

func (h *tcpHeard) add(p []byte) {
	h.length += int64(len(p))
	if h.sum == nil {
		take := min(len(p), h.most-len(h.start))
		h.start = append(h.start, p[:take]...)
		if p = p[take:]; len(p) == 0 {
			return
		}
		h.sum = sha256.New()
		h.sum.Write(h.start)
	}
	h.sum.Write(p)
}

func (h *tcpHeard) tell(c *Conn) {
	e := c.Event("session.data").Number("length", h.length).Bytes("payload", h.start)
	h.tellSum(e, h.most)
	e.Send()
}

// tellSum adds the hash of all when the event has only the first recorded
// bytes of it.
func (h *tcpHeard) tellSum(e *Event, recorded int) {
	if h.length <= int64(recorded) {
		return
	}
	if h.sum == nil { // more was kept than is recorded
		h.sum = sha256.New()
		h.sum.Write(h.start)
	}
	e.String("shasum", hex.EncodeToString(h.sum.Sum(nil)))
}
