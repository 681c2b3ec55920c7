package cmds

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"forager/board"
	"forager/conn/wire"
	"forager/pots"
	"forager/pots/install"
)

// decode gives the commands among Core's lines.
func decode(t *testing.T, lines []byte) (all []wire.Command) {
	t.Helper()
	var d wire.Decoder
	d.Feed(lines)
	for {
		var m wire.Message
		ok, err := d.Next(&m)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		if m.Command != nil {
			all = append(all, *m.Command)
		}
	}
}

func one(t *testing.T, command string) wire.Command {
	t.Helper()
	all := decode(t, []byte(`{"version":2,"message":{"NodeCommand":{"node_id":42,"command":`+command+`}}}`+"\n"))
	if len(all) != 1 {
		t.Fatalf("%s is %d commands", command, len(all))
	}
	return all[0]
}

// Every line that Core is known to send has its answer.
func TestVectors(t *testing.T) {
	lines, err := os.ReadFile("testdata/from-core.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(lines) {
		for _, c := range decode(t, line) {
			n++
			h := newHouse(t, nil, "p-1")
			h.pots.logs["p-1"] = []string{"first", "second"}
			want := answersTo(&c)
			h.Do(c)
			h.answers.wait(t, len(want))
			h.end()
			if got := h.answers.all(); !match(got, want) {
				t.Errorf("%s\n got %q\nwant %q", line, got, want)
			}
		}
	}
	if n != 29 {
		t.Errorf("%d commands in the file", n)
	}
}

// match compares the beginnings.
func match(got, want []string) bool {
	return slices.EqualFunc(got, want, strings.HasPrefix)
}

func answersTo(c *wire.Command) []string {
	switch {
	case c.NodeID == 43:
		return []string{`error command "DeployPot" is for node 43, this is node 42`}
	case c.Name == "Explode":
		return []string{`error unknown command "Explode"`}
	case c.Err != nil:
		return []string{`error command refused: DeployPot: `}
	case c.PotID == "../../etc":
		return []string{`error InstallPot: pot id "../../etc"`}
	case c.Install.PotType == "cowrie":
		return []string{"pot 42 p-1 cowrie Installing waits for its turn"}
	}
	return map[string][]string{
		wire.CmdRestart:          {"node Deploying"},
		wire.CmdUpdateConfig:     {"node Running", "alarm reloaded"},
		wire.CmdGetInstalledPots: {"pot 42 p-1 telnet Stopped"},
		wire.CmdStatus:           {"node Running"},
		wire.CmdStop:             {"node Stopped"},
		wire.CmdDeployPot:        {"pot 42 p-1 telnet Running"},
		wire.CmdStopPot:          {"pot 42 p-1 telnet Stopped"},
		wire.CmdRestartPot:       {"pot 42 p-1 telnet Running"},
		wire.CmdGetPotStatus:     {"pot 42 p-1 telnet Stopped"},
		wire.CmdGetPotInfo:       {"pot 42 p-1 telnet Stopped type=telnet source=installed listen=:23 since="},
		wire.CmdGetPotLogs:       {"pot 42 p-1 telnet Stopped second\nfirst"},
		wire.CmdGetPotMetrics:    {"pot 42 p-1 telnet Stopped uptime=0 connections=0"},
		wire.CmdInstallPot:       {"pot 42 p-1 telnet Installing", "pot 42 p-1 telnet Stopped"},
	}[c.Name]
}

