package process

import (
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

const (
	// maxLine is how many bytes of a line are kept; the rest of it is dropped.
	maxLine = 512
	// leastOutput is the smallest ring in bytes: eight lines.
	leastOutput = 8 * (maxLine + 1)
)

// Output keeps the last lines that a program printed, in a ring of fixed size.
// What is not printable is escaped (\x1b), so that a line harms no terminal
// and no frame. It is safe for concurrent use.
type Output struct {
	mu      sync.Mutex
	max     int    // bytes that ring may have
	ring    []byte // lines, each ended by \n
	start   int    // of the oldest line
	used    int    // bytes
	line    []byte // the line that has not ended yet, as far as it is kept
	part    []byte // of a character of UTF-8 that has not ended yet
	dropped uint64
	untold  uint64 // dropped by skip since the last line
}

// NewOutput makes an Output that keeps so many bytes of lines, at least 4 KiB.
// It takes memory as the lines come.
func NewOutput(bytes int) *Output { return &Output{max: max(bytes, leastOutput)} }

// Write takes what the program printed. It never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := len(p)
	o.tell()
	if len(o.part) > 0 {
		p = append(o.part, p...)
		o.part = nil
	}
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 && !utf8.FullRune(p) {
			o.part = slices.Clone(p) // at most 3 bytes
			break
		}
		o.take(r, p[:n])
		p = p[n:]
	}
	return size, nil
}

// take adds a character to the line, or ends it.
func (o *Output) take(r rune, b []byte) {
	switch {
	case r == '\n':
		o.push(o.line)
		o.line = o.line[:0]
		return
	case r == '\r':
		return
	case r == '\t':
		b = []byte{' '}
	case r == utf8.RuneError && len(b) == 1, r < 0x80 && !strconv.IsPrint(r):
		b = appendEscape(nil, b[0])
	case !strconv.IsPrint(r): // such as those that turn the direction of writing
		b = strconv.AppendQuoteRuneToASCII(nil, r)
		b = b[1 : len(b)-1]
	}
	if len(o.line)+len(b) > maxLine {
		o.dropped += uint64(len(b))
		return
	}
	o.line = append(o.line, b...)
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
}

// skip counts bytes that were read and not looked at.
func (o *Output) skip(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped += uint64(n)
	o.untold += uint64(n)
}

// tell says in a line how much was skipped.
func (o *Output) tell() {
	if o.untold == 0 {
		return
	}
	o.endLine()
	o.push([]byte("[" + strconv.FormatUint(o.untold, 10) + " bytes of output dropped]"))
	o.untold = 0
}

// end ends what the program left unfinished.
func (o *Output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLine()
	o.tell()
}

func (o *Output) endLine() {
	for _, c := range o.part {
		o.line = appendEscape(o.line, c)
	}
	o.part = nil
	if len(o.line) > 0 {
		o.push(o.line)
		o.line = o.line[:0]
	}
}

// push puts a line into the ring, in the place of the oldest if need be.
func (o *Output) push(line []byte) {
	line = line[:min(len(line), maxLine)]
	n := len(line) + 1
	for o.used+n > o.max {
		o.dropOldest()
	}
	if o.used+n > len(o.ring) {
		grown := make([]byte, min(max(2*len(o.ring), o.used+n, leastOutput), o.max))
		o.copyTo(grown[:o.used], 0)
		o.ring, o.start = grown, 0
	}
	for _, c := range line {
		o.ring[o.index(o.used)] = c
		o.used++
	}
	o.ring[o.index(o.used)] = '\n'
	o.used++
}

func (o *Output) dropOldest() {
	n := 0
	for o.ring[o.index(n)] != '\n' {
		n++
	}
	n++
	o.start, o.used = o.index(n), o.used-n
	o.dropped += uint64(n)
}

// index is where the i-th of the used bytes is.
func (o *Output) index(i int) int {
	if i += o.start; i >= len(o.ring) {
		i -= len(o.ring)
	}
	return i
}

// copyTo copies used bytes from the i-th on.
func (o *Output) copyTo(dst []byte, i int) {
	for k := range dst {
		dst[k] = o.ring[o.index(i+k)]
	}
}

// Lines returns the last n lines, oldest first. The last may be one that has
// not ended yet.
func (o *Output) Lines(n int) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var lines []string // newest first
	if len(o.line) > 0 && n > 0 {
		lines = append(lines, string(o.line))
	}
	for end := o.used; end > 0 && len(lines) < n; {
		end-- // the line's \n
		from := end
		for from > 0 && o.ring[o.index(from-1)] != '\n' {
			from--
		}
		line := make([]byte, end-from)
		o.copyTo(line, from)
		lines = append(lines, string(line))
		end = from
	}
	slices.Reverse(lines)
	return lines
}

// Dropped returns how many bytes were printed and are not, or no longer, in
// Lines: old lines, the ends of long ones, and what came too fast.
func (o *Output) Dropped() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}
