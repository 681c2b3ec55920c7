// Package hassh reads an SSH client's first packet, SSH_MSG_KEXINIT (RFC 4253
// section 7.1), and names the client by HASSH: the MD5 of its lists of key
// exchanges, ciphers, MACs and compressions (the method's own definition).
//
// It only reads: what the packet negotiates is the SSH library's business.
// Limits: a packet of MaxPacket bytes, and of the packets before it only those
// that RFC 4253 section 11 allows at any time, a few of them.
package hassh

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
)

// What the protocol fixes.
const (
	msgIgnore  = 2  // RFC 4253 section 12
	msgDebug   = 4  // the same
	msgKexInit = 20 // the same
	cookie     = 16 // bytes behind the message number, section 7.1
	minPadding = 4  // bytes, section 6

	// MaxPacket is the longest packet in bytes that everybody must take
	// (RFC 4253 section 6.1).
	MaxPacket = 35000
)

// maxBefore is how many other packets may come before the KEXINIT.
const maxBefore = 4

// Errors of Parse and Tap.
var (
	ErrShort  = errors.New("KEXINIT ends too early")
	ErrOther  = errors.New("not a KEXINIT")
	ErrLength = errors.New("packet length out of bounds")
)

// KexInit is the content of a KEXINIT: lists of names by commas, as they came.
// They share the memory of what was parsed.
type KexInit struct {
	Kex, HostKey           []byte
	CipherCS, CipherSC     []byte // client to server, server to client
	MACCS, MACSC           []byte
	CompressCS, CompressSC []byte
	LangCS, LangSC         []byte
	FirstFollows           bool // a guessed key exchange packet follows
}

// Parse reads the payload of a packet.
func Parse(payload []byte) (k KexInit, err error) {
	if len(payload) == 0 || payload[0] != msgKexInit {
		return k, ErrOther
	}
	if len(payload) < 1+cookie {
		return k, ErrShort
	}
	rest := payload[1+cookie:]
	for _, list := range []*[]byte{
		&k.Kex, &k.HostKey, &k.CipherCS, &k.CipherSC, &k.MACCS, &k.MACSC,
		&k.CompressCS, &k.CompressSC, &k.LangCS, &k.LangSC,
	} {
		if len(rest) < 4 {
			return k, ErrShort
		}
		n := binary.BigEndian.Uint32(rest)
		if rest = rest[4:]; uint64(n) > uint64(len(rest)) {
			return k, ErrShort
		}
		*list, rest = rest[:n:n], rest[n:]
	}
	if len(rest) < 1 {
		return k, ErrShort
	}
	k.FirstFollows = rest[0] != 0
	return k, nil
}

// AppendAlgorithms appends what HASSH is the MD5 of.
func (k *KexInit) AppendAlgorithms(dst []byte) []byte {
	for i, list := range [][]byte{k.Kex, k.CipherCS, k.MACCS, k.CompressCS} {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, list...)
	}
	return dst
}

// Hash is the HASSH, 32 hexadecimal digits.
func (k *KexInit) Hash() string {
	sum := md5.Sum(k.AppendAlgorithms(nil))
	return hex.EncodeToString(sum[:])
}

// Tap finds the KEXINIT in a client's bytes behind its version line, in any
// cut. The zero value is ready.
type Tap struct {
	buf   []byte // of the packet that is not whole yet
	count int    // packets before it
	done  bool
}

// Done tells whether nothing more is expected.
func (t *Tap) Done() bool { return t.done }

// Feed takes the next bytes. found is true once, with the payload of the
// KEXINIT, which the Tap does not use again. An error ends the search.
func (t *Tap) Feed(p []byte) (payload []byte, found bool, err error) {
	for !t.done {
		need := 4
		if len(t.buf) >= 4 {
			if need, err = packetLength(t.buf); err != nil {
				return nil, false, t.end(err)
			}
		}
		n := min(need-len(t.buf), len(p))
		t.buf, p = append(t.buf, p[:n]...), p[n:]
		if len(t.buf) < need {
			return nil, false, nil
		}
		if need == 4 {
			continue
		}
		if payload, found, err = t.packet(); found || err != nil {
			return payload, found, t.end(err)
		}
	}
	return nil, false, nil
}

func (t *Tap) end(err error) error {
	t.done, t.buf = true, nil
	return err
}

// packet judges a whole packet.
func (t *Tap) packet() (payload []byte, found bool, err error) {
	body := t.buf[5:]
	padding := int(t.buf[4])
	if padding < minPadding || padding >= len(body) {
		return nil, false, ErrLength
	}
	payload = body[:len(body)-padding]
	switch payload[0] {
	case msgKexInit:
		return payload, true, nil
	case msgIgnore, msgDebug:
		if t.count++; t.count <= maxBefore {
			t.buf = t.buf[:0]
			return nil, false, nil
		}
	}
	return nil, false, ErrOther
}

// packetLength is the length of a packet with its length field.
func packetLength(b []byte) (int, error) {
	n := binary.BigEndian.Uint32(b)
	if n < 1+1+minPadding || n > MaxPacket-4 {
		return 0, ErrLength
	}
	return int(n) + 4, nil
}

// Names calls yield with each name of a list, an empty list with one empty
// name.
func Names(list []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for {
			name, rest, more := bytes.Cut(list, []byte{','})
			if !yield(name) || !more {
				return
			}
			list = rest
		}
	}
}
