package adbwire

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Limits of the sync service. The path is the protocol's own limit, as is the
// chunk (SYNC.TXT).
const (
	MaxPath  = 1024
	MaxChunk = 64 << 10
)

// What ends a sync stream.
var (
	ErrSync = errors.New("adb sync: unknown request")
	ErrQuit = errors.New("adb sync: the client is done")
)

// Info is what the service tells of a file.
type Info struct {
	Name             string
	Mode, Size, Time uint32
}

// Files is what the service works on.
type Files interface {
	// Stat tells of a file without following a link; none has mode 0.
	Stat(path string) Info
	List(path string) []Info
	// Read returns a file's content, which is not kept, or what the client
	// is told.
	Read(path string) ([]byte, error)
	// Send begins a file that the client pushes.
	Send(path string, mode uint32) Pushed
}

// Pushed is a file on its way.
type Pushed interface {
	Write(p []byte)
	// Close ends it; whole is false when the session ended first.
	Close(whole bool)
}

// Sync is one stream of the service.
type Sync struct {
	files Files
	head  []byte // of the request, 8 bytes
	path  []byte
	left  uint32 // bytes of path or data to come
	file  Pushed // between SEND and DONE
}

// NewSync makes a stream's service.
func NewSync(f Files) *Sync { return &Sync{files: f} }

// Close ends the stream.
func (s *Sync) Close() {
	if s.file != nil {
		s.file.Close(false)
		s.file = nil
	}
}

// Feed takes the next bytes and writes the answers to w, each as soon as it is
// made: those of one message could be ten thousand times as long. An error, w's
// too, ends the stream; the answers before it are still good.
func (s *Sync) Feed(p []byte, w io.Writer) error {
	for {
		if len(s.head) < 8 {
			n := min(8-len(s.head), len(p))
			s.head, p = append(s.head, p[:n]...), p[n:]
			if len(s.head) < 8 {
				return nil
			}
			if err := s.begin(); err != nil {
				return err
			}
		}
		n := int(min(s.left, uint32(len(p))))
		if s.file != nil {
			s.file.Write(p[:n])
		} else {
			s.path = append(s.path, p[:n]...)
		}
		p, s.left = p[n:], s.left-uint32(n)
		if s.left > 0 {
			return nil
		}
		err := s.request(string(s.head[:4]), w)
		s.head, s.path = s.head[:0], s.path[:0]
		if err != nil {
			return err
		}
	}
}

// begin looks at a request's head.
func (s *Sync) begin() error {
	s.left = binary.LittleEndian.Uint32(s.head[4:])
	switch id := string(s.head[:4]); {
	case s.file != nil && id == "DATA":
		if s.left > MaxChunk {
			return ErrLength
		}
	case s.file != nil && id == "DONE":
		s.left = 0 // it was the time of the file
	case s.file != nil:
		return ErrSync
	case id == "QUIT":
		return ErrQuit
	case id != "STAT" && id != "LIST" && id != "SEND" && id != "RECV":
		return ErrSync
	case s.left > MaxPath:
		return ErrLength
	}
	return nil
}

// request does what a whole request asks for.
func (s *Sync) request(id string, w io.Writer) error {
	path := string(s.path)
	switch id {
	case "STAT":
		i := s.files.Stat(path)
		return put(w, words([]byte(id), i.Mode, i.Size, i.Time))
	case "LIST":
		var out []byte
		for _, i := range s.files.List(path) {
			out = words(append(out, "DENT"...), i.Mode, i.Size, i.Time, uint32(len(i.Name)))
			out = append(out, i.Name...)
		}
		return put(w, words(append(out, "DONE"...), 0, 0, 0, 0))
	case "SEND":
		at, mode := splitMode(path)
		s.file = s.files.Send(at, mode)
	case "DONE":
		s.file.Close(true)
		s.file = nil
		return put(w, words([]byte("OKAY"), 0))
	case "RECV":
		return s.give(path, w)
	}
	return nil
}

// give writes a file.
func (s *Sync) give(path string, w io.Writer) error {
	data, err := s.files.Read(path)
	if err != nil {
		why := err.Error()
		return put(w, append(words([]byte("FAIL"), uint32(len(why))), why...))
	}
	for part := range slices.Chunk(data, MaxChunk) {
		err = put(w, words([]byte("DATA"), uint32(len(part))))
		if err == nil {
			err = put(w, part)
		}
		if err != nil {
			return err
		}
	}
	return put(w, words([]byte("DONE"), 0))
}

func put(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

// splitMode takes "PATH,MODE" apart; the mode is a decimal number.
func splitMode(path string) (string, uint32) {
	i := strings.LastIndexByte(path, ',')
	if i < 0 {
		return path, 0o644
	}
	mode, err := strconv.ParseUint(path[i+1:], 0, 32)
	if err != nil {
		return path, 0o644
	}
	return path[:i], uint32(mode)
}

func words(out []byte, list ...uint32) []byte {
	for _, v := range list {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}
