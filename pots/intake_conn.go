package pots

import (
	"bytes"
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"forager/pots/jsonline"
)

// intakeSizes are the buffers of a connection in bytes: the smallest holds
// most honeypots' lines, the largest the longest line. A connection goes up
// when a read fills its buffer and down when reads are small.
var intakeSizes = [...]int{4 << 10, 16 << 10, jsonline.MaxLine}

// intakeBuffers keeps buffers by size between bursts.
var intakeBuffers [len(intakeSizes)]sync.Pool

// intakeDrain is how many reads of a connection are still made when the node
// stops.
const intakeDrain = 16

// intakeBuffer is what a connection needs while it has bytes to work on, and
// gives back while it waits without any.
type intakeBuffer struct {
	size  int // index into intakeSizes
	bytes []byte
	line  jsonline.Line
}

func newIntakeBuffer(size int) *intakeBuffer {
	if b, ok := intakeBuffers[size].Get().(*intakeBuffer); ok {
		return b
	}
	return &intakeBuffer{size: size, bytes: make([]byte, intakeSizes[size])}
}

func (b *intakeBuffer) free() { intakeBuffers[b.size].Put(b) }

// feed is one connection: its stream and the line that has not ended.
type feed struct {
	intakeEvents
	raw  syscall.RawConn
	buf  *intakeBuffer // nil: waiting, with nothing held
	held int           // bytes of the line that has not ended
	size int           // of the buffer that the next read should have
	skip bool          // inside a line that was too long

	try func(fd uintptr) bool // tryRead, made once
	n   int                   // what it read
	err error
}

// serve takes the lines of one connection until it ends or ctx does.
func (in *Intake) serve(ctx context.Context, c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	f := feed{raw: raw}
	f.in, f.ctx, f.peer = in, ctx, c
	f.try = f.tryRead
	for f.read() {
		f.take()
	}
	if ctx.Err() != nil {
		f.drain()
	}
	f.finish()
}

// read waits for bytes; false when no more will come. It asks the kernel
// itself, so that a connection that waits holds no buffer.
func (f *feed) read() bool {
	err := f.raw.Read(f.try)
	return err == nil && f.err == nil && f.n > 0
}

func (f *feed) tryRead(fd uintptr) bool {
	f.makeRoom()
	for {
		f.n, f.err = syscall.Read(int(fd), f.buf.bytes[f.held:])
		switch f.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			f.freeIfEmpty()
			return false
		}
		return true
	}
}

// makeRoom gets a buffer of the size that is due. There is always room in it:
// take drops a line that fills the largest.
func (f *feed) makeRoom() {
	for f.held >= intakeSizes[f.size] {
		f.size++
	}
	if f.buf != nil && f.buf.size == f.size {
		return
	}
	b := newIntakeBuffer(f.size)
	if f.buf != nil {
		copy(b.bytes, f.buf.bytes[:f.held])
		f.buf.free()
	}
	f.buf = b
}

func (f *feed) freeIfEmpty() {
	if f.held == 0 && f.buf != nil {
		f.buf.free()
		f.buf = nil
	}
}

// take works on what was read: all lines that have ended, one after the
// other.
func (f *feed) take() {
	f.begin(f.n)
	all := f.buf.bytes[:f.held+f.n]
	start, search := 0, f.held
	for {
		i := bytes.IndexByte(all[search:], '\n')
		if i < 0 {
			break
		}
		if f.skip {
			f.skip = false
		} else {
			f.line(&f.buf.line, all[start:search+i])
		}
		start = search + i + 1
		search = start
	}
	f.keep(all[start:])
	f.end()
	f.resize()
}

// keep moves the line that has not ended to the buffer's start, or drops it
// when it is too long already.
func (f *feed) keep(rest []byte) {
	switch {
	case f.skip:
		f.held = 0
	case len(rest) == jsonline.MaxLine:
		f.tooLong(&f.buf.line, rest)
		f.held, f.skip = 0, true
	default:
		f.held = copy(f.buf.bytes, rest)
	}
}

// resize chooses the next read's buffer by how full this one's was.
func (f *feed) resize() {
	switch size := f.buf.size; {
	case f.held+f.n >= len(f.buf.bytes) && size < len(intakeSizes)-1:
		f.size = size + 1
	case size > 0 && max(f.n, f.held) < intakeSizes[size-1]/2:
		f.size = size - 1
	}
}

// drain takes what the socket holds when the node stops.
func (f *feed) drain() {
	_ = f.raw.Control(func(fd uintptr) {
		for range intakeDrain {
			if !f.tryRead(fd) || f.err != nil || f.n <= 0 {
				return
			}
			f.take()
		}
	})
}

// finish takes the last line, which needs no newline.
func (f *feed) finish() {
	if f.held > 0 {
		f.begin(0)
		f.line(&f.buf.line, f.buf.bytes[:f.held])
		f.end()
		f.held = 0
	}
	f.freeIfEmpty()
}

// since is the node's monotonic time in nanoseconds.
func (in *Intake) since() int64 { return int64(time.Since(in.cfg.Epoch)) }
