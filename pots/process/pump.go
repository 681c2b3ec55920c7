package process

import (
	"io"
	"time"
)

// How fast a program's output is read. What it prints in a burst is kept, and
// lineRate of it in the long run; what comes faster is thrown away unseen, at
// most readRate of it, so that a program that prints without end neither costs
// the node its processor nor waits for ever.
const (
	lineBurst = 256 << 10 // bytes
	lineRate  = 64 << 10  // bytes a second
	readRate  = 4 << 20   // bytes a second
	pumpChunk = 16 << 10  // bytes of one read
	pumpDebt  = 64 << 10  // bytes that may be read before a pause: what a pipe holds
)

// pump reads what a program prints until the end.
func pump(r io.Reader, o *Output) {
	buf := make([]byte, pumpChunk)
	tokens, last, debt := lineBurst, time.Now(), 0
	for {
		n, err := r.Read(buf)
		now := time.Now()
		tokens = min(lineBurst, tokens+int(min(now.Sub(last), time.Minute)*lineRate/time.Second))
		last = now
		if n <= tokens {
			_, _ = o.Write(buf[:n])
			tokens, debt = tokens-n, 0
		} else {
			o.skip(n)
			if debt += n; debt >= pumpDebt {
				time.Sleep(time.Duration(debt) * time.Second / readRate)
				debt = 0
			}
		}
		if err != nil {
			o.end()
			return
		}
	}
}
