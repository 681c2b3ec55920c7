package pots

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"forager/board"
	"forager/conn/ring"
)

// intakeFixture is an intake on a free port, and its ring.
type intakeFixture struct {
	*Intake
	t    *testing.T
	ring *ring.Ring
	log  *intakeLog
	stop func() // ends Run and waits for it
}

func startIntake(t *testing.T, size int, change func(*IntakeConfig)) *intakeFixture {
	t.Helper()
	r, err := ring.New(size, 1)
	if err != nil {
		t.Fatal(err)
	}
	log := new(intakeLog)
	cfg := IntakeConfig{Listen: "127.0.0.1:0", Ring: r, Epoch: time.Now().Add(-time.Hour), Log: board.NewLog(log, board.LevelDebug)}
	if change != nil {
		change(&cfg)
	}
	f := &intakeFixture{Intake: NewIntake(cfg), t: t, ring: r, log: log}
	if err := f.Bind(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	var stopped atomic.Bool
	f.stop = func() {
		if stopped.CompareAndSwap(false, true) {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	t.Cleanup(func() { f.stop(); r.Close() })
	return f
}

// intakeLog is what a Log writes to while a test reads it.
type intakeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *intakeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *intakeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (f *intakeFixture) dial() *net.TCPConn {
	f.t.Helper()
	c, err := net.Dial("tcp", f.Addr().String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// send writes s over one connection, says that this was all, and waits until
// the intake has read it.
func (f *intakeFixture) send(s string) {
	f.t.Helper()
	c := f.dial()
	if _, err := io.WriteString(c, s); err != nil {
		f.t.Fatal(err)
	}
	f.hangUp(c)
}

func (f *intakeFixture) hangUp(c *net.TCPConn) {
	f.t.Helper()
	if err := c.CloseWrite(); err != nil {
		f.t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); n != 0 || err != nil {
		f.t.Errorf("the intake answered %d bytes, %v", n, err)
	}
	c.Close()
}

// intakeEventually waits for what must come at some time.
func intakeEventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
}

// takenEvent is an event with strings in place of slices.
type takenEvent struct {
	ID, Pot, Type, Data string
	Time, Mono          int64
}

// taken empties the ring.
func (f *intakeFixture) taken() (all []takenEvent) {
	b := ring.NewBatch(1 << 20)
	for f.ring.Peek(b) > 0 {
		for e := (ring.Event{}); b.Next(&e); {
			all = append(all, takenEvent{string(e.PotID), string(e.Pot), string(e.Type), string(e.Data), e.Time, e.Mono})
		}
		f.ring.Forget(b.Last())
	}
	return all
}

func intakeCorpus(t testing.TB) []byte {
	t.Helper()
	f, err := os.Open("testdata/cowrie.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkIntakeCorpus compares what came with what encoding/json reads of lines.
func checkIntakeCorpus(t *testing.T, lines []string, got []takenEvent) {
	t.Helper()
	if len(got) != len(lines) {
		t.Fatalf("%d events of %d lines", len(got), len(lines))
	}
	for i, e := range got {
		var m, data map[string]any
		if err := json.Unmarshal([]byte(lines[i]), &m); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(e.Data), &data); err != nil || !reflect.DeepEqual(m, data) {
			t.Fatalf("line %d: data differ, %v: %s", i, err, e.Data)
		}
		at, err := time.Parse(time.RFC3339Nano, m["timestamp"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != m["sensor"] || e.Type != m["eventid"] || e.Pot != "cowrie" || e.Time != at.UnixNano() {
			t.Fatalf("line %d: %+v", i, e)
		}
		if e.Mono < int64(time.Hour) {
			t.Fatalf("line %d: mono %d", i, e.Mono)
		}
	}
}
