// Package tlshello reads the first words of a TLS client, the ClientHello, and
// names the program behind it by JA3 and JA4.
//
// It owns the format (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) and
// the two fingerprints. It never does I/O, never answers, and never panics on
// a peer's bytes. Limits: MaxHello bytes; of every list what maxList allows.
package tlshello

import (
	"encoding/binary"
	"errors"
)

// What the protocol fixes.
const (
	// RecordHeader is the length of a record's header in bytes (RFC 8446
	// section 5.1).
	RecordHeader = 5
	maxRecord    = 1<<14 + 256 // RFC 8446 section 5.2, the most that a record of any kind has

	typeHandshake = 22
	typeHello     = 1
)

// What we chose.
const (
	// MaxHello is the largest ClientHello in bytes, record headers
	// included: ten times what browsers send with a post-quantum key share.
	MaxHello = 16 << 10
	// maxList is how many numbers of one list are kept. The wire allows
	// 32767; no client has more than some two hundred.
	maxList = 512
	// maxRecords is how many records a ClientHello may be cut into. Clients
	// use one, those that dodge filters a handful.
	maxRecords = 64
)

// Errors of Parse.
var (
	// ErrShort: the bytes so far are good, but there must come more.
	ErrShort = errors.New("ClientHello is not complete")
	// ErrNotHello: this is no ClientHello in TLS records.
	ErrNotHello = errors.New("not a ClientHello")
	// ErrBroken: it begins as one, but its lengths contradict each other.
	ErrBroken = errors.New("broken ClientHello")
	// ErrLong: it is longer than MaxHello.
	ErrLong = errors.New("ClientHello too long")
)

// Hello is what a ClientHello says. The numbers are the registry's
// (IANA, TLS Parameters), in the client's order, GREASE (RFC 8701) included.
type Hello struct {
	Version    uint16 // legacy_version
	Ciphers    []uint16
	Extensions []uint16
	Groups     []uint16
	Points     []uint8
	Signatures []uint16
	Versions   []uint16 // supported_versions; empty without the extension
	ServerName []byte   // the first host_name of SNI; empty without one
	HasSNI     bool
	ALPN       [][]byte
}

// Looks tells whether b, the first bytes of a connection, may begin a
// ClientHello.
func Looks(b []byte) bool {
	for i, want := range [...]struct{ low, high byte }{{typeHandshake, typeHandshake}, {3, 3}, {0, 4}} {
		if i < len(b) && (b[i] < want.low || b[i] > want.high) {
			return false
		}
	}
	return len(b) < RecordHeader+1 || b[RecordHeader] == typeHello
}

// Parse reads a ClientHello from the first bytes of a connection, however they
// are cut into records. What it returns shares no memory with b. With ErrBroken
// the hello holds what could be read before.
func Parse(b []byte) (*Hello, error) {
	msg, err := message(b)
	if err != nil {
		return nil, err
	}
	h := new(Hello)
	return h, h.parse(msg)
}

// message joins the records that hold the first handshake message and returns
// its body.
func message(b []byte) ([]byte, error) {
	if !Looks(b) {
		return nil, ErrNotHello
	}
	var msg []byte
	for used, records := 0, 0; ; records++ {
		if len(msg) >= 4 {
			n := int(msg[1])<<16 | int(msg[2])<<8 | int(msg[3])
			if n > MaxHello {
				return nil, ErrLong
			}
			if len(msg) >= 4+n {
				return msg[4 : 4+n], nil
			}
		}
		if used > MaxHello || records == maxRecords {
			return nil, ErrLong
		}
		rec := b[used:]
		if len(rec) < RecordHeader {
			return nil, ErrShort
		}
		n := int(binary.BigEndian.Uint16(rec[3:]))
		if rec[0] != typeHandshake || rec[1] != 3 || n == 0 || n > maxRecord {
			return nil, ErrBroken
		}
		if len(rec) < RecordHeader+n {
			return nil, shortOrLong(used + RecordHeader + n)
		}
		msg = append(msg, rec[RecordHeader:RecordHeader+n]...)
		if msg[0] != typeHello {
			return nil, ErrNotHello
		}
		used += RecordHeader + n
	}
}

