package adbwire

import "encoding/binary"

// Packets of shell protocol 2 (shell_protocol.h).
const (
	ShellStdin      = 0
	ShellStdout     = 1
	ShellStderr     = 2
	ShellExit       = 3
	ShellCloseStdin = 4
	ShellWindow     = 5 // "ROWSxCOLUMNS,WIDTHxHEIGHT"
)

// ShellHeader is how many bytes stand before a packet's data: type and length.
const ShellHeader = 5

// maxControl is how many bytes of a packet that is not typed text are kept.
const maxControl = 64

// AppendShell appends a packet.
func AppendShell(dst []byte, kind byte, data []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, kind), uint32(len(data)))
	return append(dst, data...)
}

// ShellDecoder takes a client's packets apart. The zero value is ready.
type ShellDecoder struct {
	head []byte
	left uint32
	rest []byte // of a packet that is not typed text
}

// Feed takes the next bytes. typed gets the text of stdin, other the rest of
// the packets, whole.
func (d *ShellDecoder) Feed(p []byte, typed func([]byte), other func(kind byte, data []byte)) {
	for {
		if len(d.head) < ShellHeader {
			n := min(ShellHeader-len(d.head), len(p))
			d.head, p = append(d.head, p[:n]...), p[n:]
			if len(d.head) < ShellHeader {
				return
			}
			d.left = binary.LittleEndian.Uint32(d.head[1:])
			d.rest = d.rest[:0]
		}
		n := int(min(d.left, uint32(len(p))))
		part := p[:n]
		p, d.left = p[n:], d.left-uint32(n)
		if d.head[0] == ShellStdin {
			if n > 0 {
				typed(part)
			}
		} else {
			d.rest = append(d.rest, part[:min(n, maxControl-len(d.rest))]...)
		}
		if d.left > 0 {
			return
		}
		if d.head[0] != ShellStdin {
			other(d.head[0], d.rest)
		}
		d.head = d.head[:0]
	}
}
