package shell

import (
	"sync/atomic"
	"time"
)

// Limits of a shell. What an attacker does can't go beyond them.
type Limits struct {
	Line   int           // bytes of a command, all its lines together (64 KiB)
	Bytes  int           // bytes of the files that a session wrote (512 KiB)
	Files  int           // files that differ from the persona's (256)
	Vars   int           // bytes of variables and functions (32 KiB)
	Output int           // bytes that a line prints (128 KiB)
	Pipe   int           // bytes in a pipe, a substitution or a read file (128 KiB)
	Expand int           // bytes that the words of one command grow to (128 KiB)
	Steps  int           // commands, rounds of loops and 256 bytes worked on, of a line (20,000)
	Depth  int           // substitutions, scripts, functions in each other (16)
	Lines  int           // lines that one unfinished command may have (512)
	Delay  time.Duration // all that Sleep is asked for in a session (30 s)
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		v   *int
		def int
	}{
		{&l.Line, 64 << 10}, {&l.Bytes, 512 << 10}, {&l.Files, 256}, {&l.Vars, 32 << 10}, {&l.Output, 128 << 10},
		{&l.Pipe, 128 << 10}, {&l.Expand, 128 << 10}, {&l.Steps, 20_000}, {&l.Depth, 16}, {&l.Lines, 512},
	} {
		if *d.v <= 0 {
			*d.v = d.def
		}
	}
	if l.Delay <= 0 {
		l.Delay = 30 * time.Second
	}
	return l
}

// Budget is memory that many shells share, so that a thousand sessions can't
// hold a thousand times Limits.Bytes, nor a thousand lines what one line needs
// while it runs. A nil Budget has no end.
type Budget struct {
	left atomic.Int64
}

// NewBudget makes a budget of some bytes.
func NewBudget(bytes int64) *Budget {
	b := &Budget{}
	b.left.Store(bytes)
	return b
}

// Take takes n bytes, or nothing.
func (b *Budget) Take(n int) bool {
	if b == nil || b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.left.Add(int64(n))
	return false
}

// Give gives n bytes back.
func (b *Budget) Give(n int) {
	if b != nil {
		b.left.Add(int64(n))
	}
}

// Left is how many bytes nobody has.
func (b *Budget) Left() int { return int(b.left.Load()) }
