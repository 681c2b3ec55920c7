package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Message is one frame that was accepted.
type Message struct {
	Kind   Kind
	NodeID uint64 // of the connection, where the frame has none
	Conn   int    // number of the connection, from 1 in the order of arrival
	At     time.Time
	Raw    string // the envelope as it came, on one line, without a newline
	Events int    // how many PotEvents it carries
}

// Content decodes the message's content into v, with encoding/json.
func (m *Message) Content(v any) error {
	var f frame
	if err := new(checker).check([]byte(m.Raw), &f); err != nil {
		return fmt.Errorf("content of %s: %w", m.Kind, err)
	}
	return json.Unmarshal(f.body, v)
}

// PotEvents returns the contents of the PotEvents that the message carries:
// its own, or those packed in an Alarm.
func (m *Message) PotEvents() []json.RawMessage {
	var f frame
	if err := new(checker).check([]byte(m.Raw), &f); err != nil {
		return nil
	}
	var out []json.RawMessage
	f.potEvents(func(e []byte) { out = append(out, json.RawMessage(e)) })
	return out
}

// IsKind makes a match for Watcher.Until.
func IsKind(k Kind) func(Message) bool {
	return func(m Message) bool { return m.Kind == k }
}

// Stats counts since Start.
type Stats struct {
	Connections int    // node connections ever accepted
	Frames      uint64 // accepted
	Refused     uint64 // frames refused
	PotEvents   uint64 // in either dialect
	Bytes       uint64 // of accepted frames, without newlines
	Kinds       [kinds]uint64
}

// Stats returns the counts so far.
func (c *Core) Stats() Stats {
	c.mu.Lock()
	connections := c.accepted
	c.mu.Unlock()
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	s := c.sink.stats
	s.Connections, s.Refused = connections, c.sink.refused.Load()
	return s
}

// batch is what one read of a connection brought, until it is delivered.
type batch struct {
	output   []byte
	events   []byte
	messages []Message
	stats    Stats
}

// add takes a checked frame and returns how many PotEvents it carries.
func (b *batch) add(cfg *Config, n *node, raw []byte) int {
	f := &n.frame
	events := 0
	if f.kind == PotEvent || f.kind == NodeEvent {
		events = f.potEvents(func(e []byte) {
			if cfg.Events != nil {
				b.events = appendLine(b.events, e)
			}
		})
	}
	b.stats.Frames++
	b.stats.Kinds[f.kind]++
	b.stats.PotEvents += uint64(events)
	b.stats.Bytes += uint64(len(raw))
	if cfg.Output != nil {
		b.output = appendLine(b.output, raw)
	}
	if cfg.Keep > 0 {
		id := n.id
		if f.hasNodeID {
			id = f.nodeID
		}
		b.messages = append(b.messages, Message{
			Kind: f.kind, NodeID: id, Conn: n.number, At: time.Now(), Events: events,
			Raw: string(bytes.TrimSuffix(appendLine(nil, raw), []byte("\n"))),
		})
	}
	return events
}

// appendLine appends a JSON document as one line. It stays as it came, unless
// it has line breaks of its own.
func appendLine(dst, doc []byte) []byte {
	doc = bytes.TrimSpace(doc)
	if bytes.IndexByte(doc, '\n') >= 0 || bytes.IndexByte(doc, '\r') >= 0 {
		buf := bytes.NewBuffer(dst)
		if err := json.Compact(buf, doc); err != nil {
			panic("BUG: the checker let through what encoding/json refuses: " + err.Error())
		}
		dst = buf.Bytes()
	} else {
		dst = append(dst, doc...)
	}
	return append(dst, '\n')
}

// sink is where the batches of all connections meet.
type sink struct {
	output, events io.Writer
	keep           int
	fail           func(error) // ends the Core
	refused        atomic.Uint64

	mu      sync.Mutex
	stats   Stats
	first   int           // number of messages[0], counted from 0
	history []Message     // at most keep and a quarter
	news    chan struct{} // closed and replaced when history grows
}

func newSink(cfg *Config, fail func(error)) *sink {
	return &sink{
		output: cfg.Output, events: cfg.Events, keep: cfg.Keep,
		fail: fail, news: make(chan struct{}),
	}
}

// deliver writes a batch out and empties it. A writer that stalls stalls the
// connection, and through TCP the node: nothing is lost and nothing grows.
func (s *sink) deliver(b *batch) {
	if b.stats.Frames == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(s.output, b.output, "output")
	s.write(s.events, b.events, "events")
	s.count(&b.stats)
	s.remember(b.messages)
	*b = batch{output: b.output[:0], events: b.events[:0], messages: b.messages[:0]}
}

func (s *sink) write(w io.Writer, b []byte, what string) {
	if len(b) == 0 {
		return
	}
	if _, err := w.Write(b); err != nil {
		s.fail(fmt.Errorf("write %s: %w", what, err))
	}
}

func (s *sink) count(d *Stats) {
	s.stats.Frames += d.Frames
	s.stats.PotEvents += d.PotEvents
	s.stats.Bytes += d.Bytes
	for k, n := range d.Kinds {
		s.stats.Kinds[k] += n
	}
}

func (s *sink) remember(messages []Message) {
	if len(messages) == 0 {
		return
	}
	s.history = append(s.history, messages...)
	// Cut back only now and then: cutting copies what stays.
	if over := len(s.history) - s.keep; over > s.keep/4 {
		s.history = append(s.history[:0:0], s.history[over:]...)
		s.first += over
	}
	close(s.news)
	s.news = make(chan struct{})
}

// Messages returns what is remembered, oldest first.
func (c *Core) Messages() []Message {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	return append([]Message(nil), c.sink.history...)
}

// Watcher reads the accepted messages one after the other. It is for one
// goroutine; a Core can have many.
type Watcher struct {
	core *Core
	next int
}

// ErrOverrun means that messages were forgotten before a Watcher read them.
var ErrOverrun = errors.New("messages were forgotten before they were read: raise Config.Keep")

// ErrStopped means that the Core stopped and everything remembered was read.
var ErrStopped = errors.New("core has stopped")

// Watch begins with the oldest message that is remembered.
func (c *Core) Watch() *Watcher {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	return &Watcher{core: c, next: c.sink.first}
}

// WatchNew begins with the next message that comes.
func (c *Core) WatchNew() *Watcher {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	return &Watcher{core: c, next: c.sink.first + len(c.sink.history)}
}

// Next waits for the next message.
func (w *Watcher) Next(ctx context.Context) (Message, error) {
	for {
		m, news, err := w.poll()
		if news == nil {
			return m, err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		case <-w.core.quit:
			// One more look: it may have come just before the end.
			if m, news, err = w.poll(); news != nil {
				err = ErrStopped
			}
			return m, err
		}
	}
}

// poll takes a message that is there; if none is, news says when to ask again.
func (w *Watcher) poll() (m Message, news chan struct{}, err error) {
	s := w.core.sink
	s.mu.Lock()
	defer s.mu.Unlock()
	i := w.next - s.first
	switch {
	case i < 0:
		return m, nil, ErrOverrun
	case i >= len(s.history):
		return m, s.news, nil
	}
	w.next++
	return s.history[i], nil, nil
}

// Until waits for the next message that match says yes to; those before it
// are passed over.
func (w *Watcher) Until(ctx context.Context, match func(Message) bool) (Message, error) {
	for {
		m, err := w.Next(ctx)
		if err != nil || match(m) {
			return m, err
		}
	}
}
