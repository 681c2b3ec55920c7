package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// fileEvery is how often the heartbeat file is written. watchdog(8) looks at
// its time: change = 90 or more gives a busy board two more tries.
const fileEvery = 30 * time.Second

// HeartFile is a file whose time shows that the node lives: for watchdog(8)
// ("file" and "change" of watchdog.conf(5)) or a script. It is kept open, so
// that it can be written after the rights to make it are given up.
type HeartFile struct {
	path string
	f    *os.File
	beat uint64
}

// heartFileName is what the file is called between one program and the next.
const heartFileName = "HEARTBEAT"

// beatLine is its length in bytes.
const beatLine = 21

// OpenHeartFile makes the file, mode 0644. On a file system that is not memory
// the second error warns of wear. Errors name -heartbeat-file.
func OpenHeartFile(path string) (h *HeartFile, warning, err error) {
	f := LeftOpen(heartFileName)
	if f != nil && !isFile(path, f) {
		f.Close()
		f = nil
	}
	if f == nil {
		if f, err = openHeartFile(path); err != nil {
			return nil, nil, fmt.Errorf("heartbeat file: %w (-heartbeat-file)", err)
		}
	}
	if !inMemory(f) {
		warning = fmt.Errorf("heartbeat file %s wears the flash that it is on: a tmpfs like /run is better (-heartbeat-file)", path)
	}
	return &HeartFile{path: path, f: f}, warning, nil
}

// isFile tells whether path names the open file, or can't be looked at.
func isFile(path string, f *os.File) bool {
	a, err := os.Lstat(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	b, err := f.Stat()
	return err == nil && os.SameFile(a, b)
}

// File is what the node must be able to write whoever it becomes.
func (h *HeartFile) File() *os.File { return h.f }

// Name is what status and the log call it.
func (h *HeartFile) Name() string { return "heartbeat file " + h.path }

// Every is fileEvery.
func (h *HeartFile) Every() time.Duration { return fileEvery }

// Feed writes one line of always the same length in the place of the last: who
// reads sees one or the other.
func (h *HeartFile) Feed() error {
	if !isFile(h.path, h.f) { // somebody has tidied up
		f, err := openHeartFile(h.path)
		if err != nil {
			return err
		}
		h.f.Close()
		h.f = f
	}
	h.beat++
	line := []byte("00000000000000000000\n")
	n := strconv.AppendUint(nil, h.beat, 10)
	copy(line[beatLine-1-len(n):], n)
	_, err := h.f.WriteAt(line, 0)
	return err
}

// Close dates the file far ahead: watchdog(8) reboots for one that is old and,
// since 5.15, for one that is not there. Since 5.16 it counts from when it saw
// the date change, so that who stops the node for long must stop it first.
func (h *HeartFile) Close() error {
	defer h.f.Close()
	ahead := time.Date(2037, 1, 1, 0, 0, 0, 0, time.UTC) // a 32-bit time_t has it
	if err := os.Chtimes(h.path, ahead, ahead); err != nil {
		return fmt.Errorf("%w: whoever watches it will think that the node is stuck", err)
	}
	return nil
}

// Leave writes once more and leaves the file open for the next program.
func (h *HeartFile) Leave(open map[string]*os.File) {
	_ = h.Feed()
	open[heartFileName] = h.f
}
