package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// document is what a manifest holds.
type document struct {
	pots   []Pot
	coming []string // types that are announced
	keys   []string // configuration.supported_config_keys
}

// parse reads a manifest: pots[], or one pot whose keys are the document's
// own. Unknown keys are skipped; jsontext refuses a key that comes twice and
// what is not UTF-8.
func parse(data []byte) (*document, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(data), MaxSize)
	}
	r := reader{d: jsontext.NewDecoder(bytes.NewBuffer(data))}
	doc, own, listed := &document{}, Pot{}, false
	r.object(maxMembers, func(key string) {
		switch key {
		case "pots":
			listed = true
			r.array(maxPots, func() { doc.pots = append(doc.pots, r.pot()) })
		case "coming_soon":
			r.array(maxPots, func() { doc.coming = append(doc.coming, r.pot().Type) })
		case "configuration":
			doc.keys = r.keys()
		default:
			r.member(&own, key)
		}
	})
	if r.err == nil && r.d.PeekKind() != jsontext.KindInvalid {
		r.fail("more than one document")
	}
	if !listed {
		doc.pots = []Pot{own.complete()}
	}
	return doc, r.err
}

// maxMembers is how many keys an object of the manifest may have.
const maxMembers = 256

func (r *reader) pot() Pot {
	var p Pot
	r.object(maxMembers, func(key string) { r.member(&p, key) })
	return p.complete()
}

// complete fills in what follows from the rest.
func (p Pot) complete() Pot {
	if p.Type == "" {
		p.Type = p.ID
	}
	if p.ID == "" {
		p.ID = p.Type
	}
	return p
}

// member reads one key of a pot.
func (r *reader) member(p *Pot, key string) {
	switch key {
	case "id":
		p.ID = r.text(maxName)
	case "type":
		p.Type = r.text(maxName)
	case "directory":
		p.Directory = r.text(maxPath)
	case "requirements":
		p.Requires = r.requirements()
	case "default_ports":
		p.Ports = r.ports()
	case "setup":
		p.Setup = r.setup()
	case "honeybee_integration":
		r.object(maxMembers, func(key string) {
			if key == "event_port" {
				p.EventPort = r.port()
			} else {
				r.skip()
			}
		})
	case "configuration":
		p.Keys = r.keys()
	default:
		r.skip()
	}
}

func (r *reader) setup() (s Setup) {
	r.object(maxMembers, func(key string) {
		switch key {
		case "install":
			s.Install = r.text(maxText)
		case "config":
			s.Config = r.text(maxPath)
		case "output_plugin":
			s.OutputPlugin = r.text(maxPath)
		case "entry_point":
			s.EntryPoint = r.text(maxPath)
		case "forwarder":
			s.Forwarder = r.text(maxPath)
		default:
			r.skip()
		}
	})
	return s
}

// requirements reads the programs that we know; a machine that is none of os
// fails here.
func (r *reader) requirements() (list []Requirement) {
	var modules []string
	r.object(maxMembers, func(key string) {
		switch key {
		case "python":
			list = append(list, Requirement{Program: pythonProgram, Version: r.text(maxName)})
		case "php":
			list = append(list, Requirement{Program: phpProgram, Version: r.text(maxName)})
		case "node", "nodejs":
			list = append(list, Requirement{Program: nodeProgram, Version: r.text(maxName)})
		case "php_extensions":
			r.array(maxList, func() { modules = append(modules, r.name()) })
		case "os":
			var systems []string
			r.array(maxList, func() { systems = append(systems, r.text(maxName)) })
			if r.err == nil && len(systems) > 0 && !slices.Contains(systems, "linux") {
				r.fail("requirements: os: it is for %s, and this is linux", quote(strings.Join(systems, ", ")))
			}
		default:
			r.skip()
		}
	})
	if len(modules) == 0 {
		return list
	}
	i := slices.IndexFunc(list, func(q Requirement) bool { return q.Program == phpProgram })
	if i < 0 {
		return append(list, Requirement{Program: phpProgram, Extensions: modules})
	}
	list[i].Extensions = modules
	return list
}

