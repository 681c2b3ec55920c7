package ring

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// disk is the file system as the spool uses it; tests put failing ones here.
type disk interface {
	makeDir(dir string) error
	list(dir string) ([]fs.DirEntry, error)
	create(path string) (appendFile, error) // must not be there
	reopen(path string) (appendFile, error) // must be there
	open(path string) (readFile, error)
	remove(path string) error
	syncDir(dir string) error
}

// appendFile is a file that grows.
type appendFile interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

type readFile interface {
	io.ReaderAt
	io.Closer
}

// flash is the real file system.
type flash struct{}

func (flash) makeDir(dir string) error               { return os.MkdirAll(dir, 0o700) }
func (flash) list(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }
func (flash) open(path string) (readFile, error)     { return os.Open(path) }
func (flash) remove(path string) error               { return os.Remove(path) }
func (flash) create(path string) (appendFile, error) { return appendTo(path, os.O_CREATE|os.O_EXCL) }
func (flash) reopen(path string) (appendFile, error) { return appendTo(path, 0) }

func appendTo(path string, flag int) (appendFile, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_APPEND|flag, 0o600)
}

// syncDir makes names last. Some file systems can't, and say so with EINVAL.
func (flash) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// suffix and digits of a segment's name, which is its number in hex.
const (
	suffix = ".spool"
	digits = 16
)

func segmentPath(dir string, num uint64) string {
	hex := strconv.FormatUint(num, 16)
	return filepath.Join(dir, strings.Repeat("0", digits-len(hex))+hex+suffix)
}

// segmentNum reads a name; false when it is no segment's.
func segmentNum(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(name, suffix)
	if !ok || len(hex) != digits || strings.ToLower(hex) != hex {
		return 0, false
	}
	num, err := strconv.ParseUint(hex, 16, 64)
	return num, err == nil
}

// listSegments returns the segment files of dir by age, oldest first.
func listSegments(d disk, dir string) ([]*segment, error) {
	entries, err := d.list(dir)
	if err != nil {
		return nil, err
	}
	var segs []*segment
	for _, e := range entries { // by name, so by number
		num, ok := segmentNum(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		segs = append(segs, &segment{num: num, size: info.Size(), disk: info.Size()})
	}
	return segs, nil
}

// appendBatch puts data at the end of a segment file, size bytes long until
// now, and on flash. It returns how many bytes the file has grown by, also
// when it fails: then what was written is taken back if that can be done.
func appendBatch(d disk, dir string, num uint64, size int64, data []byte) (grown int64, err error) {
	path := segmentPath(dir, num)
	open := d.reopen
	if size == 0 {
		open = d.create
	}
	f, err := open(path)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && size == 0 {
		err = d.syncDir(dir)
	}
	if err != nil {
		grown = int64(n)
		if f.Truncate(size) == nil {
			grown = 0
		}
		_ = f.Close()
		return grown, err
	}
	return int64(n), f.Close()
}
