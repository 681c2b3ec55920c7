package pots

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"

	"forager/pots/shell"
)

// uploadHead is how many first bytes of an upload its event holds.
const uploadHead = 256

// upload is a file on its way from a client: all of it is hashed, and as much
// as the shell's limits allow is there for the commands that follow.
type upload struct {
	c     *Conn
	how   string // the protocol that brought it
	name  string
	file  *shell.Upload // nil: the device would not take it
	sum   hash.Hash
	size  int64
	want  int64 // announced; -1: not
	mixed bool  // its parts did not come in order
	head  []byte
}

// newUpload begins an upload to a path. That the device refuses the path is
// the error; the upload is good all the same, for those who send on.
func (c *Conn) newUpload(how string, sh *shell.Shell, at string, mode uint32, truncate bool) (*upload, error) {
	u := &upload{c: c, how: how, name: at, sum: sha256.New(), want: -1}
	f, err := sh.Create(at, mode, truncate)
	if err == nil {
		u.file, u.name = f, f.Path()
	}
	return u, err
}

// Write takes the next bytes.
func (u *upload) Write(p []byte) {
	u.sum.Write(p)
	u.size += int64(len(p))
	u.head = append(u.head, p[:min(len(p), uploadHead-len(u.head))]...)
	if u.file != nil {
		u.file.Write(p)
	}
}

// WriteAt takes bytes at an offset, which should be where the last ones ended:
// else the hash is that of the bytes as they came, and the event says so.
func (u *upload) WriteAt(p []byte, offset int64) (int, error) {
	u.mixed = u.mixed || offset != u.size
	u.Write(p)
	return len(p), nil
}

// Close tells of the upload.
func (u *upload) Close(whole bool) {
	e := u.c.Event("session.file_upload").Bytes("filename", []byte(u.name)).
		String("shasum", hex.EncodeToString(u.sum.Sum(nil))).Number("size", u.size).
		Bytes("head", u.head).String("cause", u.how)
	if u.want >= 0 && u.want != u.size {
		e.Number("announced", u.want)
	}
	if !whole {
		e.String("state", "cut off")
	}
	if u.mixed {
		e.String("order", "mixed")
	}
	e.Send()
}
