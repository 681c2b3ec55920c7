package wire

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Message is one decoded frame from Core: exactly one of Ack and Command is
// set, or neither when the node does not know the message.
type Message struct {
	Version int    // what the envelope said; anything but Version is to be logged
	Kind    string // the variant's name: "RegistrationAck", "NodeCommand" or another
	Ack     *Ack
	Command *Command
}

// parse decodes one envelope. Unknown keys are ignored; a duplicate key, a
// wrong type and anything behind the document are errors.
func parse(line []byte, m *Message) error {
	*m = Message{}
	p := newParser(line)
	seen := false
	p.object(func(key string) {
		switch key {
		case "version":
			m.Version = int(min(p.uint(), 1<<31-1))
		case "message":
			seen = true
			p.message(m)
		default:
			p.skip()
		}
	})
	if p.err == nil && p.d.InputOffset() < int64(len(line)) && len(bytes.TrimSpace(line[p.d.InputOffset():])) > 0 {
		p.err = fmt.Errorf("bytes behind the document")
	}
	if p.err == nil && !seen {
		p.err = fmt.Errorf("no message in the envelope")
	}
	if p.err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, p.err)
	}
	return nil
}

// parser reads one document; the first error sticks and turns every later
// call into nothing.
type parser struct {
	d   *jsontext.Decoder
	err error
}

func newParser(doc []byte) *parser {
	return &parser{d: jsontext.NewDecoder(bytes.NewReader(doc))}
}

func (p *parser) message(m *Message) {
	if p.kind() == jsontext.KindString {
		m.Kind = p.string()
		return
	}
	p.object(func(key string) {
		m.Kind = key
		switch key {
		case "RegistrationAck":
			m.Ack = new(Ack)
			p.ack(m.Ack)
		case "NodeCommand":
			m.Command = new(Command)
			p.nodeCommand(m.Command)
		default:
			p.skip()
		}
	})
}

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
		p.fail("want an object")
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
		p.fail("want a string")
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
	p.fail("want true or false")
	return false
}

// uint reads a number that is a whole one between 0 and 2^64-1.
func (p *parser) uint() uint64 {
	if p.kind() != jsontext.KindNumber {
		p.fail("want a number")
		return 0
	}
	t := p.token()
	if p.err != nil {
		return 0
	}
	n, err := parseUint(t.String())
	if err != nil {
		p.err = err
	}
	return n
}

func (p *parser) skip() {
	if p.err == nil {
		p.err = p.d.SkipValue()
	}
}
