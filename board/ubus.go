package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// What OpenWrt's bus says on its socket (libubus' ubusmsg.h, libubox' blob.h
// and blobmsg.h). A message is a header of eight bytes and one attribute that
// holds the others; numbers are big-endian, and attributes begin at multiples
// of four bytes.
const (
	ubusSocket = "/var/run/ubus/ubus.sock"
	ubusMost   = 64 << 10 // bytes of a message; ours are about 100, the longest answer 2 KB
	ubusTime   = time.Second
	ubusSkip   = 16 // answers that are not the one awaited

	ubusHeader = 8
	blobHeader = 4

	// The kinds of message.
	ubusHello  = 0
	ubusStatus = 1
	ubusData   = 2
	ubusLookup = 4
	ubusInvoke = 5

	// The attributes.
	ubusAttrStatus  = 1
	ubusAttrObjPath = 2
	ubusAttrObjID   = 3
	ubusAttrMethod  = 4
	ubusAttrData    = 7

	// The kinds of blobmsg values, beside the bit that says that an
	// attribute has a name.
	blobNamed  = 1 << 31
	blobString = 3
	blobInt32  = 5
)

// ubusCodes are the bus's words for a status.
var ubusCodes = [...]string{
	0: "ok", 1: "invalid command", 2: "invalid argument", 3: "method not found", 4: "not found", 5: "no data",
	6: "permission denied", 7: "timeout", 8: "not supported", 9: "unknown error", 10: "connection failed",
}

// ubusError is a status that is not ok.
type ubusError uint32

func (e ubusError) Error() string {
	if int(e) < len(ubusCodes) {
		return "ubus: " + ubusCodes[e]
	}
	return fmt.Sprintf("ubus: status %d", uint32(e))
}

var errUbusForm = errors.New("ubus: malformed message")

// ubus is a connection with the bus. What root opened stays root's for the
// bus, whoever the process becomes.
type ubus struct {
	conn net.Conn
	seq  uint16
	buf  []byte
}

// dialUbus connects and waits for the bus's hello.
func dialUbus(path string) (*ubus, error) {
	conn, err := net.DialTimeout("unix", path, ubusTime)
	if err != nil {
		return nil, err
	}
	u := &ubus{conn: conn}
	_ = conn.SetDeadline(time.Now().Add(ubusTime))
	kind, _, _, err := u.read()
	if err == nil && kind != ubusHello {
		err = errUbusForm
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("no hello: %w", err)
	}
	return u, nil
}

// adoptUbus goes on with a connection that the program before this one left
// open.
func adoptUbus(f *os.File) (*ubus, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return &ubus{conn: conn, seq: 1 << 15}, nil // an answer to the one before is not ours
}

// lookup returns the id of the object of that name.
func (u *ubus) lookup(name string) (id uint32, err error) {
	err = u.call(ubusLookup, 0, appendBlobString(nil, ubusAttrObjPath, name), func(attr uint32, value []byte) {
		if attr == ubusAttrObjID && len(value) == 4 {
			id = binary.BigEndian.Uint32(value)
		}
	})
	if err == nil && id == 0 {
		err = errUbusForm
	}
	return id, err
}

// invoke calls a method of an object; args are blobmsg attributes.
func (u *ubus) invoke(id uint32, method string, args []byte) error {
	b := appendBlob(nil, ubusAttrObjID, binary.BigEndian.AppendUint32(nil, id))
	b = appendBlobString(b, ubusAttrMethod, method)
	b = appendBlob(b, ubusAttrData, args)
	return u.call(ubusInvoke, id, b, nil)
}

// call sends a request and reads answers until the one with its status. Of the
// data before it every attribute is shown to each.
func (u *ubus) call(kind byte, peer uint32, attrs []byte, each func(attr uint32, value []byte)) error {
	_ = u.conn.SetDeadline(time.Now().Add(ubusTime))
	u.seq++
	if _, err := u.conn.Write(appendUbus(u.buf[:0], kind, u.seq, peer, attrs)); err != nil {
		return err
	}
	for range ubusSkip {
		kind, seq, body, err := u.read()
		if err != nil {
			return err
		}
		if seq != u.seq {
			continue
		}
		status, done := uint32(0), false
		err = eachBlob(body, func(attr uint32, value []byte) {
			if kind == ubusStatus && attr == ubusAttrStatus && len(value) == 4 {
				status, done = binary.BigEndian.Uint32(value), true
			}
			if kind == ubusData && each != nil {
				each(attr, value)
			}
		})
		switch {
		case err != nil:
			return err
		case done && status != 0:
			return ubusError(status)
		case done:
			return nil
		}
	}
	return errUbusForm
}

// read returns the next message; body is good until the next call.
func (u *ubus) read() (kind byte, seq uint16, body []byte, err error) {
	var head [ubusHeader + blobHeader]byte
	if _, err := io.ReadFull(u.conn, head[:]); err != nil {
		return 0, 0, nil, err
	}
	size := int(binary.BigEndian.Uint32(head[ubusHeader:]) & 0xffffff)
	if head[0] != 0 || size < blobHeader || size > ubusMost {
		return 0, 0, nil, errUbusForm
	}
	size -= blobHeader
	if cap(u.buf) < size {
		u.buf = make([]byte, size)
	}
	body = u.buf[:size]
	_, err = io.ReadFull(u.conn, body)
	return head[1], binary.BigEndian.Uint16(head[2:]), body, err
}

// appendUbus appends a message.
func appendUbus(dst []byte, kind byte, seq uint16, peer uint32, attrs []byte) []byte {
	dst = append(dst, 0, kind)
	dst = binary.BigEndian.AppendUint16(dst, seq)
	dst = binary.BigEndian.AppendUint32(dst, peer)
	return appendBlob(dst, 0, attrs)
}

// appendBlob appends an attribute and what fills it up to four bytes; id may
// have blobNamed set.
func appendBlob(dst []byte, id uint32, value []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, id&blobNamed|id&0x7f<<24|uint32(blobHeader+len(value)))
	dst = append(dst, value...)
	return append(dst, make([]byte, -len(value)&3)...)
}

func appendBlobString(dst []byte, id uint32, s string) []byte {
	return appendBlob(dst, id, append([]byte(s), 0))
}

// appendNamed appends an attribute of blobmsg: its name's length, the name, a
// NUL, and after what fills that up to four bytes the value.
func appendNamed(dst []byte, kind uint32, name string, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(name)))
	b = append(append(b, name...), 0)
	b = append(b, make([]byte, -len(b)&3)...)
	return appendBlob(dst, blobNamed|kind, append(b, value...))
}

// eachBlob shows every attribute of b.
func eachBlob(b []byte, show func(id uint32, value []byte)) error {
	for len(b) > 0 {
		if len(b) < blobHeader {
			return errUbusForm
		}
		word := binary.BigEndian.Uint32(b)
		size := int(word & 0xffffff)
		if size < blobHeader || size > len(b) {
			return errUbusForm
		}
		show(word>>24&0x7f, b[blobHeader:size])
		b = b[min(len(b), (size+3)&^3):]
	}
	return nil
}
