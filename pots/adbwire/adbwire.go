// Package adbwire is the Android Debug Bridge on the wire: messages between a
// computer and a device's adbd, shell protocol 2 and the file sync service
// inside their streams. The words are those of the Android sources'
// protocol.txt, SERVICES.TXT and SYNC.TXT.
//
// It is bytes in and bytes out, in any cut, without I/O. Limits stand beside
// their declarations.
package adbwire

import (
	"encoding/binary"
	"errors"
)

// Commands of messages (protocol.txt).
const (
	SYNC = 0x434e5953
	CNXN = 0x4e584e43
	AUTH = 0x48545541
	OPEN = 0x4e45504f
	OKAY = 0x59414b4f
	CLSE = 0x45534c43
	WRTE = 0x45545257
	STLS = 0x534c5453
)

// What the protocol fixes.
const (
	HeaderSize = 24         // bytes
	Version    = 0x01000000 // the first: messages carry a checksum
	VersionSum = 0x01000001 // from here on they need not

	AuthToken     = 1 // Arg0 of AUTH
	AuthSignature = 2
	AuthPublicKey = 3
)

// Limits, what we chose.
const (
	// MaxData is how many bytes of data we tell the other side to send in
	// one message, what every device before Android 7 takes.
	MaxData = 4096
	// MaxTaken is how many we take all the same: bots don't listen.
	MaxTaken = 64 << 10
)

// What ends a connection.
var (
	ErrMagic  = errors.New("adb: magic does not fit the command")
	ErrLength = errors.New("adb: too much data in a message")
)

// Message is one message. Data of a decoded one is good until the next.
type Message struct {
	Command, Arg0, Arg1 uint32
	Data                []byte
	// BadSum says that the checksum does not fit; version 0x01000001 sends 0.
	BadSum bool
}

// Append appends a message.
func Append(dst []byte, command, arg0, arg1 uint32, data []byte) []byte {
	for _, v := range [...]uint32{command, arg0, arg1, uint32(len(data)), Sum(data), ^command} {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	return append(dst, data...)
}

// Sum is the checksum: the sum of the bytes.
func Sum(data []byte) (sum uint32) {
	for _, c := range data {
		sum += uint32(c)
	}
	return sum
}

// Decoder finds messages in what a client sends. The zero value is ready.
type Decoder struct {
	buf []byte
}

// keepBuffer is how many bytes of memory a Decoder keeps between messages.
const keepBuffer = HeaderSize + MaxData

// Feed takes the next bytes and calls each for every whole message, until one
// returns an error.
func (d *Decoder) Feed(p []byte, each func(*Message) error) error {
	for {
		need := HeaderSize
		if len(d.buf) >= HeaderSize {
			need += int(binary.LittleEndian.Uint32(d.buf[12:]))
		}
		n := min(need-len(d.buf), len(p))
		d.buf, p = append(d.buf, p[:n]...), p[n:]
		if len(d.buf) < need {
			return nil
		}
		if need == HeaderSize {
			if err := checkHeader(d.buf); err != nil {
				return err
			}
			if binary.LittleEndian.Uint32(d.buf[12:]) > 0 {
				continue
			}
		}
		if err := d.message(each); err != nil {
			return err
		}
	}
}

// message gives out the message in buf.
func (d *Decoder) message(each func(*Message) error) error {
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(d.buf[at:]) }
	m := Message{Command: word(0), Arg0: word(4), Arg1: word(8), Data: d.buf[HeaderSize:]}
	m.BadSum = word(16) != Sum(m.Data)
	err := each(&m)
	if d.buf = d.buf[:0]; cap(d.buf) > keepBuffer {
		d.buf = nil
	}
	return err
}

// Held is how many bytes of an unfinished message there are.
func (d *Decoder) Held() []byte { return d.buf }

func checkHeader(b []byte) error {
	if binary.LittleEndian.Uint32(b[20:]) != ^binary.LittleEndian.Uint32(b) {
		return ErrMagic
	}
	if binary.LittleEndian.Uint32(b[12:]) > MaxTaken {
		return ErrLength
	}
	return nil
}
