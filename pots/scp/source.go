package scp

import (
	"fmt"
	"io"
)

// Source is the end that gives one file. Its client speaks first.
type Source struct {
	head  string // the control line
	data  []byte
	state int // answers of the client's so far
}

// NewSource makes a Source of a file.
func NewSource(name string, mode uint32, data []byte) *Source {
	return &Source{head: fmt.Sprintf("C%04o %d %s\n", mode&0o7777, len(data), name), data: data}
}

// Refusal is what the client hears of a file that it can't have.
func Refusal(path, why string) string { return "\x01scp: " + path + ": " + why + "\n" }

// Feed takes the client's answers and writes what comes next. io.EOF says that
// all is given, or that the client has had enough; another error is w's.
func (s *Source) Feed(p []byte, w io.Writer) (err error) {
	for _, c := range p {
		if c != 0 {
			return io.EOF
		}
		switch s.state++; s.state {
		case 1:
			_, err = io.WriteString(w, s.head)
		case 2:
			if _, err = w.Write(s.data); err == nil {
				_, err = io.WriteString(w, Hello)
			}
		default:
			return io.EOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}
