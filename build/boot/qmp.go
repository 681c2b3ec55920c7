package boot

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"
)

// monitor speaks QMP, the machine protocol of QEMU, on a socket: it notes
// every event and sends commands (docs/interop/qmp-spec.txt).
type monitor struct {
	conn net.Conn
	enc  *json.Encoder

	mu      sync.Mutex
	events  []event
	changed chan struct{} // closed and made anew with every event
	ended   bool
}

// event is something that happened to the machine: RESET, WATCHDOG, SHUTDOWN.
type event struct {
	name string
	data string // JSON
	when time.Time
}

// openMonitor takes the monitor's greeting and leaves its negotiation mode.
func openMonitor(path string) (*monitor, error) {
	c, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	m := &monitor{conn: c, enc: json.NewEncoder(c), changed: make(chan struct{})}
	go m.read()
	return m, m.command("qmp_capabilities")
}

// command sends a command without arguments. Its answer is not waited for.
func (m *monitor) command(name string) error {
	return m.enc.Encode(map[string]string{"execute": name})
}

func (m *monitor) read() {
	for dec := json.NewDecoder(m.conn); ; {
		var line struct {
			Event     string
			Data      json.RawMessage
			Timestamp struct{ Seconds, Microseconds int64 }
		}
		err := dec.Decode(&line)
		m.mu.Lock()
		if err != nil {
			m.ended = true
		} else if line.Event != "" {
			when := time.Unix(line.Timestamp.Seconds, line.Timestamp.Microseconds*1000)
			m.events = append(m.events, event{line.Event, string(line.Data), when})
		}
		close(m.changed)
		m.changed = make(chan struct{})
		m.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// count tells how many events of a name there were.
func (m *monitor) count(name string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.events {
		if e.name == name {
			n++
		}
	}
	return n
}

// until waits for the event of that name after the first seen of them.
func (m *monitor) until(ctx context.Context, name string, seen int) (event, error) {
	for {
		m.mu.Lock()
		n := seen
		for _, e := range m.events {
			if e.name != name {
				continue
			}
			if n--; n < 0 {
				m.mu.Unlock()
				return e, nil
			}
		}
		changed, ended := m.changed, m.ended
		m.mu.Unlock()
		if ended {
			return event{}, fmt.Errorf("QEMU ended without a %s", name)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return event{}, fmt.Errorf("no %s: %w", name, ctx.Err())
		}
	}
}
