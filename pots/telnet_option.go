package pots

import "encoding/binary"

// Telnet's commands and options (RFC 854, 857, 858, 1073, 1091).
const (
	telIAC  = 255
	telDONT = 254
	telDO   = 253
	telWONT = 252
	telWILL = 251
	telSB   = 250
	telEL   = 248 // erase line
	telEC   = 247 // erase character
	telIP   = 244 // interrupt process
	telBRK  = 243
	telSE   = 240
	telEOF  = 236

	optEcho  = 1
	optSGA   = 3
	optTType = 24
	optNAWS  = 31

	ttypeIs   = 0
	ttypeSend = 1
)

// telnetHello is what telnet servers say before the banner: first, and after
// the client's answers.
var telnetHello = map[string]struct{ first, then string }{
	// networking/telnetd.c of BusyBox 1.36: DO ECHO, DO NAWS, WILL ECHO,
	// WILL SGA.
	"busybox": {first: "\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03"},
	// netkit-telnetd 0.17: DO TTYPE, DO TSPEED, DO XDISPLOC, DO NEW-ENVIRON,
	// alone, which is what scanners know it by; then WILL SGA, DO NAWS, WILL
	// ECHO: a person's client must not echo.
	"linux": {first: "\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27", then: "\xff\xfb\x03\xff\xfd\x1f\xff\xfb\x01"},
}

// telnetSub is how many bytes of a subnegotiation are kept.
const telnetSub = 64

// optState is where in a command a stream is (RFC 854).
type optState uint8

const (
	optData optState = iota
	optIAC
	optVerb  // behind DO, DONT, WILL or WONT
	optSub   // in a subnegotiation
	optSubFF // in one, behind IAC
)

// telnetOptions takes the commands out of a client's stream and notes what
// they tell of it.
type telnetOptions struct {
	state optState
	verb  byte
	asked bool // for the terminal's name
	term  bool // it was told
	size  bool
	sub   []byte
}

// next takes one byte and returns it if it is data, or the key that a command
// stands for.
func (o *telnetOptions) next(s *telnetSession, c byte) (data byte, ok bool) {
	switch o.state {
	case optData:
		if c != telIAC {
			return c, true
		}
		o.state = optIAC
	case optIAC:
		return o.command(c)
	case optVerb:
		o.state = optData
		s.out = o.answer(s.out, c)
	case optSub:
		if c == telIAC {
			o.state = optSubFF
			break
		}
		o.keep(c)
	case optSubFF:
		o.subFF(s, c)
	}
	return 0, false
}

// command takes the byte behind IAC.
func (o *telnetOptions) command(c byte) (data byte, ok bool) {
	o.state = optData
	switch c {
	case telIAC:
		return telIAC, true
	case telDO, telDONT, telWILL, telWONT:
		o.state, o.verb = optVerb, c
	case telSB:
		o.state, o.sub = optSub, o.sub[:0]
	case telIP, telBRK:
		return keyInterrupt, true
	case telEC:
		return keyDelete, true
	case telEL:
		return keyKill, true
	case telEOF:
		return keyEOF, true
	}
	return 0, false
}

// answer answers an option as BusyBox does, with silence, but for one: a
// client that offers its terminal's name is asked for it, once.
func (o *telnetOptions) answer(dst []byte, option byte) []byte {
	if o.verb != telWILL || option != optTType || o.asked {
		return dst
	}
	o.asked = true
	return append(dst, telIAC, telDO, optTType, telIAC, telSB, optTType, ttypeSend, telIAC, telSE)
}

// subFF takes the byte behind an IAC inside a subnegotiation.
func (o *telnetOptions) subFF(s *telnetSession, c byte) {
	switch c {
	case telIAC: // a data byte of 255
		o.state = optSub
		o.keep(telIAC)
	case telSE:
		o.state = optData
		o.told(s.c)
		o.sub = nil
	default: // against RFC 855: the client forgot the end; take it as a command
		o.sub = nil
		_, _ = o.command(c)
	}
}

func (o *telnetOptions) keep(c byte) {
	if len(o.sub) < telnetSub {
		o.sub = append(o.sub, c)
	}
}

// told notes a whole subnegotiation, each kind once.
func (o *telnetOptions) told(c *Conn) {
	switch b := o.sub; {
	case len(b) >= 2 && b[0] == optTType && b[1] == ttypeIs && !o.term:
		o.term = true
		c.Event("client.var").String("name", "TERM").Bytes("value", b[2:]).Send()
	case len(b) == 5 && b[0] == optNAWS && !o.size:
		o.size = true
		c.Event("client.size").
			Number("width", int64(binary.BigEndian.Uint16(b[1:]))).
			Number("height", int64(binary.BigEndian.Uint16(b[3:]))).Send()
	}
}
