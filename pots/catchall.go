package pots

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"forager/pots/appid"
	"forager/pots/tlshello"
)

// Limits of the catch-all, what we chose; the others are those of tcp.
const (
	catchSilent = 2 * time.Second // a client waits for the server to speak first
	catchMost   = 512             // bytes that are classified again while more come
	catchHello  = 4 << 10         // bytes kept of a ClientHello
)

func init() {
	Register(Type{
		Name: "catchall",
		Help: "where a firewall redirects ports to. max= bytes recorded (1024); wait= for the first byte (10s); hand= what goes to other pots, of " +
			strings.Join(handNames(), ",") + "; silent= before a server of the port's kind speaks first (2s); scan= ports that make a scan, 0: none (5); " +
			"scan-window= of quiet that ends it (30s); syn= the interface, or any, where scans that do not connect are watched; options of other pots are theirs by default",
		New: newCatchAll,
	})
}

// catchHand is what may be handed to another pot.
type catchHand struct {
	name  string   // in hand=; also what appid calls it
	typ   string   // the pot
	ports []uint16 // where its server speaks first
}

var catchHands = []catchHand{
	{name: "tls", typ: "https"},
	{name: "http", typ: "http"},
	{name: "ssh", typ: "ssh", ports: []uint16{22, 2022, 2222, 22222}},
	{name: "telnet", typ: "telnet", ports: []uint16{23, 2323, 5523, 23231}},
	{name: "adb", typ: "adb"},
}

func handNames() (names []string) {
	for _, h := range catchHands {
		names = append(names, h.name)
	}
	return names
}

// catchAll listens for a whole range of ports, says what each connection
// speaks, and records it or hands it to the pot that speaks it too.
type catchAll struct {
	max          int
	wait, silent time.Duration
	hands        []catchTaker
	scanPorts    int
	scanWindow   time.Duration
	syn          string
}

// catchTaker is a pot that takes connections over.
type catchTaker struct {
	catchHand
	as      []byte // its type
	handler Handler
}

func newCatchAll(s *Setup) (Handler, error) {
	o := s.Options
	t := &catchAll{
		max:        o.Int("max", tcpDefaultMax, 1, tcpMostMax),
		wait:       o.Duration("wait", tcpWait, 10*time.Millisecond, 10*time.Minute),
		silent:     o.Duration("silent", catchSilent, 0, time.Minute),
		scanPorts:  o.Int("scan", scanPorts, 0, scanListed),
		scanWindow: o.Duration("scan-window", scanWindow, 10*time.Millisecond, scanLongest),
		syn:        o.String("syn", "", maxInterface),
	}
	for name := range strings.SplitSeq(o.String("hand", "", maxKey), ",") {
		if name == "" {
			continue
		}
		i := slices.IndexFunc(catchHands, func(h catchHand) bool { return h.name == name })
		if i < 0 || !BuiltIn(catchHands[i].typ) {
			o.Fail("hand", "want names of "+strings.Join(handNames(), ", ")+", not "+quote(name))
			break
		}
		h, err := t.taker(s, catchHands[i])
		if err != nil {
			return nil, err
		}
		t.hands = append(t.hands, h)
	}
	return t, nil
}

// taker makes a pot with its usual options.
func (t *catchAll) taker(s *Setup, h catchHand) (catchTaker, error) {
	set := *s
	set.Spec.Type, set.Spec.Options = h.typ, nil
	handler, err := build(set)
	return catchTaker{h, []byte(h.typ), handler}, err
}

// watch makes what looks out for scans, as asked for and as far as it may.
func (t *catchAll) watch(l *listener) (*scanWatch, *synWatch) {
	if t.scanPorts == 0 {
		return nil, nil
	}
	scan := newScanWatch(l, t.scanPorts, t.scanWindow)
	if t.syn == "" {
		return scan, nil
	}
	syn, err := watchSYN(scan, t.syn)
	if err != nil {
		l.inst.m.complain(fmt.Errorf("pot %s: %w", l.inst.spec.ID, err))
	}
	return scan, syn
}

