// Package pots is what attackers meet: one file a protocol, and the guard that
// every listener sits behind (limits of connections, time and bytes).
//
// It never executes or evaluates anything an attacker sent and never makes an
// outgoing connection. What happens becomes events in conn/ring.
//
// Limits: MaxPots pots; connections, their time and their bytes by Limits; the
// tables and logs of every pot are bounded beside their declarations.
//
// A protocol is one file that calls Register in its init:
//
//	attacker ─▶ listener ─▶ guard ─▶ Handler.Serve(*Conn) ─▶ Conn.Event ─▶ ring
package pots

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"forager/board"
)

// Type is a kind of pot.
type Type struct {
	Name string // the first half of its event types, and "protocol" in their data
	Port uint16 // where it listens when an installed pot names no port; 0: it must name one
	Help string // one line a key of its options, for the operator

	// New checks the options and makes the pot's handler. It must do no I/O:
	// ParseSpec calls it to check a line.
	New func(*Setup) (Handler, error)
}

// Handler serves the connections of one pot.
type Handler interface {
	// Serve speaks with one attacker until it returns; then the connection
	// is closed. It runs in a goroutine of its own, whose first 2 KB of
	// stack an idle connection should not outgrow.
	Serve(*Conn)
}

// Greeter is a Handler whose protocol lets the server speak first. Its
// greeting is written before the connection's goroutine exists, so that a
// client that never says a word costs no more than a small stack.
type Greeter interface {
	// Greeting is the same for every connection, and at most 512 bytes.
	Greeting() []byte
}

// Setup is what a type makes its handler from.
type Setup struct {
	Spec    Spec
	Options *Options // the keys of Spec.Options; what New does not read is an error
	Persona string   // -persona
	NodeID  uint64   // what differs between two nodes is derived from it
	// StateDir is where a handler may keep what must outlive the node, such
	// as its keys; empty: nowhere. New itself does no I/O.
	StateDir string
	Log      *board.Log
}

var types = map[string]Type{}

// Register makes a type known. It is called from init only.
func Register(t Type) {
	if _, twice := types[t.Name]; twice || t.Name == "" || t.New == nil {
		panic("BUG: pot type registered twice or without a name: " + t.Name)
	}
	types[t.Name] = t
}

// Types returns the known types by name.
func Types() []Type {
	var list []Type
	for _, name := range typeNames() {
		list = append(list, types[name])
	}
	return list
}

// BuiltIn tells whether name is a type of this program.
func BuiltIn(name string) bool { _, ok := types[name]; return ok }

// build makes the handler of a pot, or says what is wrong with its options.
func build(set Setup) (Handler, error) {
	t, ok := types[set.Spec.Type]
	if !ok {
		return nil, errType(set.Spec.Type)
	}
	set.Options = &Options{values: set.Spec.Options}
	h, err := t.New(&set)
	if e := set.Options.done(); e != nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("pot type %s: %w", t.Name, err)
	}
	return h, nil
}

func errType(name string) error {
	return fmt.Errorf("pot type %s: not one of %s", quote(name), strings.Join(typeNames(), ", "))
}

func typeNames() []string { return slices.Sorted(maps.Keys(types)) }
