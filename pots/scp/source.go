package scp

import "fmt"

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

// Feed takes the client's answers and appends what comes next. done says that
// all is given, or that the client has had enough.
func (s *Source) Feed(p, out []byte) (_ []byte, done bool) {
	for _, c := range p {
		if c != 0 {
			return out, true
		}
		switch s.state++; s.state {
		case 1:
			out = append(out, s.head...)
		case 2:
			out = append(append(out, s.data...), 0)
		default:
			return out, true
		}
	}
	return out, false
}
