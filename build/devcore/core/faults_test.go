package core

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestFaultNoAck(t *testing.T) {
	c := start(t, Config{Faults: Faults{NoAck: true}})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.write(registration(42, ""))
	next(t, w) // it was read
	c.Drop()
	p.closed() // and not answered
	c.SetFaults(Faults{})
	dial(t, c.Addr()).register(42)
}

func TestFaultReject(t *testing.T) {
	c := start(t, Config{Faults: Faults{Reject: "not you"}})
	p := dial(t, c.Addr())
	p.write(registration(42, ""))
	if got, want := p.line(), `{"version":2,"message":{"RegistrationAck":{"node_id":42,"accepted":false,"message":"not you"}}}`; got != want {
		t.Errorf("got %s", got)
	}
	p.closed()
}

func TestFaultRubbish(t *testing.T) {
	c := start(t, Config{Faults: Faults{Rubbish: []byte("}{\x00\n")}})
	p := dial(t, c.Addr())
	p.register(42)
	if got := p.line(); got != "}{\x00" {
		t.Errorf("got %q", got)
	}
}

func TestFaultCloseAfterFrames(t *testing.T) {
	c := start(t, Config{Faults: Faults{CloseAfterFrames: 3}})
	p := dial(t, c.Addr())
	p.register(42)
	p.write(strings.Repeat(potEventDoc+"\n", 5))
	p.closed()
	if n := len(c.Messages()); n != 3 {
		t.Errorf("%d frames accepted", n)
	}
}

func TestFaultCloseAfterEvent(t *testing.T) {
	for _, after := range []time.Duration{-1, 50 * time.Millisecond} {
		c := start(t, Config{Faults: Faults{CloseAfterEvent: after}})
		p := dial(t, c.Addr())
		p.register(42)
		began := time.Now()
		p.write(potEventDoc + "\n")
		p.closed()
		if took := time.Since(began); took < after {
			t.Errorf("closed after %v, not %v", took, after)
		}
	}
}

func TestFaultStopReading(t *testing.T) {
	hello := registration(42, "")
	c := start(t, Config{Faults: Faults{StopReadingAfter: int64(len(hello) + len(potEventDoc) + 1)}})
	w := c.Watch()
	p := dial(t, c.Addr())
	p.register(42)
	next(t, w)
	p.write(potEventDoc + "\n")
	next(t, w)
	// What is written now fills the kernels' buffers and then blocks.
	_ = p.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	_, err := io.CopyN(p.Conn, endless{}, 64<<20)
	var netErr net.Error
	if !errors.As(err, &netErr) || !netErr.Timeout() {
		t.Errorf("a reader that stopped took 64 MiB: %v", err)
	}
	if s := c.Stats(); s.Frames != 2 || s.Refused != 0 {
		t.Errorf("counted %+v", s)
	}
}

// endless reads as newlines.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '\n'
	}
	return len(b), nil
}

func TestFaultReadRate(t *testing.T) {
	const rate = 2000
	c := start(t, Config{Faults: Faults{ReadRate: rate}})
	w := c.Watch()
	p := dial(t, c.Addr())
	hello, began := registration(42, ""), time.Now()
	p.write(hello + potEventDoc + "\n")
	next(t, w)
	next(t, w)
	least := time.Second * time.Duration(len(hello)+len(potEventDoc)) / rate
	if took := time.Since(began); took < least {
		t.Errorf("read in %v, at that rate it takes %v", took, least)
	}
}

func TestSlowReaderEndsWithCore(t *testing.T) {
	c := start(t, Config{Faults: Faults{StopReadingAfter: 1}})
	p := dial(t, c.Addr())
	p.write("xx")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection outlives its Core: %v", err)
	}
}
