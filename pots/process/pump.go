package process

import (
	"errors"
	"os"
	"time"
)

// How fast a program's output is read. What it prints in a burst is kept, and
// lineRate of it in the long run; what comes faster is thrown away unseen, at
// most readRate of it, so that a program that prints without end neither costs
// the node its processor nor waits for ever. The last that it printed before it
// fell silent is kept always: it may say why.
const (
	lineBurst = 256 << 10 // bytes
	lineRate  = 64 << 10  // bytes a second
	readRate  = 4 << 20   // bytes a second
	pumpChunk = 16 << 10  // bytes of one read
	pumpDebt  = 64 << 10  // bytes that may be read before a pause: what a pipe holds
	pumpTail  = 2 << 10   // bytes that are kept of what was thrown away last
	pumpQuiet = 200 * time.Millisecond
)

// pump reads what a program prints until the end, or until r is closed.
func pump(r *os.File, o *Output) {
	buf := make([]byte, pumpChunk)
	var tail []byte // the end of what was thrown away, not counted yet
	tokens, last, debt := lineBurst, time.Now(), 0
	for {
		n, err := r.Read(buf)
		quiet := errors.Is(err, os.ErrDeadlineExceeded)
		now := time.Now()
		tokens = min(lineBurst, tokens+int(min(now.Sub(last), time.Minute)*lineRate/time.Second))
		last = now
		switch {
		case n > tokens:
			k := max(0, n-pumpTail)
			o.skip(len(tail) + k)
			tail = append(tail[:0], buf[k:n]...)
			_ = r.SetReadDeadline(now.Add(pumpQuiet))
			if debt += n; debt >= pumpDebt {
				time.Sleep(time.Duration(debt) * time.Second / readRate)
				debt = 0
			}
		case tail != nil: // first what came first
			_, _ = o.Write(tail)
			tail = nil
			_ = r.SetReadDeadline(time.Time{})
			fallthrough
		default:
			_, _ = o.Write(buf[:n])
			tokens, debt = tokens-n, 0
		}
		if err != nil && !quiet {
			_, _ = o.Write(tail)
			o.end()
			return
		}
	}
}
