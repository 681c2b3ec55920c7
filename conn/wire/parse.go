package wire

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep objects and arrays of a frame may nest; the deepest
// that Core sends is 5.
const maxDepth = 64

// Message is one decoded frame from Core: exactly one of Ack and Command is
// set, or neither when the node does not know the message. It is empty when
// the frame was broken.
type Message struct {
	Version int    // what the envelope said, -1 for no whole number; anything but Version is to be logged
	Kind    string // the variant's name: "RegistrationAck", "NodeCommand" or another
	Ack     *Ack
	Command *Command
}

// parse decodes one envelope. Unknown keys are ignored; a duplicate key, a
// wrong type, nesting over maxDepth and anything behind the document are
// errors.
func parse(line []byte, m *Message) error {
	*m = Message{}
	if deep(line) {
		return fmt.Errorf("%w: nested deeper than %d", ErrFrame, maxDepth)
	}
	p := newParser(line)
	p.envelope(m)
	if rest := line[p.d.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		p.fail("bytes behind the document")
	}
	if p.err != nil {
		*m = Message{}
		return fmt.Errorf("%w: %w", ErrFrame, p.err)
	}
	return nil
}

// deep tells whether a document nests deeper than maxDepth, before a parser
// spends memory on each level.
func deep(doc []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == '{' || c == '['):
			if depth++; depth > maxDepth {
				return true
			}
		case !quoted && (c == '}' || c == ']'):
			depth--
		}
	}
	return false
}

// parser reads one document; the first error sticks and turns every later
// call into nothing.
type parser struct {
	d   *jsontext.Decoder
	err error
}

// newParser reads doc in place: jsontext takes a bytes.Buffer's bytes without
// a copy.
func newParser(doc []byte) *parser {
	return &parser{d: jsontext.NewDecoder(bytes.NewBuffer(doc))}
}

func (p *parser) envelope(m *Message) {
	seen := false
	p.object(func(key string) {
		switch key {
		case "version":
			m.Version = p.version()
		case "message":
			seen = true
			p.message(m)
		default:
			p.skip()
		}
	})
	if !seen {
		p.fail("no message in the envelope")
	}
}

// version reads any number: one that is not a version we know is for the
// session to log, and no reason to lose what came with it.
func (p *parser) version() int {
	if p.kind() != jsontext.KindNumber {
		p.want("a number")
		return 0
	}
	n, err := strconv.ParseInt(p.token().String(), 10, 32)
	if err != nil || n < 0 {
		return -1
	}
	return int(n)
}

// message reads an enum: "Name", or an object with one key.
func (p *parser) message(m *Message) {
	if p.kind() == jsontext.KindString {
		m.Kind = p.string()
		if m.Kind == kindAck || m.Kind == kindCommand {
			p.fail("%s without its content", m.Kind)
		}
		return
	}
	n := 0
	p.object(func(key string) {
		n++
		m.Kind = key
		switch key {
		case kindAck:
			m.Ack = new(Ack)
			p.ack(m.Ack)
		case kindCommand:
			m.Command = new(Command)
			p.nodeCommand(m.Command)
		default:
			p.skip()
		}
	})
	if n != 1 {
		p.fail("a message must have one name, not %d", n)
	}
}

// The messages that Core sends.
const (
	kindAck     = "RegistrationAck"
	kindCommand = "NodeCommand"
)

func (p *parser) ack(a *Ack) {
	accepted := false
	p.object(func(key string) {
		switch key {
		case "node_id":
			a.NodeID = p.uint()
		case "accepted":
			accepted = true
			a.Accepted = p.bool()
		case "message":
			a.Message = p.optString()
		case "totp_key":
			a.TOTPKey = p.optString()
		default:
			p.skip()
		}
	})
	if !accepted {
		p.fail("RegistrationAck without accepted")
	}
}

func (p *parser) nodeCommand(c *Command) {
	seen := false
	p.object(func(key string) {
		switch key {
		case "node_id":
			c.NodeID = p.uint()
		case "command":
			seen = true
			p.command(c)
		default:
			p.skip()
		}
	})
	if !seen {
		p.fail("NodeCommand without command")
	}
}

func (p *parser) kind() jsontext.Kind {
	if p.err != nil {
		return jsontext.KindInvalid
	}
	return p.d.PeekKind()
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

// want fails with what stands in the place of what; where that is no JSON at
// all, with what the JSON reader says of it.
func (p *parser) want(what string) {
	kind := p.kind()
	if kind == jsontext.KindInvalid {
		p.token()
	}
	p.fail("want %s, not %v", what, kind)
}

func (p *parser) token() jsontext.Token {
	if p.err != nil {
		return jsontext.Null
	}
	t, err := p.d.ReadToken()
	p.err = err
	return t
}

// object calls member for each key; member must read the value.
func (p *parser) object(member func(key string)) {
	if p.kind() != jsontext.KindBeginObject {
		p.want("an object")
		return
	}
	for p.token(); p.err == nil && p.kind() != jsontext.KindEndObject; {
		if key := p.string(); p.err == nil {
			member(key)
		}
	}
	p.token()
}

func (p *parser) string() string {
	if p.kind() != jsontext.KindString {
		p.want("a string")
		return ""
	}
	t := p.token()
	if p.err != nil {
		return ""
	}
	return t.String()
}

// optString reads a string or null.
func (p *parser) optString() string {
	if p.kind() == jsontext.KindNull {
		p.token()
		return ""
	}
	return p.string()
}

func (p *parser) bool() bool {
	switch p.kind() {
	case jsontext.KindTrue, jsontext.KindFalse:
		t := p.token()
		return p.err == nil && t.Bool()
	}
	p.want("true or false")
	return false
}

// uint reads a number that is a whole one between 0 and 2^64-1.
func (p *parser) uint() uint64 {
	if p.kind() != jsontext.KindNumber {
		p.want("a number")
		return 0
	}
	t := p.token()
	if p.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(t.String(), 10, 64)
	if err != nil {
		p.fail("want a whole number from 0 to 2^64-1, not %.40q", t.String())
	}
	return n
}

func (p *parser) skip() {
	if p.err == nil {
		p.err = p.d.SkipValue()
	}
}
