package httpwire

// Limits of a chunked body, what we chose.
const (
	maxChunkLine = 256     // bytes of a chunk's size line, with its extensions
	maxTrailer   = 4 << 10 // bytes of the trailer
	maxChunkHex  = 8       // digits of a chunk's size
)

// Body finds a body's bytes in a stream. The zero value is a body of no bytes.
type Body struct {
	left  int64 // of the body, or of the chunk
	state bodyState
	used  int // bytes of the size line or the trailer
	hex   int // digits of the size
	ext   bool
	wasCR bool
	empty bool // nothing yet in this line of the trailer
}

type bodyState uint8

const (
	bodyPlain   bodyState = iota // a known length
	bodySize                     // a chunk's size line
	bodyData                     // a chunk's bytes
	bodyEnd                      // the line end behind them
	bodyTrailer                  // the fields behind the last chunk
	bodyDone
)

// Start begins the body of a request with this Length.
func (b *Body) Start(length int64) {
	*b = Body{left: length}
	if length == Chunked {
		*b = Body{state: bodySize}
	}
}

// Done tells whether all of it has been seen.
func (b *Body) Done() bool {
	return b.state == bodyDone || b.state == bodyPlain && b.left == 0
}

// Next takes bytes off the front of p: the first run of data in it and what
// stands around that. It returns how many were used, and of these the data.
// Call it again with the rest until it is done or p is empty.
func (b *Body) Next(p []byte) (data []byte, used int, err error) {
	for used < len(p) && !b.Done() {
		if b.state == bodyPlain || b.state == bodyData {
			n := int(min(b.left, int64(len(p)-used)))
			data = p[used : used+n]
			if b.left -= int64(n); b.left == 0 && b.state == bodyData {
				b.state = bodyEnd
			}
			return data, used + n, nil
		}
		if err := b.frame(p[used]); err != nil {
			return nil, used, err
		}
		used++
	}
	return nil, used, nil
}

// frame takes one byte of what stands around the chunks (RFC 9112 section
// 7.1). Here a bare LF is an error: readers differ about it.
func (b *Body) frame(c byte) error {
	wasCR := b.wasCR
	b.wasCR = c == '\r'
	if (c == '\n') != wasCR {
		return ErrChunk // LF without CR, or CR without LF
	}
	switch b.state {
	case bodySize:
		return b.size(c)
	case bodyEnd:
		if c == '\n' {
			b.state, b.left, b.used, b.hex, b.ext = bodySize, 0, 0, 0, false
		} else if c != '\r' {
			return ErrChunk
		}
	case bodyTrailer:
		return b.trailer(c)
	}
	return nil
}

// size takes one byte of a chunk's size line. Extensions are passed over.
func (b *Body) size(c byte) error {
	if b.used++; b.used > maxChunkLine {
		return ErrChunk
	}
	if c == '\n' {
		if b.hex == 0 {
			return ErrChunk
		}
		b.state, b.used = bodyData, 0
		if b.left == 0 {
			b.state, b.empty = bodyTrailer, true
		}
		return nil
	}
	if c == '\r' || b.ext {
		return nil
	}
	if v, ok := hexValue(c); ok {
		if b.hex++; b.hex > maxChunkHex {
			return ErrChunk
		}
		b.left = b.left<<4 | int64(v)
		return nil
	}
	b.ext = true
	if b.hex == 0 || c != ';' && !blank(c) {
		return ErrChunk
	}
	return nil
}

// trailer takes one byte of the trailer, whose fields nobody needs.
func (b *Body) trailer(c byte) error {
	if b.used++; b.used > maxTrailer {
		return ErrChunk
	}
	switch {
	case c == '\n' && b.empty:
		b.state = bodyDone
	case c == '\n':
		b.empty = true
	case c != '\r':
		b.empty = false
	}
	return nil
}

func hexValue(c byte) (v byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
