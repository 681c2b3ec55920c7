package core

import (
	"errors"
	"fmt"
	"slices"
)

// Kind says which message of the protocol a frame carries.
type Kind uint8

// The messages a node sends.
const (
	NodeRegistration Kind = iota
	NodeStatusUpdate
	NodeEvent
	PotStatusUpdate
	PotEvent
	NodeDrop
	kinds int = iota
)

var kindNames = [kinds]string{
	"NodeRegistration", "NodeStatusUpdate", "NodeEvent", "PotStatusUpdate", "PotEvent", "NodeDrop",
}

// String returns the message's name on the wire.
func (k Kind) String() string { return kindNames[k] }

// frame is what check reads out of one envelope; the slices point into it.
type frame struct {
	kind        Kind
	nodeID      uint64
	hasNodeID   bool   // not so in NodeEvent and NodeDrop
	body        []byte // the content of the message
	totpCode    []byte
	description []byte // of a NodeEvent Alarm, still escaped
}

// shape is what a field's value must be.
type shape uint8

const (
	u64 shape = iota
	u16
	text
	optionalText // may be null or absent
	object
	word // one of field.words
)

type field struct {
	name  string
	shape shape
	words []string
}

// The fields of each message, by protocol.
var (
	fieldsOf = [kinds][]field{
		NodeRegistration: {
			{name: "node_id", shape: u64}, {name: "node_name", shape: text},
			{name: "address", shape: text}, {name: "port", shape: u16},
			{name: "node_type", shape: word, words: []string{"Full", "Agent"}},
			{name: "totp_code", shape: optionalText},
		},
		NodeStatusUpdate: {
			{name: "node_id", shape: u64},
			{name: "status", shape: word, words: []string{
				"Connected", "Deploying", "Running", "Stopped", "Failed", "Unknown"}},
		},
		PotStatusUpdate: {
			{name: "node_id", shape: u64}, {name: "pot_id", shape: text},
			{name: "pot_type", shape: text},
			{name: "status", shape: word, words: []string{"Installing", "Running", "Stopped", "Failed"}},
			{name: "message", shape: optionalText},
		},
		PotEvent: {
			{name: "node_id", shape: u64}, {name: "pot_id", shape: text},
			{name: "pot_type", shape: text}, {name: "event_type", shape: text},
			{name: "timestamp", shape: text}, {name: "data", shape: object},
		},
	}
	alarmFields = []field{{name: "description", shape: text}}
	errorFields = []field{{name: "message", shape: text}}
	// What makes an object inside an alarm a PotEvent.
	packedFields = []field{
		{name: "event_type", shape: text}, {name: "timestamp", shape: text}, {name: "data", shape: object},
	}
)

const maxFields = 8 // the longest list above, rounded up

// checker reads one envelope. Strict is the Core that people run, as it was
// measured; otherwise it is the Core of the documents.
type checker struct {
	scanner
	strict bool
	values [maxFields][]byte // of the last call of fields, in the list's order
}

var errNoMessage = errors.New("missing field version or message")

// check reads one envelope into f. An error says why Core refuses it.
func (c *checker) check(b []byte, f *frame) error {
	c.scanner = scanner{b: b}
	*f = frame{}
	var version, message bool
	c.open('{')
	for n := 0; c.more(n, '}'); n++ {
		switch key := c.key(); {
		case string(key) == "version" && !version:
			version = true
			if v := c.uint(64); v != 2 {
				c.fail("version is not 2")
			}
		case string(key) == "message" && !message:
			message = true
			c.message(f)
		case string(key) == "version" || string(key) == "message":
			c.fail("duplicate field %s", key)
		default:
			c.skip()
		}
	}
	if err := c.end(); err != nil {
		return err
	}
	if !version || !message {
		return errNoMessage
	}
	return nil
}

// message reads the enum that names the message.
func (c *checker) message(f *frame) {
	name, unit := c.variant()
	i := slices.Index(kindNames[:], string(name))
	if c.err != nil {
		return
	}
	f.kind = Kind(max(i, 0))
	switch {
	case i < 0, f.kind == PotEvent && c.strict:
		c.fail("unknown variant %.40q", name)
	case f.kind == NodeDrop:
		c.unit(unit)
	case unit:
		c.fail("%s without content", name)
	case f.kind == NodeEvent:
		c.nodeEvent(f)
	default:
		c.content(f)
	}
	if !unit {
		c.closeVariant()
	}
}

// content reads a message that is a plain struct.
func (c *checker) content(f *frame) {
	f.body = c.fields(fieldsOf[f.kind])
	if c.err != nil {
		return
	}
	f.hasNodeID = true
	id := scanner{b: c.values[0]}
	f.nodeID = id.uint(64)
	if f.kind == NodeRegistration && len(c.values[5]) > 2 {
		f.totpCode = trimQuotes(c.values[5])
	}
}

