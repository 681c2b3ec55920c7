package core

import (
	"net"
	"time"
)

// Faults are what a test may want Core to do wrong. The zero value is none.
type Faults struct {
	// NoAck reads a registration and never answers it.
	NoAck bool
	// Reject answers a registration with accepted:false and this message.
	Reject string
	// Rubbish is sent straight after the acknowledgement.
	Rubbish []byte
	// CloseAfterFrames closes once that many frames were accepted.
	CloseAfterFrames int
	// CloseAfterEvent closes that long after the first PotEvent, and not for
	// events in an Alarm; a negative time closes at once.
	CloseAfterEvent time.Duration
	// StopReadingAfter reads that many bytes and no more, and stays open.
	StopReadingAfter int64
	// ReadRate reads at most that many bytes a second.
	ReadRate int
}

const (
	// smallReceive is the kernel buffer of a connection that reads slowly or
	// stops: with the usual megabytes nobody would notice for long.
	smallReceive = 4096
	rateSteps    = 20 // reads a second under ReadRate
)

// slow says whether connections are to be read through a faultyReader.
func (f *Faults) slow() bool { return f.StopReadingAfter > 0 || f.ReadRate > 0 }

// faultyReader reads a connection late or not at all.
type faultyReader struct {
	net.Conn
	faults *Faults
	quit   <-chan struct{}
	read   int64
}

func (r *faultyReader) Read(b []byte) (int, error) {
	if stop := r.faults.StopReadingAfter; stop > 0 {
		if r.read >= stop {
			<-r.quit
			return 0, net.ErrClosed
		}
		b = b[:min(int64(len(b)), stop-r.read)]
	}
	if rate := r.faults.ReadRate; rate > 0 {
		b = b[:min(len(b), max(1, rate/rateSteps))]
		select {
		case <-r.quit:
			return 0, net.ErrClosed
		case <-time.After(time.Second * time.Duration(len(b)) / time.Duration(rate)):
		}
	}
	n, err := r.Conn.Read(b)
	r.read += int64(n)
	return n, err
}
