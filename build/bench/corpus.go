//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

// Lines of these lengths in bytes, with their newline, are taken: their mean
// is 368, and 370 is what the targets speak of.
const shortest, longest = 300, 450

// readCorpus returns the lines of ordinary length, without their newlines.
func readCorpus(path string) (lines [][]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w (-corpus; run it in the repository's root)", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, line := range bytes.Split(all, []byte("\n")) {
		if n := len(line) + 1; n >= shortest && n <= longest {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s: no line of %d to %d bytes", path, shortest, longest)
	}
	return lines, nil
}

// load is n lines, the corpus again and again.
type load struct {
	once []byte // the corpus
	rest []byte // its part at the end
	n    int    // how often once
	size int    // bytes of it all
}

func newLoad(path string, n int) (*load, error) {
	lines, err := readCorpus(path)
	if err != nil {
		return nil, err
	}
	join := func(lines [][]byte) (b []byte) {
		for _, l := range lines {
			b = append(append(b, l...), '\n')
		}
		return b
	}
	l := &load{once: join(lines), rest: join(lines[:n%len(lines)]), n: n / len(lines)}
	l.size = l.n*len(l.once) + len(l.rest)
	return l, nil
}

// writeTo sends it all, 64 KiB a write.
func (l *load) writeTo(w io.Writer) error {
	for i := range l.n + 1 {
		b := l.once
		if i == l.n {
			b = l.rest
		}
		for len(b) > 0 {
			n, err := w.Write(b[:min(len(b), 64<<10)])
			if err != nil {
				return err
			}
			b = b[n:]
		}
	}
	return nil
}