// nodeEvent reads "Started", "Stopped", {"Alarm":…} or {"Error":…}.
func (c *checker) nodeEvent(f *frame) {
	c.peek()
	start := c.i
	name, unit := c.variant()
	switch string(name) {
	case "Started", "Stopped":
		c.unit(unit)
	case "Alarm", "Error":
		if unit {
			c.fail("%s without content", name)
			return
		}
		if string(name) == "Alarm" {
			c.fields(alarmFields)
			f.description = trimQuotes(c.values[0])
		} else {
			c.fields(errorFields)
		}
	default:
		c.fail("unknown variant %.40q", name)
	}
	if !unit {
		c.closeVariant()
	}
	if c.err == nil {
		f.body = c.b[start:c.i]
	}
}

// variant reads the name of an enum's variant: a bare string (unit), or the
// only key of an object, whose value is then next.
func (c *checker) variant() (name []byte, unit bool) {
	if c.peek() == '"' {
		return unescaped(c.str()), true
	}
	if !c.open('{') || !c.more(0, '}') {
		c.fail("an enum without a variant")
		return nil, false
	}
	return c.key(), false
}

// closeVariant consumes the end of the object that variant opened.
func (c *checker) closeVariant() {
	c.expect('}')
	c.depth--
}

// unit checks a variant without content. Core as it is takes the bare string
// alone; the documents also show {} and null after the name.
func (c *checker) unit(bare bool) {
	if bare {
		return
	}
	if v := string(c.skip()); c.strict || v != "{}" && v != "null" {
		c.fail("a variant without content takes none")
	}
}

// fields reads an object with the fields of want and returns its bytes.
// Unknown keys are passed over; duplicate, missing and mistyped ones refused.
func (c *checker) fields(want []field) []byte {
	c.values = [maxFields][]byte{}
	c.peek()
	start := c.i
	c.open('{')
	for n := 0; c.more(n, '}'); n++ {
		i := indexField(want, c.key(), n)
		switch {
		case i < 0:
			c.skip()
		case c.values[i] != nil:
			c.fail("duplicate field %s", want[i].name)
		default:
			c.values[i] = c.value(&want[i])
		}
	}
	for i := range want {
		if c.err == nil && c.values[i] == nil && want[i].shape != optionalText {
			c.fail("missing field %s", want[i].name)
		}
	}
	if c.err != nil {
		return nil
	}
	return c.b[start:c.i]
}

// indexField finds the field named key, first where it stands if the keys
// come in the usual order.
func indexField(want []field, key []byte, n int) int {
	if n < len(want) && want[n].name == string(key) {
		return n
	}
	for i := range want {
		if want[i].name == string(key) {
			return i
		}
	}
	return -1
}

// value reads one field's value and returns its bytes.
func (c *checker) value(f *field) []byte {
	first := c.peek()
	start := c.i
	ok := true
	switch f.shape {
	case u64:
		c.uint(64)
	case u16:
		c.uint(16)
	case text:
		ok = first == '"'
		c.skip()
	case optionalText:
		v := c.skip()
		ok = first == '"' || string(v) == "null"
	case object:
		ok = first == '{'
		c.skip()
	case word:
		ok = first == '"' && slices.Contains(f.words, string(unescaped(trimQuotes(c.skip()))))
	}
	if !ok {
		c.fail("field %s is not as the protocol has it", f.name)
	}
	if c.err != nil {
		return nil
	}
	return c.b[start:c.i]
}

// trimQuotes takes the quotes off a string that the scanner has passed.
func trimQuotes(v []byte) []byte {
	if len(v) < 2 {
		return nil
	}
	return v[1 : len(v)-1]
}

// potEvents passes every PotEvent of f to yield: its own content, or the
// members of the JSON array that a NodeEvent Alarm carries in dialect core.
// An alarm whose description is anything else carries none.
func (f *frame) potEvents(yield func(event []byte)) int {
	if f.kind == PotEvent {
		yield(f.body)
		return 1
	}
	if len(f.description) == 0 || f.description[0] != '[' {
		return 0
	}
	events, err := splitEvents(unescaped(f.description))
	if err != nil {
		return 0
	}
	for _, e := range events {
		yield(e)
	}
	return len(events)
}

// splitEvents cuts a JSON array into its members, which must all be PotEvents.
func splitEvents(array []byte) ([][]byte, error) {
	c := checker{scanner: scanner{b: array}}
	var events [][]byte
	c.open('[')
	for n := 0; c.more(n, ']'); n++ {
		events = append(events, c.fields(packedFields))
	}
	if err := c.end(); err != nil {
		return nil, fmt.Errorf("events in an alarm: %w", err)
	}
	return events, nil
}
