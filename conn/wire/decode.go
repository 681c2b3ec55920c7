package wire

import (
	"bytes"
	"errors"
	"fmt"
)

// Errors of the Decoder, all recoverable: the broken frame is gone, the next
// one decodes.
var (
	ErrTooLong = fmt.Errorf("frame longer than %d bytes", MaxFrame)
	ErrFrame   = errors.New("broken frame")
)

// idleBuffer is what the decoder keeps between frames in bytes; commands are
// a few hundred bytes.
const idleBuffer = 512

// Decoder takes Core's stream as it is cut by the network and gives its
// messages one by one. It holds at most MaxFrame bytes. The zero value is
// ready; a new connection needs a new one.
type Decoder struct {
	buf  []byte // the unfinished line
	in   []byte // what Feed gave and Next has not read
	skip bool   // inside a line that was too long
}

// Feed gives the decoder the next bytes of the stream. Next must be called
// until it returns false before p is reused.
func (d *Decoder) Feed(p []byte) { d.in = p }

// Next decodes the next whole frame into m. It returns false when more bytes
// are needed. A broken frame gives an error wrapping ErrFrame or ErrTooLong,
// and decoding goes on behind the next newline.
func (d *Decoder) Next(m *Message) (bool, error) {
	for len(d.in) > 0 {
		i := bytes.IndexByte(d.in, '\n')
		if i < 0 {
			return d.keep()
		}
		part := d.in[:i]
		d.in = d.in[i+1:]
		if d.skip {
			d.skip = false
			continue
		}
		line, err := d.line(part)
		if err != nil {
			return true, err
		}
		if line = bytes.Trim(line, " \t\r"); len(line) == 0 {
			continue
		}
		return true, parse(line, m)
	}
	return false, nil
}

// keep stores the start of a line whose end has not come.
func (d *Decoder) keep() (bool, error) {
	part := d.in
	d.in = nil
	if d.skip {
		return false, nil
	}
	if len(d.buf)+len(part) >= MaxFrame {
		d.buf, d.skip = nil, true
		return true, ErrTooLong
	}
	d.buf = append(d.buf, part...)
	return false, nil
}

// line joins the end of a line to what was kept of it.
func (d *Decoder) line(part []byte) ([]byte, error) {
	if len(d.buf)+len(part) >= MaxFrame {
		d.buf = nil
		return nil, ErrTooLong
	}
	if len(d.buf) == 0 {
		return part, nil
	}
	line := append(d.buf, part...)
	d.buf = line[:0]
	if cap(line) > idleBuffer {
		d.buf = nil
	}
	return line, nil
}
