package core

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// A backend's dialogue, one JSON line each way: BackendRegistration first,
// then BackendCommand as often as it likes, each answered by BackendResponse,
// {"Success":{"message":…,"data":…}} or {"Failure":"reason"}.

// backendMessage is the enum of an envelope from a backend.
type backendMessage struct {
	Version int `json:"version"`
	Message struct {
		BackendRegistration *struct {
			Name string `json:"backend_name"`
			Type string `json:"backend_type"`
		}
		BackendCommand json.RawMessage
	} `json:"message"`
}

// success is the answer to a command that was carried out.
type success struct {
	Message string `json:"message"`
	Data    any    `json:"data"`
}

// serveBackend answers one backend until either side ends it.
func (c *Core) serveBackend(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if !c.enterBackend(conn) {
		c.cfg.Log("backend %s refused: %d are open", conn.RemoteAddr(), maxBackends)
		return
	}
	defer c.leaveBackend(conn)
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 4096), maxFrame)
	registered := false
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		answer, err := c.backendLine(lines.Bytes(), &registered)
		if err := writeAnswer(conn, answer, err); err != nil {
			c.cfg.Log("backend %s: %v", conn.RemoteAddr(), err)
			return
		}
		if !registered {
			return
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, net.ErrClosed) {
		c.cfg.Log("backend %s: %v", conn.RemoteAddr(), err)
	}
}

func (c *Core) enterBackend(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || len(c.backends) >= maxBackends {
		return false
	}
	c.backends[conn] = true
	return true
}

func (c *Core) leaveBackend(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.backends, conn)
}

// writeAnswer sends one BackendResponse line.
func writeAnswer(conn net.Conn, answer success, failure error) error {
	var envelope struct {
		Version int                           `json:"version"`
		Message struct{ BackendResponse any } `json:"message"`
	}
	envelope.Version = 2
	envelope.Message.BackendResponse = map[string]any{"Success": answer}
	if failure != nil {
		envelope.Message.BackendResponse = map[string]string{"Failure": failure.Error()}
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	err := enc.Encode(&envelope)
	if err != nil {
		return err
	}
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err = conn.Write(line.Bytes())
	return err
}

// backendLine carries out one line of a backend.
func (c *Core) backendLine(line []byte, registered *bool) (success, error) {
	var m backendMessage
	if err := json.Unmarshal(line, &m); err != nil {
		return success{}, fmt.Errorf("not a backend message: %w", err)
	}
	reg, command := m.Message.BackendRegistration, m.Message.BackendCommand
	switch {
	case m.Version != 2:
		return success{}, fmt.Errorf("version %d, not 2", m.Version)
	case reg != nil && !*registered:
		*registered = true
		c.cfg.Log("backend %.40q (%.10q) registered", reg.Name, reg.Type)
		return success{Message: "Registration successful"}, nil
	case !*registered:
		return success{}, errors.New("expected BackendRegistration first")
	case command == nil:
		return success{}, errors.New("expected BackendCommand")
	}
	return c.backendCommand(command)
}

// backendCommand carries out the content of a BackendCommand.
func (c *Core) backendCommand(raw json.RawMessage) (success, error) {
	var word string
	if json.Unmarshal(raw, &word) == nil {
		return c.backendWord(word)
	}
	var cmd struct {
		NodeCommand *struct {
			NodeID  *uint64         `json:"node_id"`
			Command json.RawMessage `json:"command"`
		}
		BroadcastCommand *struct {
			Command json.RawMessage `json:"command"`
		}
	}
	if err := json.Unmarshal(raw, &cmd); err != nil {
		return success{}, fmt.Errorf("backend command: %w", err)
	}
	switch {
	case cmd.NodeCommand != nil && cmd.NodeCommand.NodeID != nil:
		id := *cmd.NodeCommand.NodeID
		command, err := compactCommand(cmd.NodeCommand.Command)
		if err == nil {
			err = c.Command(id, command)
		}
		return success{Message: fmt.Sprintf("Command sent to node %d", id)}, err
	case cmd.BroadcastCommand != nil:
		command, err := compactCommand(cmd.BroadcastCommand.Command)
		if err != nil {
			return success{}, err
		}
		n, err := c.Broadcast(command)
		return success{Message: fmt.Sprintf("Command broadcast to %d nodes", n)}, err
	}
	return success{}, fmt.Errorf("unknown backend command %.80q", raw)
}

// backendWord carries out a command that is a bare string. GetStats is ours:
// a benchmark asks it how much has arrived.
func (c *Core) backendWord(word string) (success, error) {
	switch word {
	case "GetNodes":
		ids := c.Nodes()
		slices.Sort(ids)
		return success{
			Message: fmt.Sprintf("Retrieved %d nodes", len(ids)),
			Data:    map[string]any{"nodes": ids},
		}, nil
	case "GetStats":
		s := c.Stats()
		return success{Message: "Counted since the start", Data: map[string]any{
			"connections": s.Connections, "frames": s.Frames, "refused": s.Refused,
			"pot_events": s.PotEvents, "bytes": s.Bytes,
		}}, nil
	}
	return success{}, fmt.Errorf("unknown backend command %.40q", word)
}

// compactCommand puts a command on one line; what it says is the node's affair.
func compactCommand(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", errors.New("missing field command")
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "", fmt.Errorf("command: %w", err)
	}
	return b.String(), nil
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil {
		panic("BUG: a string that encoding/json refuses: " + err.Error())
	}
	return append(b, q...)
}
