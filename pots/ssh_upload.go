package pots

import (
	"crypto/sha256"
	"errors"
	"io"

	"forager/pots/sftp"
	"forager/pots/shell"
)

// sshInput is what a client gives a command to read: `ssh host 'cat > bot'` is
// a way to bring files too. A shell takes only the start of a large one, so
// that of those the whole is hashed here.
type sshInput struct {
	r   io.Reader
	u   *upload
	end bool
}

// sshLargeInput is how many bytes a shell takes of a command's input, about
// (shell.Limits.Pipe); of what is shorter the shell tells by itself.
const sshLargeInput = 128 << 10

func (i *sshInput) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if n > 0 {
		if i.u == nil {
			i.u = &upload{how: "stdin", name: "-", sum: sha256.New(), want: -1}
		}
		i.u.Write(p[:n])
	}
	i.end = i.end || err != nil
	return n, err
}

// finish reads the rest of a large input and tells of it.
func (i *sshInput) finish(c *Conn) {
	if i.u == nil || i.u.size < sshLargeInput {
		return
	}
	if !i.end {
		_, _ = io.Copy(io.Discard, i)
	}
	i.u.c = c
	i.u.Close(true)
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

// sftpFiles is the shell's file system for SFTP. What its handles hold is the
// budget's.
type sftpFiles struct {
	l  *sshLink
	sh *shell.Shell
	*shell.Budget
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
