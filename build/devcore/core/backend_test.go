package core

import (
	"encoding/json"
	"strings"
	"testing"
)

const backendHello = `{"version":2,"message":{"BackendRegistration":{"backend_name":"x","backend_type":"Cli"}}}` + "\n"

// backendAnswer is the content of a BackendResponse.
type backendAnswer struct {
	Success *struct {
		Message string
		Data    map[string]any
	}
	Failure string
}

// ask sends one line to the backend port and decodes the answer.
func (p *peer) ask(line string) backendAnswer {
	p.t.Helper()
	p.write(strings.TrimSuffix(line, "\n") + "\n")
	return p.answer()
}

func (p *peer) answer() backendAnswer {
	p.t.Helper()
	var m struct {
		Version int
		Message struct{ BackendResponse backendAnswer }
	}
	raw := p.line()
	if err := json.Unmarshal([]byte(raw), &m); err != nil || m.Version != 2 {
		p.t.Fatalf("answer %s: %v", raw, err)
	}
	return m.Message.BackendResponse
}

func command(content string) string {
	return `{"version":2,"message":{"BackendCommand":` + content + `}}`
}

func backend(t *testing.T, c *Core) *peer {
	t.Helper()
	p := dial(t, c.BackendAddr())
	if a := p.ask(backendHello); a.Success == nil {
		t.Fatalf("registration: %+v", a)
	}
	return p
}

func TestBackendCommandsReachTheNode(t *testing.T) {
	c := start(t, Config{Strict: true})
	node := dial(t, c.Addr())
	node.register(42)
	b := backend(t, c)
	for sent, want := range map[string]string{
		`{"NodeCommand":{"node_id":42,"command":"GetInstalledPots"}}`:              `{"node_id":42,"command":"GetInstalledPots"}`,
		`{"NodeCommand": {"command": {"Install<Pot": {"a" : 1}}, "node_id": 42} }`: `{"node_id":42,"command":{"Install<Pot":{"a":1}}}`,
		`{"BroadcastCommand":{"command":{"StopPot":"p-1"}}}`:                       `{"node_id":0,"command":{"StopPot":"p-1"}}`,
	} {
		if a := b.ask(command(sent)); a.Success == nil {
			t.Errorf("%s: %+v", sent, a)
		}
		if got := node.line(); got != `{"version":2,"message":{"NodeCommand":`+want+`}}` {
			t.Errorf("%s: the node got %s", sent, got)
		}
	}
}

func TestBackendQueries(t *testing.T) {
	c := start(t, Config{})
	b := backend(t, c)
	if a := b.ask(command(`"GetNodes"`)); a.Success == nil || len(a.Success.Data["nodes"].([]any)) != 0 {
		t.Errorf("no nodes: %+v", a)
	}
	dial(t, c.Addr()).register(43)
	node := dial(t, c.Addr())
	node.register(42)
	if a := b.ask(command(`"GetNodes"`)); a.Success == nil || len(a.Success.Data["nodes"].([]any)) != 2 || a.Success.Data["nodes"].([]any)[0] != 42.0 {
		t.Errorf("two nodes: %+v", a)
	}
	w := c.WatchNew()
	node.write(potEventDoc + "\n")
	next(t, w)
	a := b.ask(command(`"GetStats"`))
	if a.Success == nil || a.Success.Data["pot_events"] != 1.0 || a.Success.Data["frames"] != 3.0 || a.Success.Data["connections"] != 2.0 {
		t.Errorf("counts: %+v", a)
	}
}

func TestBackendFailures(t *testing.T) {
	c := start(t, Config{})
	b := backend(t, c)
	for name, line := range map[string]string{
		"not JSON":           "hello",
		"not a message":      "[]",
		"version":            strings.Replace(command(`"GetNodes"`), ":2", ":3", 1),
		"registered already": backendHello,
		"unknown word":       command(`"GetHoney"`),
		"unknown command":    command(`{"RemoveNode":{"node_id":1}}`),
		"null command":       command(`null`),
		"no such node":       command(`{"NodeCommand":{"node_id":7,"command":"Restart"}}`),
		"no node_id":         command(`{"NodeCommand":{"command":"Restart"}}`),
		"node_id negative":   command(`{"NodeCommand":{"node_id":-7,"command":"Restart"}}`),
		"no command":         command(`{"NodeCommand":{"node_id":42}}`),
		"broadcast nothing":  command(`{"BroadcastCommand":{"command":null}}`),
	} {
		if a := b.ask(line); a.Failure == "" || a.Success != nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a := b.ask(command(`"GetNodes"`)); a.Success == nil {
		t.Errorf("afterwards: %+v", a)
	}
}

func TestBackendMustRegister(t *testing.T) {
	c := start(t, Config{})
	b := dial(t, c.BackendAddr())
	if a := b.ask(command(`"GetNodes"`)); a.Failure == "" {
		t.Errorf("without registration: %+v", a)
	}
	b.closed()
}

func TestBackendLimits(t *testing.T) {
	c := start(t, Config{})
	long := backend(t, c)
	_, _ = long.Write([]byte(strings.Repeat("x", 2*maxFrame))) // Core may close in between
	long.closed()
	for range maxBackends {
		backend(t, c)
	}
	dial(t, c.BackendAddr()).closed()
}
