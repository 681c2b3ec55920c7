package pots

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"

	"forager/pots/sftp"
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

// scpFiles is where scp's files go.
type scpFiles struct {
	l  *sshLink
	sh *shell.Shell
	u  *upload
}

// Begin begins a file.
func (f *scpFiles) Begin(at string, mode uint32, size int64) {
	f.u, _ = f.l.c.newUpload("scp", f.sh, at, mode, true)
	f.u.want = size
}

// Data is the next part of it.
func (f *scpFiles) Data(p []byte) { f.u.Write(p) }

// End ends it.
func (f *scpFiles) End(whole bool) { f.u.Close(whole) }

// Mkdir makes a directory.
func (f *scpFiles) Mkdir(at string, mode uint32) { _ = f.sh.Mkdir(at, mode) }

// sftpFiles is the shell's file system for SFTP.
type sftpFiles struct {
	l  *sshLink
	sh *shell.Shell
}

// sftpError gives an error of the shell's the status that it has in SFTP.
func sftpError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, shell.ErrNotExist):
		return sftp.ErrNotExist
	case errors.Is(err, shell.ErrPermission):
		return sftp.ErrPermission
	}
	return sftp.ErrFailure
}

func sftpAttr(i shell.Info) sftp.Attr {
	return sftp.Attr{
		Mode: i.Mode, Size: i.Size, UID: uint32(i.UID), GID: uint32(i.GID), Time: i.Time, Owner: i.Owner, Group: i.Group,
	}
}

// RealPath, and what follows, is sftp.FileSystem.
func (f *sftpFiles) RealPath(at string) string { return f.sh.RealPath(at) }

func (f *sftpFiles) Stat(at string, follow bool) (sftp.Attr, error) {
	i, err := f.sh.Stat(at, follow)
	return sftpAttr(i), sftpError(err)
}

func (f *sftpFiles) List(at string) ([]sftp.Entry, error) {
	infos, err := f.sh.ReadDir(at)
	list := make([]sftp.Entry, len(infos))
	for i, info := range infos {
		list[i] = sftp.Entry{Name: info.Name, Attr: sftpAttr(info)}
	}
	return list, sftpError(err)
}

func (f *sftpFiles) ReadFile(at string) ([]byte, error) {
	data, err := f.sh.ReadFile(at)
	return data, sftpError(err)
}

func (f *sftpFiles) Readlink(at string) (string, error) {
	target, err := f.sh.Readlink(at)
	return target, sftpError(err)
}

func (f *sftpFiles) Create(at string, mode uint32, truncate bool) (sftp.File, error) {
	u, err := f.l.c.newUpload("sftp", f.sh, at, mode, truncate)
	if err != nil {
		return nil, sftpError(err)
	}
	return u, nil
}

func (f *sftpFiles) Chmod(at string, mode uint32) error { return sftpError(f.sh.Chmod(at, mode)) }
func (f *sftpFiles) Remove(at string) error             { return sftpError(f.sh.Remove(at)) }
func (f *sftpFiles) Rmdir(at string) error              { return sftpError(f.sh.Rmdir(at)) }
func (f *sftpFiles) Mkdir(at string, mode uint32) error { return sftpError(f.sh.Mkdir(at, mode)) }
func (f *sftpFiles) Rename(from, to string) error       { return sftpError(f.sh.Rename(from, to)) }
func (f *sftpFiles) Symlink(target, at string) error    { return sftpError(f.sh.Symlink(target, at)) }
