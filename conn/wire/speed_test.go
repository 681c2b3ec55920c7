package wire

import (
	"strings"
	"testing"
)

// event is one whose frame has 350 bytes, the size of the corpus's middle.
func event(t testing.TB) *PotEvent {
	e := &PotEvent{
		NodeID: 4242424242, PotID: []byte("telnet-23"), PotType: []byte("telnet"), EventType: []byte("telnet.login.failed"),
		Time: 1768473000123456e3, Boot: 1 << 40, Seq: 123456,
	}
	data := AppendField([]byte("{"), "src_ip", "198.18.0.1")
	data = AppendNumber(data, "dst_port", 23)
	rest := 350 - len(AppendPotEvent(nil, e)) + len("{}") - len(data) - len(`,"input":""}`)
	e.Data = append(AppendField(data, "input", strings.Repeat("x", rest)), '}')
	if n := len(AppendPotEvent(nil, e)); n != 350 {
		t.Fatalf("a frame of %d bytes, want 350", n)
	}
	return e
}

// TestEncodeAllocs: no append function allocates when dst has room.
func TestEncodeAllocs(t *testing.T) {
	dst := make([]byte, 0, 4096)
	e, text := event(t), "text \"\x01\xff é"
	raw := []byte(text)
	reg := &Registration{NodeID: 1, NodeName: text, Address: "::", NodeType: Full, TOTPCode: "123456"}
	pot := &PotStatus{NodeID: 1, PotID: "p", PotType: "telnet", Status: PotRunning, Message: text}
	for name, f := range map[string]func() []byte{
		"PotEvent":     func() []byte { return AppendPotEvent(dst, e) },
		"Registration": func() []byte { return AppendRegistration(dst, reg) },
		"NodeStatus":   func() []byte { return AppendNodeStatus(dst, 1, NodeRunning) },
		"Started":      func() []byte { return AppendStarted(dst) },
		"Stopped":      func() []byte { return AppendStopped(dst) },
		"Drop":         func() []byte { return AppendDrop(dst) },
		"Alarm":        func() []byte { return AppendAlarm(dst, text) },
		"Error":        func() []byte { return AppendError(dst, raw) },
		"PotStatus":    func() []byte { return AppendPotStatus(dst, pot) },
		"String":       func() []byte { return AppendString(AppendString(dst, text), raw) },
		"Field":        func() []byte { return AppendField(AppendField(dst, "k", text), "k", raw) },
		"Number":       func() []byte { return AppendNumber(dst, "k", -1<<63) },
		"Bool":         func() []byte { return AppendBool(dst, "k", true) },
		"Raw":          func() []byte { return AppendRaw(dst, "k", raw) },
		"Time":         func() []byte { return AppendTime(dst, 1768473000123456789) },
		"EventID":      func() []byte { return AppendEventID(dst, 1<<63, 1<<63) },
	} {
		if n := testing.AllocsPerRun(100, func() { sink = f() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var sink []byte

func BenchmarkPotEvent350(b *testing.B) {
	e, dst := event(b), make([]byte, 0, 512)
	b.SetBytes(350)
	b.ReportAllocs()
	for b.Loop() {
		sink = AppendPotEvent(dst, e)
	}
}

func BenchmarkTime(b *testing.B) {
	dst := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		sink = AppendTime(dst, 1768473000123456789)
	}
}

func BenchmarkField(b *testing.B) {
	dst := make([]byte, 0, 4096)
	for name, text := range map[string]string{
		"plain":  strings.Repeat("busybox wget ", 8),
		"quotes": strings.Repeat(`echo "\x7f" `, 8),
		"binary": strings.Repeat("\x16\x03\x01\xfe\x80", 20),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				sink = AppendField(dst, "k", text)
			}
		})
	}
}