func (r *reader) ports() (list []Port) {
	r.object(maxPorts, func(key string) {
		if !keyName(key) {
			r.fail("default_ports: %s: want a name of a-z 0-9 _", quote(key))
			return
		}
		if n := r.port(); n != 0 {
			list = append(list, Port{Name: key, Number: n})
		}
	})
	slices.SortStableFunc(list, func(a, b Port) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// keys reads supported_config_keys.
func (r *reader) keys() (list []string) {
	r.object(maxMembers, func(key string) {
		if key != "supported_config_keys" {
			r.skip()
			return
		}
		list = []string{}
		r.array(maxList, func() {
			name := r.text(maxName)
			if r.err == nil && !keyName(name) {
				r.fail("supported_config_keys: %s: want a name of a-z 0-9 _", quote(name))
			}
			list = append(list, name)
		})
	})
	return list
}

// keyName tells whether s can be a key of InstallPot's config, and so a part
// of an environment variable's name.
func keyName(s string) bool {
	if s == "" || len(s) > maxName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// reader reads one document; the first error sticks.
type reader struct {
	d   *jsontext.Decoder
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) kind() jsontext.Kind {
	if r.err != nil {
		return jsontext.KindInvalid
	}
	return r.d.PeekKind()
}

func (r *reader) token() jsontext.Token {
	if r.err != nil {
		return jsontext.Null
	}
	t, err := r.d.ReadToken()
	r.err = err
	if r.d.StackDepth() > maxDepth {
		r.fail("nested deeper than %d", maxDepth)
	}
	return t
}

// want fails unless a value of this kind comes next; null is taken, and
// told by false.
func (r *reader) want(kind jsontext.Kind, what string) bool {
	switch got := r.kind(); got {
	case kind:
		return true
	case jsontext.KindInvalid:
		r.token() // its error says what is wrong
	case jsontext.KindNull:
		r.token()
	default:
		r.fail("at %s: want %s, not %v", quote(string(r.d.StackPointer())), what, got)
	}
	return false
}

// object calls member for each key, most at most; member must read the value.
func (r *reader) object(most int, member func(key string)) {
	if !r.want(jsontext.KindBeginObject, "an object") {
		return
	}
	r.token()
	for n := 0; r.err == nil && r.kind() != jsontext.KindEndObject; n++ {
		t := r.token()
		if n == most {
			r.fail("at %s: more than %d keys", quote(string(r.d.StackPointer())), most)
		}
		if r.err == nil {
			member(t.String())
		}
	}
	r.token()
}

// array calls element for each, most at most; element must read it.
func (r *reader) array(most int, element func()) {
	if !r.want(jsontext.KindBeginArray, "an array") {
		return
	}
	r.token()
	for n := 0; r.err == nil && r.kind() != jsontext.KindEndArray; n++ {
		if n == most {
			r.fail("at %s: more than %d elements", quote(string(r.d.StackPointer())), most)
			return
		}
		element()
	}
	r.token()
}

// text reads a string of at most most bytes without control characters; null
// is the empty one.
func (r *reader) text(most int) string {
	if !r.want(jsontext.KindString, "a string") {
		return ""
	}
	s := r.token().String()
	if len(s) > most {
		r.fail("at %s: %d bytes, want at most %d", quote(string(r.d.StackPointer())), len(s), most)
	}
	if i := strings.IndexFunc(s, isControl); i >= 0 {
		r.fail("at %s: a control character", quote(string(r.d.StackPointer())))
	}
	return s
}

// isControl tells what has no place in a line of text: it would begin another
// one, or change what a terminal shows.
func isControl(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029 }

// name reads a string that can be a module's name.
func (r *reader) name() string {
	s := r.text(maxName)
	if r.err == nil && !plainName(s) {
		r.fail("at %s: %s: want A-Z a-z 0-9 . _ -", quote(string(r.d.StackPointer())), quote(s))
	}
	return s
}

// port reads a port; null is 0.
func (r *reader) port() uint16 {
	if !r.want(jsontext.KindNumber, "a port") {
		return 0
	}
	n, err := strconv.ParseUint(r.token().String(), 10, 16)
	if err != nil || n == 0 {
		r.fail("at %s: want a port from 1 to 65535", quote(string(r.d.StackPointer())))
	}
	return uint16(n)
}

// skip reads one value and forgets it, within maxDepth.
func (r *reader) skip() {
	for depth := r.d.StackDepth(); ; {
		r.token()
		if r.err != nil || r.d.StackDepth() <= depth {
			return
		}
	}
}