func shortOrLong(need int) error {
	if need > MaxHello+RecordHeader+4 {
		return ErrLong
	}
	return ErrShort
}

// parse reads the body of the message.
func (h *Hello) parse(b []byte) error {
	r := reader{b: b}
	h.Version = r.u16()
	r.bytes(32)     // random
	r.bytes(r.u8()) // legacy_session_id
	h.Ciphers = numbers(r.sub(r.u16()))
	r.bytes(r.u8()) // legacy_compression_methods
	if r.bad || len(r.b) == 0 {
		return r.err() // SSL 3.0 and some TLS 1.0 clients have no extensions
	}
	ext := r.sub(r.u16())
	for len(ext.b) > 0 && !ext.bad {
		id := ext.u16()
		body := ext.sub(ext.u16())
		if ext.bad {
			break
		}
		if len(h.Extensions) < maxList {
			h.Extensions = append(h.Extensions, id)
		}
		h.extension(id, body)
	}
	r.bad = r.bad || ext.bad
	return r.err()
}

// The extensions that are looked into (IANA, TLS ExtensionType Values).
const (
	extServerName = 0
	extGroups     = 10
	extPoints     = 11
	extSignatures = 13
	extALPN       = 16
	extVersions   = 43
)

// extension reads one extension. A broken one is as if it were empty: JA3 and
// JA4 count it all the same.
func (h *Hello) extension(id uint16, r reader) {
	switch id {
	case extServerName:
		h.HasSNI = true
		h.serverName(r.sub(r.u16()))
	case extGroups:
		h.Groups = numbers(r.sub(r.u16()))
	case extPoints:
		h.Points = append([]byte(nil), cut(r.bytes(r.u8()), maxList)...)
	case extSignatures:
		h.Signatures = numbers(r.sub(r.u16()))
	case extALPN:
		h.alpn(r.sub(r.u16()))
	case extVersions:
		h.Versions = numbers(r.sub(uint16(r.u8())))
	}
}

// serverName takes the first host_name (RFC 6066 section 3).
func (h *Hello) serverName(r reader) {
	for len(r.b) > 0 && !r.bad && len(h.ServerName) == 0 {
		kind := r.u8()
		name := r.bytes(int(r.u16()))
		if kind == 0 {
			h.ServerName = append([]byte(nil), cut(name, maxList)...)
		}
	}
}

// alpn takes the protocol names (RFC 7301 section 3.1).
func (h *Hello) alpn(r reader) {
	for len(r.b) > 0 && len(h.ALPN) < maxALPN {
		name := r.bytes(r.u8())
		if r.bad {
			return
		}
		h.ALPN = append(h.ALPN, append([]byte(nil), name...))
	}
}

// maxALPN is how many protocol names are kept; each has at most 255 bytes.
const maxALPN = 16

func cut(b []byte, most int) []byte { return b[:min(len(b), most)] }

// numbers reads a list of 16-bit numbers; half a number at its end is dropped.
func numbers(r reader) []uint16 {
	n := min(len(r.b)/2, maxList)
	if n == 0 {
		return nil
	}
	list := make([]uint16, n)
	for i := range list {
		list[i] = r.u16()
	}
	return list
}

// reader takes fields off its front. Once one is not there it is bad, and
// gives zeroes and nothing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) err() error {
	if r.bad {
		return ErrBroken
	}
	return nil
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

// sub is a reader of the next n bytes.
func (r *reader) sub(n uint16) reader { return reader{b: r.bytes(int(n))} }

func (r *reader) u8() int {
	if p := r.bytes(1); p != nil {
		return int(p[0])
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.bytes(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}