// catchSession is one connection until it is handed over or done.
type catchSession struct {
	heard tcpHeard
	buf   [tcpChunk]byte
}

var catchSessions = sync.Pool{New: func() any { return new(catchSession) }}

// Serve listens, and names what it hears as soon as it can.
func (t *catchAll) Serve(c *Conn) {
	s := catchSessions.Get().(*catchSession)
	if !t.listen(s, c) && s.heard.length > 0 {
		s.tell(c, t.max)
	}
	start := kept(s.heard.start)
	s.heard = tcpHeard{start: start}
	catchSessions.Put(s)
}

// listen reads until the attacker is done, silent, or has said too much; or
// tells that the connection goes to another pot.
func (t *catchAll) listen(s *catchSession, c *Conn) (handed bool) {
	c.SetIdle(t.wait)
	s.heard.most = max(t.max, catchHello)
	n, err := t.first(s, c)
	if err == errSilent {
		return true
	}
	for ; ; n, err = c.Read(s.buf[:]) {
		if n > 0 {
			if s.heard.length == 0 {
				c.SetIdle(min(t.wait, tcpQuiet))
			}
			s.heard.add(s.buf[:n])
			if s.heard.length <= catchMost && t.hand(c, appid.TCP(s.heard.start), s.heard.start) {
				return true
			}
		}
		if err != nil {
			return false
		}
	}
}

// first reads the first bytes. Where servers speak first and a pot can, that
// pot gets the silent client; the error is errSilent then.
func (t *catchAll) first(s *catchSession, c *Conn) (int, error) {
	for i := range t.hands {
		if h := &t.hands[i]; slices.Contains(h.ports, c.dst.Port()) {
			n, err := c.readWithin(s.buf[:], t.silent)
			if err == errSilent {
				h.take(c, h.name, nil)
			}
			return n, err
		}
	}
	return c.Read(s.buf[:])
}

// hand gives the connection to the pot that speaks app, if one may have it.
func (t *catchAll) hand(c *Conn, app string, read []byte) bool {
	for i := range t.hands {
		if h := &t.hands[i]; h.name == app {
			h.take(c, app, append([]byte(nil), read...))
			return true
		}
	}
	return false
}

// take has the connection go on at the other pot, which reads again what was
// read.
func (h *catchTaker) take(c *Conn, app string, read []byte) {
	c.Event("session.handed").String("app", app).String("to", h.typ).Send()
	c.as, c.pre, c.then = h.as, read, h.handler
	c.SetIdle(c.l.limits().Idle)
	if g, ok := h.handler.(Greeter); ok {
		_, _ = c.Write(g.Greeting()) // errors show at the next read
	}
}

// tell records what was heard, cut to most bytes, and what it is.
func (s *catchSession) tell(c *Conn, most int) {
	h := &s.heard
	app := appid.TCP(h.start)
	e := c.Event("session.data").String("app", app).Number("length", h.length).Bytes("payload", h.start[:min(len(h.start), most)])
	h.tellSum(e, most)
	var room [appid.MaxDetail]byte
	if key, value := appid.Detail(room[:0], app, h.start); key != "" {
		e.Bytes(key, value)
	}
	if app == "tls" {
		e.hello(h.start)
	}
	e.Send()
}

// hello adds what a TLS client says of itself, as far as it was heard.
func (e *Event) hello(b []byte) {
	h, _ := tlshello.Parse(b)
	if h == nil {
		return
	}
	e.String("ja3", h.JA3()).String("ja4", h.JA4()).String("versions", string(h.AppendVersions(nil)))
	if h.HasSNI {
		e.Bytes("sni", h.ServerName)
	}
	var alpn []byte
	for i, name := range h.ALPN {
		if i > 0 {
			alpn = append(alpn, ',')
		}
		alpn = append(alpn, name...)
	}
	if len(alpn) > 0 {
		e.Bytes("alpn", alpn)
	}
}
