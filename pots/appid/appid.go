// Package appid says from the first bytes of a connection or of a datagram
// what its sender speaks, whatever port they came to.
//
// It owns two tables of marks, TCP and UDP, one row a protocol, and the few
// fields behind a mark that say what the sender wants (Detail). It does no I/O,
// keeps and allocates nothing, never answers, and never panics on a peer's
// bytes. A mark is evidence and no proof: who wants to be taken for something
// else is.
//
// Limits: it looks at the first MaxLook bytes.
package appid

import (
	"bytes"
	"unicode/utf8"
)

// MaxLook is how many bytes are looked at.
const MaxLook = 2048

// What is no protocol that the tables know.
const (
	Text   = "text"   // printable
	Binary = "binary" // anything else
)

// rule is one mark of a protocol: text stands at an offset, the whole is so
// long, and also holds.
type rule struct {
	app  string
	at   int
	text string
	also func(b []byte) bool // what a text can't say; nil: nothing
}

func (r *rule) matches(b []byte) bool {
	return len(b) >= r.at+len(r.text) && string(b[r.at:r.at+len(r.text)]) == r.text && (r.also == nil || r.also(b))
}

// TCP names what the first bytes of a connection speak; it is empty for none.
func TCP(b []byte) string { return find(tcpRules, b) }

// UDP names what a datagram speaks; it is empty for an empty one.
func UDP(b []byte) string { return find(udpRules, b) }

func find(rules []rule, b []byte) string {
	if len(b) == 0 {
		return ""
	}
	b = b[:min(len(b), MaxLook)]
	for i := range rules {
		if rules[i].matches(b) {
			return rules[i].app
		}
	}
	if printable(b) {
		return Text
	}
	return Binary
}

// printable tells whether b is text in UTF-8. A character may be cut at its
// end.
func printable(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(b)
		}
		if r < ' ' && r != '\t' && r != '\r' && r != '\n' || r == 0x7f {
			return false
		}
		b = b[n:]
	}
	return true
}

// line is the first line without its end.
func line(b []byte) []byte {
	if end := bytes.IndexAny(b, "\r\n"); end >= 0 {
		return b[:end]
	}
	return b
}

// has tells whether text stands at an offset.
func has(b []byte, at int, text string) bool {
	return len(b) >= at+len(text) && string(b[at:at+len(text)]) == text
}

// u16 and u32 read a number in network order; behind the end they are 0.
func u16(b []byte, at int) int {
	if len(b) < at+2 {
		return 0
	}
	return int(b[at])<<8 | int(b[at+1])
}

func u32(b []byte, at int) uint32 { return uint32(u16(b, at))<<16 | uint32(u16(b, at+2)) }
