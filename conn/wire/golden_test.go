package wire

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// vectors reads the frames of a file, each with its newline.
func vectors(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

// TestAcceptedVectors encodes every frame that the strict Core is known to
// accept, in the order of the files.
func TestAcceptedVectors(t *testing.T) {
	first := [][]byte{
		AppendRegistration(nil, &Registration{NodeID: 42, NodeName: "n", Address: "0.0.0.0", Port: 8080, NodeType: Full}),
		AppendRegistration(nil, &Registration{NodeID: 1<<64 - 1, NodeName: "n", Address: "0.0.0.0", NodeType: Agent, TOTPCode: "123456"}),
	}
	var then [][]byte
	for _, s := range []NodeState{NodeConnected, NodeDeploying, NodeRunning, NodeStopped, NodeFailed, NodeUnknown} {
		then = append(then, AppendNodeStatus(nil, 42, s))
	}
	then = append(then, AppendStarted(nil), AppendStopped(nil), AppendAlarm(nil, "x"), AppendError(nil, "x"), AppendDrop(nil))
	for _, s := range []PotState{PotInstalling, PotRunning, PotStopped, PotFailed} {
		for _, message := range []string{"up", ""} {
			then = append(then, AppendPotStatus(nil, &PotStatus{NodeID: 42, PotID: "p-1", PotType: "telnet", Status: s, Message: message}))
		}
	}
	compare(t, vectors(t, "strict-core-accepts-first.jsonl"), first)
	compare(t, vectors(t, "strict-core-accepts.jsonl"), then)
}

func compare(t *testing.T, want []string, got [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("encoded %d frames, the file has %d", len(got), len(want))
	}
	for i := range want {
		if strings.TrimSuffix(want[i], "\n") != strings.TrimSuffix(string(got[i]), "\n") || !bytes.HasSuffix(got[i], []byte("}\n")) {
			t.Errorf("line %d:\n got %q\nwant %q", i+1, got[i], want[i])
		}
	}
}

// TestDocumentedPotEvent encodes the event of the documents, which the strict
// Core refuses; ours has an event_id besides.
func TestDocumentedPotEvent(t *testing.T) {
	want := strings.Replace(vectors(t, "strict-core-refuses.jsonl")[0], `,"data"`, `,"event_id":"1f-7","data"`, 1)
	got := AppendPotEvent(nil, &PotEvent{
		NodeID: 42, PotID: []byte("p-1"), PotType: []byte("telnet"), EventType: []byte("telnet.login.failed"),
		Time: 1768473000e9, Boot: 0x1f, Seq: 7, Data: []byte(`{"username":"root"}`),
	})
	if string(got) != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func ack(a Ack) Message { return Message{Version: 2, Kind: "RegistrationAck", Ack: &a} }

func command(node uint64, name, pot string) Message {
	return Message{Version: 2, Kind: "NodeCommand", Command: &Command{NodeID: node, Name: name, Known: true, PotID: pot}}
}

func install(i InstallPot) Message {
	m := command(42, CmdInstallPot, i.PotID)
	m.Command.Install = i
	return m
}

// fromCore is what each line of from-core.jsonl says; errAny stands in
// place of a command's Err.
func fromCore() []Message {
	unknown := command(42, "Explode", "")
	unknown.Command.Known = false
	wrong := command(42, CmdDeployPot, "")
	wrong.Command.Err = errAny
	list := []Message{
		ack(Ack{NodeID: 42, Accepted: true, Message: "Registration successful"}),
		ack(Ack{Accepted: true, Message: "ok", TOTPKey: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}),
		ack(Ack{NodeID: 42, Message: "bad code"}),
		ack(Ack{NodeID: 42}),
	}
	for _, name := range []string{CmdRestart, CmdUpdateConfig, CmdGetInstalledPots} {
		c := command(42, name, "")
		list = append(list, c, c, c, command(0, name, ""))
	}
	for _, name := range []string{CmdStatus, CmdStop, CmdRestart} {
		list = append(list, command(42, name, ""))
	}
	for _, name := range []string{CmdDeployPot, CmdStopPot, CmdRestartPot, CmdGetPotStatus, CmdGetPotInfo, CmdGetPotLogs, CmdGetPotMetrics} {
		list = append(list, command(42, name, "p-1"))
	}
	return append(list,
		install(InstallPot{PotID: "p-1", PotType: "cowrie", GitURL: "https://example.org/x.git", GitBranch: "main",
			Config: map[string]string{"ssh_port": "2222", "b": "x"}, AutoStart: true}),
		install(InstallPot{PotID: "p-1", PotType: "cowrie"}),
		install(InstallPot{PotID: "p-1", PotType: "telnet"}),
		install(InstallPot{PotID: "../../etc", PotType: "telnet", AutoStart: true}),
		unknown, wrong, command(43, CmdDeployPot, "p-1"))
}

func TestFromCore(t *testing.T) {
	lines, want := vectors(t, "from-core.jsonl"), fromCore()
	if len(lines) != len(want) {
		t.Fatalf("%d lines, %d expected", len(lines), len(want))
	}
	for i, line := range lines {
		got := decodeOne(t, line)
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("line %d %s\n got %+v %+v\nwant %+v %+v", i+1, line, got, got.Command, want[i], want[i].Command)
		}
	}
}
