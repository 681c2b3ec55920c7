package boot

import (
	"bytes"
	"fmt"
	"io"
)

// Modes of the initramfs's members, as stat(2) has them.
const (
	modeDir  = 0o040755
	modeProg = 0o100755
	modeFile = 0o100644
	modeChar = 0o020600
)

// cpio writes an archive that the kernel unpacks as its initramfs: the "newc"
// format of Documentation/driver-api/early-userspace/buffer-format.rst. All
// members belong to root. A directory must come before what is in it.
type cpio struct {
	w   io.Writer
	ino int
	err error // the first one; what comes after it is not written
}

// dir adds an empty directory.
func (c *cpio) dir(name string) { c.add(name, modeDir, 0, 0, nil) }

// file adds a file, mode being modeProg or modeFile.
func (c *cpio) file(name string, mode int, content []byte) { c.add(name, mode, 0, 0, content) }

// char adds a character device.
func (c *cpio) char(name string, major, minor int) { c.add(name, modeChar, major, minor, nil) }

// close ends the archive and returns the first error there was.
func (c *cpio) close() error {
	c.add("TRAILER!!!", 0, 0, 0, nil)
	return c.err
}

func (c *cpio) add(name string, mode, major, minor int, content []byte) {
	if c.err != nil {
		return
	}
	c.ino++
	var b bytes.Buffer
	b.WriteString("070701")
	for _, field := range []int{c.ino, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name) + 1, 0} {
		fmt.Fprintf(&b, "%08X", field)
	}
	b.WriteString(name + "\x00")
	pad(&b)
	b.Write(content)
	pad(&b)
	_, c.err = c.w.Write(b.Bytes())
}

// pad fills up to a multiple of four, which every member begins at.
func pad(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