// What the vectors don't hold.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("\x00", 5000)
	tests := []struct {
		name    string
		command string
		change  func(*Config)
		pots    func(*fakePots)
		want    []string
	}{
		{name: "pot unknown", command: `{"StopPot":"none"}`, want: []string{`error StopPot: no such pot "none"`}},
		{name: "pot without a name", command: `{"DeployPot":""}`, want: []string{`error DeployPot: no such pot ""`}},
		{name: "info of none", command: `{"GetPotInfo":"` + strings.Repeat("x", 300) + `"}`, want: []string{`error GetPotInfo: no such pot "xxx`}},
		{name: "logs of none", command: `{"GetPotLogs":"none"}`, want: []string{`error GetPotLogs: no such pot "none"`}},
		{name: "no logs", command: `{"GetPotLogs":"p-1"}`, want: []string{"pot 42 p-1 telnet Stopped no log lines"}},
		{
			name: "long logs", command: `{"GetPotLogs":"p-1"}`,
			pots: func(f *fakePots) { f.logs["p-1"] = []string{long, "newest"} },
			want: []string{"pot 42 p-1 telnet Stopped newest\n\x00\x00"},
		},
		{
			name: "no pots", command: `"GetInstalledPots"`, pots: func(f *fakePots) { clear(f.pots) },
			want: []string{"node Running", "alarm no pots are installed"},
		},
		{
			name: "taken port", command: `{"DeployPot":"p-1"}`,
			pots: func(f *fakePots) { f.broken["p-1"] = errors.New("address in use") },
			want: []string{"pot 42 p-1 telnet Failed address in use"},
		},
		{
			name: "reload fails", command: `"UpdateConfig"`,
			change: func(c *Config) { c.Reload = func() (string, error) { return "", errors.New(long) } },
			want:   []string{"error UpdateConfig: \x00"},
		},
		{
			name: "an Agent", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"telnet"}}`,
			change: func(c *Config) { c.NodeType = wire.Agent },
			want:   []string{"pot 42 a telnet Failed this node is an Agent"},
		},
		{
			name: "install without content", command: `"InstallPot"`,
			want: []string{"error command refused: InstallPot"},
		},
		{
			name: "unknown option", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"telnet","config":{"colour":"red"}}}`,
			want: []string{`pot 42 a telnet Failed pot "a": pot type telnet: option "colour"`},
		},
		{
			name: "bad port", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"telnet","config":{"port":"99999"}}}`,
			want: []string{`pot 42 a telnet Failed pot "a": listen`},
		},
		{
			name: "long type", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"` + strings.Repeat("t", 5000) + `"}}`,
			want: []string{"pot 42 a " + strings.Repeat("t", 64) + ` Failed pot "a": honeypot type "ttt`},
		},
		{
			name: "a type that is a path", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"../cowrie"}}`,
			want: []string{`pot 42 a ../cowrie Failed pot "a": honeypot type "../cowrie": want 1 to 64 of`},
		},
		{
			name: "a config with a second line", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"cowrie","config":{"hostname":"x\n[shell]"}}}`,
			want: []string{`pot 42 a cowrie Failed pot "a": option "hostname": a control character in "x\n[shell]"`},
		},
		{
			name: "a pot_id with NUL", command: `{"InstallPot":{"pot_id":"a\u0000b","honeypot_type":"cowrie"}}`,
			want: []string{`error InstallPot: pot id "a\x00b": want 1 to 64 of`},
		},
		{
			name: "a pot_id of 300", command: `{"InstallPot":{"pot_id":"` + strings.Repeat("p", 300) + `","honeypot_type":"cowrie"}}`,
			want: []string{`error InstallPot: pot id "ppp`},
		},
		{
			name: "a program that may not be fetched", command: `{"InstallPot":{"pot_id":"b","honeypot_type":"cowrie","git_url":"ext::sh"}}`,
			pots: func(f *fakePots) { f.broken["b"] = errors.New("not allowed (-pots-allow)") },
			want: []string{"pot 42 b cowrie Failed not allowed (-pots-allow)"},
		},
		{
			name: "a program", command: `{"InstallPot":{"pot_id":"b","honeypot_type":"cowrie","auto_start":true}}`,
			want: []string{"pot 42 b cowrie Installing waits for its turn"},
		},
		{
			name: "metrics of a program", command: `{"GetPotMetrics":"p-1"}`,
			pots: func(f *fakePots) {
				f.usage = map[string]pots.Usage{"p-1": {CPU: 1500 * time.Millisecond, Memory: 5 << 20, Processes: 3, Connections: 2, Restarts: 1}}
				f.pots["p-1"].Counters.Events = 7
			},
			want: []string{"pot 42 p-1 telnet Stopped uptime=0 cpu=1.50 memory=5242880 processes=3 connections=2 events=7 restarts=1"},
		},
		{
			name: "install and start", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"telnet","config":{"telnet_port":"2323"},"auto_start":true}}`,
			want: []string{"pot 42 a telnet Installing", "pot 42 a telnet Running"},
		},
		{
			name: "install with a git_url", command: `{"InstallPot":{"pot_id":"a","honeypot_type":"telnet","git_url":"ext::sh"}}`,
			want: []string{"pot 42 a telnet Installing", "pot 42 a telnet Stopped"},
		},
		{
			name: "install over a configured one", command: `{"InstallPot":{"pot_id":"p-1","honeypot_type":"telnet"}}`,
			pots: func(f *fakePots) { f.pots["p-1"].Configured = true },
			want: []string{"pot 42 p-1 telnet Installing", "pot 42 p-1 telnet Stopped InstallPot: "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, tt.change, "p-1")
			if tt.pots != nil {
				tt.pots(h.pots)
			}
			h.Do(one(t, tt.command))
			h.answers.wait(t, len(tt.want))
			h.end()
			if got := h.answers.all(); !match(got, tt.want) {
				t.Errorf("\n got %q\nwant %q", got, tt.want)
			}
			for _, a := range h.answers.all() {
				if strings.HasPrefix(a, "error") && len(a) > maxReason+10 {
					t.Errorf("an error of %d bytes", len(a))
				}
			}
		})
	}
}

func TestBroadcast(t *testing.T) {
	h := newHouse(t, nil, "p-1")
	c := one(t, `"status"`)
	c.NodeID = 0
	h.Do(c)
	h.answers.wait(t, 1)
}

// Commands on one pot keep their order, one that is slow holds up no other
// pot, and what does not fit is refused and counted.
func TestQueues(t *testing.T) {
	h := newHouse(t, nil, "slow", "fast")
	gate := make(chan struct{})
	h.pots.gates["slow"] = gate

	h.Do(one(t, `{"DeployPot":"slow"}`))
	if got := <-h.pots.begun; got != "start slow" {
		t.Fatal(got)
	}
	for i := range maxQueue {
		h.Do(one(t, [...]string{`{"StopPot":"slow"}`, `{"DeployPot":"slow"}`}[i%2]))
	}
	h.Do(one(t, `{"RestartPot":"slow"}`)) // one too many
	if got := h.answers.wait(t, 1); len(got) != 1 || !strings.HasPrefix(got[0], `error RestartPot: too many commands wait for pot "slow"`) {
		t.Fatalf("got %q", got)
	}
	h.Do(one(t, `{"DeployPot":"fast"}`))
	if got := h.answers.wait(t, 2)[1]; got != "pot 42 fast telnet Running " {
		t.Fatalf("got %q", got)
	}
	close(gate)
	h.answers.wait(t, 2+1+maxQueue)
	h.end()
	if st := h.Stats(); st.Full != 1 || st.Done != maxQueue+2 || st.Refused != 0 {
		t.Errorf("%+v", st)
	}
	slow := slices.DeleteFunc(h.pots.calls, func(c string) bool { return strings.HasSuffix(c, "fast") })
	for i, c := range slow {
		if want := [...]string{"start slow", "stop slow"}[i%2]; c != want {
			t.Errorf("call %d is %q, want %q", i, c, want)
		}
	}
	if len(slow) != maxQueue+1 {
		t.Errorf("%d calls", len(slow))
	}
}

// Core may name as many pots as it likes: the queues stay bounded.
func TestManyQueues(t *testing.T) {
	d := New(Config{NodeID: 42, Pots: newFakePots(), Answers: newRecorder()}) // not run: nothing is done
	for i := range maxQueues + 10 {
		d.Do(wire.Command{Name: wire.CmdDeployPot, Known: true, PotID: fmt.Sprint("pot", i)})
	}
	if len(d.queues) != maxQueues || d.Stats().Full != 10 {
		t.Errorf("%d queues, %+v", len(d.queues), d.Stats())
	}
}

// At the end what is at work is waited for, and what waits is answered.
func TestEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	h := newHouse(t, nil, "slow")
	gate := make(chan struct{})
	h.pots.gates["slow"] = gate
	h.Do(one(t, `{"DeployPot":"slow"}`))
	<-h.pots.begun
	h.Do(one(t, `{"StopPot":"slow"}`))
	ended := make(chan struct{})
	go func() { h.end(); close(ended) }()
	for h.isRunning() {
		runtime.Gosched()
	}
	close(gate)
	<-ended
	got := h.answers.all()
	if !match(got, []string{"pot 42 slow telnet Running", `error StopPot for pot "slow": not done, the node is stopping`}) {
		t.Errorf("got %q", got)
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
	}
}

func (d *Dispatcher) isRunning() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}

func TestStopAndRestart(t *testing.T) {
	called := make(chan string, 2)
	h := newHouse(t, func(c *Config) {
		c.Stop = func() { called <- "stop" }
		c.Restart = func() { called <- "restart" }
	})
	h.Do(one(t, `"stop"`))
	if got := <-called; got != "stop" {
		t.Error(got)
	}
	h.Do(one(t, `{"Restart":null}`))
	if got := <-called; got != "restart" {
		t.Error(got)
	}
}

// The last state of an install that StopPot ended is told by the pots.
func TestStopEndsInstall(t *testing.T) {
	h := newHouse(t, nil, "p-1")
	h.pots.broken["p-1"] = pots.ErrInstallStopped
	h.Do(one(t, `{"StopPot":"p-1"}`))
	h.Do(one(t, `{"GetPotLogs":"p-1"}`))
	if got := h.answers.wait(t, 1); !match(got, []string{"pot 42 p-1 telnet Failed no log lines"}) {
		t.Errorf("got %q", got)
	}
}

func TestDescribeProgram(t *testing.T) {
	p := pots.Info{
		Spec: pots.Spec{
			Type: "cowrie", Listen: ":2222,:2223", Source: pots.Source{URL: "https://example.org/x.git", Branch: "main"},
			Options: map[string]string{"ssh_port": "2222", "api": "s3cret"},
		},
		Program:     install.Program{Commit: "c0ffee", Directory: "cowrie", UID: 61185, Secrets: []string{"api"}},
		Protections: []string{"user", "limits"}, Missing: []string{"landlock"},
	}
	got := describe(&p)
	for _, part := range []string{
		"type=cowrie source=installed url=https://example.org/x.git", `branch="main"`, "commit=c0ffee", `directory="cowrie"`, "user=61185",
		"protections=user,limits", "missing=landlock", "listen=:2222,:2223", `ssh_port="2222"`, `api="***"`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in %q", part, got)
		}
	}
	if strings.Contains(got, "s3cret") {
		t.Errorf("a secret in %q", got)
	}
}

func TestIntroduce(t *testing.T) {
	h := newHouse(t, nil, "a", "b")
	h.Introduce()
	if got := h.answers.all(); !match(got, []string{"pot 42 a", "pot 42 b"}) {
		t.Errorf("got %q", got)
	}
}

func TestDescribe(t *testing.T) {
	p := pots.Info{
		Spec: pots.Spec{Type: "tcp", Listen: ":80", ReportPort: 8080, Options: map[string]string{"banner": "a\nb", "api_key": "s3cret", "Password": "s3cret", "smtp_pass": "s3cret", "Credential": "s3cret"}},
		Addr: "[::]:80", Configured: true,
	}
	got := describe(&p)
	for _, part := range []string{"type=tcp", "source=configured", "listen=:80", "address=[::]:80", "report-port=8080", `banner="a\nb"`, `api_key="***"`} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in %q", part, got)
		}
	}
	if strings.Contains(got, "s3cret") {
		t.Errorf("a secret in %q", got)
	}
}

// A Core gone mad gets its answers, and does not fill the log.
func TestRefusedCommandsAreLoggedOnceAMinute(t *testing.T) {
	var log bytes.Buffer
	h := newHouse(t, func(c *Config) { c.Log = board.NewLog(&log, board.LevelInfo) }, "p-1")
	h.pots.gates["p-1"] = make(chan struct{}) // its queue fills
	const mad, surplus = 1000, 5
	for range mad {
		h.Do(wire.Command{NodeID: 7, Name: wire.CmdRestart, Known: true})
	}
	h.Do(one(t, `{"StopPot":"p-1"}`))
	<-h.pots.begun
	for range maxQueue + surplus {
		h.Do(one(t, `{"StopPot":"p-1"}`))
	}
	h.answers.wait(t, mad+surplus)
	close(h.pots.gates["p-1"])
	h.answers.wait(t, mad+surplus+1+maxQueue)
	h.end()
	if lines := bytes.Count(log.Bytes(), []byte("\n")); lines != 2 ||
		!strings.HasSuffix(log.String(), fmt.Sprintf("warn: commands: %d more failed\n", mad+surplus-1)) {
		t.Errorf("%d lines: %.300s", lines, log.String())
	}
}
