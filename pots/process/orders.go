package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/tinylib/msgp/msgp"
)

// What the node and the keeper tell each other over their socket are frames:
// four bytes of length, big-endian, a byte of kind, and the rest.
const (
	frameHeader = 5
	maxFrame    = maxSpec + 16<<10
)

// Kinds of frames.
const (
	frameOrders  = 'o' // to the keeper, once: orders
	frameTerm    = 't' // to the keeper: SIGTERM to the program's group
	frameKill    = 'k' // to the keeper: SIGKILL to everything
	frameStarted = 's' // from the keeper: confinement, the program runs
	frameFailed  = 'f' // from the keeper, then it ends: why the program does not run
	frameExit    = 'x' // from the keeper: wait status of the program
	frameUsed    = 'u' // from the keeper, at its end: nanoseconds of CPU of all that it reaped
)

// orders are what a keeper and a confining step are to do. Both come from the
// same file as the node, so there are no versions.
type orders struct {
	Args, Env   []string
	Dir         string
	Read, Exec  []string
	Write       []string
	Bind        []uint16
	Connect     []uint16
	AnyBind     bool
	AnyConnect  bool
	UID         uint32
	Limits      Limits
	Mark        string   // a variable of the program's environment, by which orphans are found; empty in a namespace
	Namespace   bool     // the keeper is the first process of a PID namespace
	Mounts      bool     // and has mounts of its own
	LimitCount  bool     // RLIMIT_NPROC counts this program's processes alone
	Interpreter []string // an emulator and this program's file, for tests; empty: none
}

// words are the fields by type, in the order of the encoding.
func (o *orders) words() []*[]string {
	return []*[]string{&o.Args, &o.Env, &o.Read, &o.Exec, &o.Write, &o.Interpreter}
}

func (o *orders) ports() []*[]uint16 { return []*[]uint16{&o.Bind, &o.Connect} }

func (o *orders) flags() []*bool {
	return []*bool{&o.AnyBind, &o.AnyConnect, &o.Namespace, &o.Mounts, &o.LimitCount}
}

func (o *orders) numbers() []*int64 {
	return []*int64{&o.Limits.Memory, &o.Limits.FileSize, &o.Limits.Disk}
}

func (o *orders) smalls() []*int { return []*int{&o.Limits.Processes, &o.Limits.Files, &o.Limits.Nice} }

func (o *orders) encode() []byte {
	var b []byte
	for _, list := range o.words() {
		b = msgp.AppendArrayHeader(b, uint32(len(*list)))
		for _, w := range *list {
			b = msgp.AppendString(b, w)
		}
	}
	b = msgp.AppendString(msgp.AppendString(b, o.Dir), o.Mark)
	for _, list := range o.ports() {
		b = msgp.AppendArrayHeader(b, uint32(len(*list)))
		for _, p := range *list {
			b = msgp.AppendUint64(b, uint64(p))
		}
	}
	for _, f := range o.flags() {
		b = msgp.AppendBool(b, *f)
	}
	for _, n := range o.numbers() {
		b = msgp.AppendInt64(b, *n)
	}
	for _, n := range o.smalls() {
		b = msgp.AppendInt64(b, int64(*n))
	}
	return msgp.AppendUint64(b, uint64(o.UID))
}

// decode reads what encode wrote; the limits are those of check, and some.
func (o *orders) decode(b []byte) error {
	r := reader{rest: b}
	for _, list := range o.words() {
		for range r.length() {
			*list = append(*list, r.text())
		}
	}
	o.Dir, o.Mark = r.text(), r.text()
	for _, list := range o.ports() {
		for range r.length() {
			*list = append(*list, uint16(r.number(1<<16-1)))
		}
	}
	for _, f := range o.flags() {
		*f = r.flag()
	}
	for _, n := range o.numbers() {
		*n = r.number(1<<62 - 1)
	}
	for _, n := range o.smalls() {
		*n = int(r.number(1<<30 - 1))
	}
	o.UID = uint32(r.number(1<<32 - 1))
	if r.err == nil && len(r.rest) > 0 {
		r.err = errors.New("more than orders")
	}
	return r.err
}

// reader takes values from MessagePack until the first error.
type reader struct {
	rest []byte
	err  error
}

// maxOrders bounds a list of orders: those of the system come to a spec's.
const maxOrders = 2 * maxWords

func (r *reader) length() int {
	if r.err != nil {
		return 0
	}
	var n uint32
	if n, r.rest, r.err = msgp.ReadArrayHeaderBytes(r.rest); r.err == nil && n > maxOrders {
		r.err = fmt.Errorf("a list of %d", n)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) text() (s string) {
	if r.err == nil {
		s, r.rest, r.err = msgp.ReadStringBytes(r.rest)
	}
	return s
}

func (r *reader) flag() (f bool) {
	if r.err == nil {
		f, r.rest, r.err = msgp.ReadBoolBytes(r.rest)
	}
	return f
}

func (r *reader) number(most int64) (n int64) {
	if r.err == nil {
		n, r.rest, r.err = msgp.ReadInt64Bytes(r.rest)
	}
	if r.err == nil && (n < 0 || n > most) {
		r.err = fmt.Errorf("number %d", n)
	}
	return n
}

// confinement is which words of Protection are in force and which are missing,
// and the program's process id as the keeper has it.
type confinement struct {
	have, miss []string
	pid        int
}

// note adds a word to the one list or the other.
func (c *confinement) note(word string, inForce bool) {
	if inForce {
		c.have = append(c.have, word)
	} else {
		c.miss = append(c.miss, word)
	}
}

func (c *confinement) encode() []byte {
	var b []byte
	for _, list := range [][]string{c.have, c.miss} {
		b = msgp.AppendArrayHeader(b, uint32(len(list)))
		for _, w := range list {
			b = msgp.AppendString(b, w)
		}
	}
	return msgp.AppendInt64(b, int64(c.pid))
}

func (c *confinement) decode(b []byte) error {
	r := reader{rest: b}
	for _, list := range []*[]string{&c.have, &c.miss} {
		for range r.length() {
			*list = append(*list, r.text())
		}
	}
	c.pid = int(r.number(1 << 30))
	return r.err
}

// frame makes a frame.
func frame(kind byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, frameHeader+len(body)), uint32(len(body)))
	return append(append(b, kind), body...)
}

// readFrame reads one; io.EOF is the end between two.
func readFrame(r io.Reader) (kind byte, body []byte, err error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h[:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes, want at most %d", n, maxFrame)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return h[4], body, err
}
