package persona

import (
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"time"
)

// Types of a file in Node.Mode (Linux, uapi/linux/stat.h).
const (
	ModeType = 0o170000
	ModeDir  = 0o040000
	ModeFile = 0o100000
	ModeLink = 0o120000
	ModeChar = 0o020000
	ModeBlk  = 0o060000
)

// Node is a file of the device. The tree is shared by all sessions: nobody
// changes it.
type Node struct {
	Name         string
	Mode         uint32 // type and permission bits
	UID, GID     uint16
	Major, Minor uint16 // of a device
	Body         string // of a file: text with placeholders
	Target       string // of a link
	Binary       int64  // size of a program whose bytes are made up; 0: it is a text
	Kids         []*Node
}

// IsDir tells whether n is a directory.
func (n *Node) IsDir() bool { return n.Mode&ModeType == ModeDir }

// Kid returns the entry of a directory, or nil.
func (n *Node) Kid(name string) *Node {
	i, ok := slices.BinarySearchFunc(n.Kids, name, func(k *Node, name string) int { return strings.Compare(k.Name, name) })
	if !ok {
		return nil
	}
	return n.Kids[i]
}

// Root is the device's file tree, entries sorted by name.
func (p *Persona) Root() *Node { return p.t.root }

// Size is how large Read would be without a limit. Files of /proc have size 0,
// as on Linux; that is for the caller to say.
func (p *Persona) Size(n *Node, now time.Time) int64 {
	if n.Binary > 0 {
		return n.Binary
	}
	if !strings.Contains(n.Body, "%{") {
		return int64(len(n.Body))
	}
	return int64(len(p.Expand(n.Body, now)))
}

// Read returns the content of a file, at most most bytes of it. The bytes of a
// program begin with an ELF header of the device's machine: bots read it to
// learn which payload to send.
func (p *Persona) Read(n *Node, now time.Time, most int) []byte {
	if n.Binary > 0 {
		return p.AppendProgram(nil, n.Name, n.Binary, most)
	}
	text := p.Expand(n.Body, now)
	return []byte(text[:min(len(text), most)])
}

// Machines by the template's "elf" key: ELF class, data, e_machine, e_flags
// and the loader (ELF gABI and the processor supplements).
var machines = map[string]struct {
	wide    bool
	order   binary.AppendByteOrder
	machine uint16
	flags   uint32
	loader  string
}{
	"mips":   {false, binary.BigEndian, 8, 0x50001007, "/lib/ld-uClibc.so.0"},
	"mipsel": {false, binary.LittleEndian, 8, 0x50001007, "/lib/ld-uClibc.so.0"},
	"arm":    {false, binary.LittleEndian, 40, 0x05000202, "/lib/ld-uClibc.so.0"},
	"armhf":  {false, binary.LittleEndian, 40, 0x05000400, "/lib/ld-linux-armhf.so.3"},
	"arm64":  {true, binary.LittleEndian, 183, 0, "/lib/ld-linux-aarch64.so.1"},
	"x86_64": {true, binary.LittleEndian, 62, 0, "/lib64/ld-linux-x86-64.so.2"},
}

// ELFMachine returns what the header of the device's programs says: e_machine
// and whether it is big-endian.
func (p *Persona) ELFMachine() (machine uint16, bigEndian bool) {
	m := machines[p.Get("elf")]
	return m.machine, m.order == binary.BigEndian
}

// AppendProgram appends the first most bytes of a made-up program of a size.
// Its name chooses the bytes.
func (p *Persona) AppendProgram(dst []byte, name string, size int64, most int) []byte {
	n := int(min(size, int64(most)))
	start := len(dst)
	dst = p.appendELF(dst, uint64(size))
	for z := p.hash(name); len(dst)-start < n; z = mix(z) {
		dst = binary.BigEndian.AppendUint64(dst, z&0x3f00ffff00ff00ff)
	}
	return dst[:start+n]
}

// appendELF writes the header and two program headers: loader and text.
func (p *Persona) appendELF(dst []byte, size uint64) []byte {
	m, ok := machines[p.Get("elf")]
	if !ok {
		m = machines["mips"]
	}
	class, data := byte(1), byte(1)
	if m.wide {
		class = 2
	}
	if m.order == binary.BigEndian {
		data = 2
	}
	dst = append(dst, 0x7f, 'E', 'L', 'F', class, data, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	o := m.order
	dst = o.AppendUint16(dst, 2) // ET_EXEC
	dst = o.AppendUint16(dst, m.machine)
	dst = o.AppendUint32(dst, 1)
	word := o.AppendUint32
	head, each := uint64(52), uint16(32)
	if m.wide {
		word = func(b []byte, v uint32) []byte { return o.AppendUint64(b, uint64(v)) }
		head, each = 64, 56
	}
	dst = word(dst, 0x400000+uint32(size/3)&^15)
	dst = word(dst, uint32(head))
	dst = word(dst, uint32(size)&^3-400)
	dst = o.AppendUint32(dst, m.flags)
	for _, v := range []uint16{uint16(head), each, 2, uint16(each) + 8, 10, 9} {
		dst = o.AppendUint16(dst, v)
	}
	at := uint32(head) + 2*uint32(each)
	loader := uint32(len(m.loader) + 1)
	dst = appendSegment(dst, o, m.wide, 3, 4, at, loader)           // PT_INTERP
	dst = appendSegment(dst, o, m.wide, 1, 5, 0, uint32(size)&^255) // PT_LOAD
	return append(append(dst, m.loader...), 0)
}

// appendSegment writes a program header (gABI chapter 5).
func appendSegment(dst []byte, o binary.AppendByteOrder, wide bool, kind, flags, at, size uint32) []byte {
	addr := 0x400000 + at
	if wide {
		dst = o.AppendUint32(o.AppendUint32(dst, kind), flags)
		for _, v := range []uint32{at, addr, addr, size, size, 0x1000} {
			dst = o.AppendUint64(dst, uint64(v))
		}
		return dst
	}
	for _, v := range []uint32{kind, at, addr, addr, size, size, flags, 0x1000} {
		dst = o.AppendUint32(dst, v)
	}
	return dst
}

// add puts a node at a path, making the directories above it.
func (t *Template) add(at string, n *Node) error {
	if t.files[at] != nil && !(n.IsDir() && t.files[at].IsDir()) {
		return errTwice(at)
	}
	if len(t.files) >= maxNodes {
		return errNodes
	}
	dir := t.root
	if up := path.Dir(at); up != "/" {
		if t.files[up] == nil {
			if err := t.add(up, &Node{Name: path.Base(up), Mode: ModeDir | 0o755}); err != nil {
				return err
			}
		}
		dir = t.files[up]
	}
	if !dir.IsDir() {
		return errParent(at)
	}
	if old := t.files[at]; old != nil {
		old.Mode = n.Mode
		return nil
	}
	t.files[at] = n
	dir.Kids = append(dir.Kids, n)
	return nil
}

// sortTree makes Kid work.
func sortTree(n *Node) {
	n.Kids = slices.Clip(n.Kids)
	slices.SortStableFunc(n.Kids, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	for _, k := range n.Kids {
		sortTree(k)
	}
}
