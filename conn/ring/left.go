package ring

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A node that replaces itself by a new process and has no spool leaves what it
// holds to that process: in files without a name (memfd_create(2)), each a
// segment as the spool's are. To the new process they are a spool that is only
// read.

// MaxLeft is how many such files there may be: each process adds one to those
// that it could not send.
const MaxLeft = 8

// Leave returns files with all events that are not forgotten, oldest first, for
// a process that calls OpenLeft or Adopt; none when there is nothing, or when
// the spool keeps it. Of cfg it needs Boot, Epoch and Sane. The error tells how
// many events end with this run. The ring is of no use afterwards.
func (r *Ring) Leave(cfg SpoolConfig) (files []*os.File, err error) {
	cfg.defaults()
	now := (&Spool{cfg: cfg}).now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flash != nil {
		if r.flash.left == nil {
			return nil, nil
		}
		files = r.flash.unread()
	}
	if r.tail.seq != r.head.seq {
		f, err := memoryFile()
		if err == nil {
			err = r.write(f, cfg.Boot, now)
		}
		if err != nil {
			return files, fmt.Errorf("%d events end with this run: %w", r.head.seq-r.tail.seq, err)
		}
		files = append(files, f)
	}
	if n := len(files) - MaxLeft; n > 0 {
		files, err = files[n:], errors.New("events of many runs ago end with this run: Core was away for too many restarts (-spool-size)")
	}
	return files, err
}

// write puts all records into f. The lock is held.
func (r *Ring) write(f io.Writer, boot uint64, now anchor) error {
	buf := make([]byte, batchHeader, batchHeader+maxPayload)
	for p := r.tail; p.seq != r.head.seq; buf = buf[:batchHeader] {
		h := batchHead{boot: boot, first: p.seq, anchor: now}
		for p.seq != r.head.seq {
			n := header + len(r.record(&p))
			if h.length+n > maxPayload {
				break
			}
			buf = append(buf, r.mem[p.at:p.at+n]...)
			h.length += n
			h.count++
			p.next(n)
		}
		h.sum = crc32.Checksum(buf[batchHeader:], castagnoli)
		h.put(buf)
		if _, err := f.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// OpenLeft puts the events in files, which another process's Leave has made,
// before r's own, of which there must be none yet. The Spool gives up each file
// when Core has its events, and never writes. Of cfg it needs Boot, Epoch and
// Sane.
func OpenLeft(r *Ring, cfg SpoolConfig, files []*os.File) (*Spool, error) {
	cfg.Dir, cfg.Size, cfg.disk = "left", MinSpool, leftFiles(files)
	s, err := OpenSpool(r, cfg)
	if s != nil {
		s.left = files
	}
	return s, err
}

// Adopt puts files, which another process's Leave has made, into the directory
// of a spool that will be opened.
func Adopt(dir string, files []*os.File) error {
	var errs []error
	for _, f := range files {
		if err := adopt(flash{}, dir, f); err != nil {
			errs = append(errs, fmt.Errorf("events of the run before are lost: %w (-spool-size)", err))
		}
		_ = f.Close()
	}
	return errors.Join(errs...)
}

func adopt(d disk, dir string, f *os.File) error {
	if err := d.makeDir(dir); err != nil {
		return err
	}
	there, err := listSegments(d, dir)
	if err != nil {
		return err
	}
	num := uint64(1)
	if len(there) > 0 {
		num = there[len(there)-1].num + 1
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data := make([]byte, info.Size())
	if err := readFull(f, data, 0); err != nil {
		return err
	}
	_, err = appendBatch(d, dir, num, 0, data)
	return err
}

// unread is the files that Core has not all of. The ring's lock is held.
func (s *Spool) unread() (files []*os.File) {
	for _, g := range s.segs {
		if !s.done(g) {
			files = append(files, s.left[g.num-1])
		}
	}
	return files
}

// letGo gives up the files that Core has, and the Spool itself when there is
// none left: without one, pots and reader get in each other's way less.
func (s *Spool) letGo() {
	_ = s.removeDone()
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if len(s.segs) == 0 && s.r.flash == s {
		s.r.flash = nil
	}
}

// leftFiles is a disk that holds files without names: segment n is the one
// before n.
type leftFiles []*os.File

func (leftFiles) makeDir(string) error                 { return nil }
func (leftFiles) syncDir(string) error                 { return nil }
func (leftFiles) create(string) (appendFile, error)    { return nil, errors.ErrUnsupported }
func (leftFiles) reopen(string) (appendFile, error)    { return nil, errors.ErrUnsupported }
func (l leftFiles) open(path string) (readFile, error) { return keptOpen{l.file(path)}, nil }
func (l leftFiles) remove(path string) error           { return l.file(path).Close() }

func (l leftFiles) file(path string) *os.File {
	num, _ := segmentNum(filepath.Base(path))
	return l[num-1]
}

func (l leftFiles) list(string) (list []fs.DirEntry, err error) {
	for i, f := range l {
		info, err := f.Stat()
		if err != nil {
			return list, err
		}
		list = append(list, fs.FileInfoToDirEntry(leftInfo{info, filepath.Base(segmentPath("", uint64(i+1)))}))
	}
	return list, nil
}

// leftInfo gives a file its name.
type leftInfo struct {
	fs.FileInfo
	name string
}

func (i leftInfo) Name() string { return i.name }

// keptOpen is read more than once.
type keptOpen struct{ io.ReaderAt }

func (keptOpen) Close() error { return nil }
