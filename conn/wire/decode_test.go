package wire

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

var errAny = errors.New("any")

// result is one answer of the decoder in a form that can be compared: errors
// become one of the two, or errAny inside a command.
type result struct {
	msg Message
	err error
}

// decodeAll feeds the pieces and collects every answer.
func decodeAll(pieces ...[]byte) (out []result) {
	var d Decoder
	for _, p := range pieces {
		d.Feed(p)
		for {
			var r result
			more, err := d.Next(&r.msg)
			if !more {
				break
			}
			for _, known := range []error{ErrTooLong, ErrFrame} {
				if errors.Is(err, known) {
					r.err = known
				}
			}
			if err != nil && r.err == nil {
				panic("error of no known kind: " + err.Error())
			}
			if c := r.msg.Command; c != nil && c.Err != nil {
				c.Err = errAny
			}
			out = append(out, r)
		}
	}
	return out
}

func decodeOne(t *testing.T, line string) Message {
	t.Helper()
	out := decodeAll([]byte(strings.TrimSuffix(line, "\n") + "\n"))
	if len(out) != 1 || out[0].err != nil {
		t.Fatalf("%.200q: decoded to %v", line, out)
	}
	return out[0].msg
}

const restart = `{"version":2,"message":{"NodeCommand":{"node_id":42,"command":"Restart"}}}`

func envelopeOf(message string) string { return `{"version":2,"message":` + message + `}` }

func commandOf(c string) string {
	return envelopeOf(`{"NodeCommand":{"node_id":42,"command":` + c + `}}`)
}

func nest(open, inner, shut string, n int) string {
	return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
}

func TestBrokenFrames(t *testing.T) {
	for name, line := range map[string]string{
		"rubbish":               "GET / HTTP/1.1",
		"binary":                "\x00\xff\x16\x03\x01",
		"truncated":             restart[:len(restart)-1],
		"ends in string":        `{"version":2,"message":"No`,
		"two documents":         restart + restart,
		"trailing comma":        `{"version":2,"message":"X",}`,
		"bytes behind":          restart + " x",
		"not an object":         `[2]`,
		"null":                  `null`,
		"number":                `2`,
		"empty object":          `{}`,
		"no message":            `{"version":2}`,
		"version a string":      `{"version":"2","message":"X"}`,
		"version null":          `{"version":null,"message":"X"}`,
		"duplicate version":     `{"version":2,"version":2,"message":"X"}`,
		"duplicate message":     `{"version":2,"message":"X","message":"X"}`,
		"duplicate deep inside": envelopeOf(`{"Y":{"a":{"b":1,"b":2}}}`),
		"duplicate in command":  commandOf(`{"Restart":{"a":1,"a":1}}`),
		"duplicate node_id":     envelopeOf(`{"NodeCommand":{"node_id":1,"node_id":42,"command":"Restart"}}`),
		"message a number":      envelopeOf(`7`),
		"message null":          envelopeOf(`null`),
		"message an array":      envelopeOf(`[]`),
		"message empty":         envelopeOf(`{}`),
		"two messages":          envelopeOf(`{"RegistrationAck":{"accepted":true},"X":1}`),
		"bare ack":              envelopeOf(`"RegistrationAck"`),
		"bare command":          envelopeOf(`"NodeCommand"`),
		"ack a string":          envelopeOf(`{"RegistrationAck":"yes"}`),
		"ack empty":             envelopeOf(`{"RegistrationAck":{}}`),
		"accepted a string":     envelopeOf(`{"RegistrationAck":{"accepted":"true"}}`),
		"accepted null":         envelopeOf(`{"RegistrationAck":{"accepted":null}}`),
		"ack message a number":  envelopeOf(`{"RegistrationAck":{"accepted":true,"message":1}}`),
		"node_id negative":      envelopeOf(`{"RegistrationAck":{"node_id":-1,"accepted":true}}`),
		"node_id a fraction":    envelopeOf(`{"RegistrationAck":{"node_id":4.2,"accepted":true}}`),
		"node_id 2^64":          envelopeOf(`{"RegistrationAck":{"node_id":18446744073709551616,"accepted":true}}`),
		"node_id a string":      envelopeOf(`{"NodeCommand":{"node_id":"42","command":"Restart"}}`),
		"no command":            envelopeOf(`{"NodeCommand":{"node_id":42}}`),
		"command a number":      commandOf(`7`),
		"command null":          commandOf(`null`),
		"command empty":         commandOf(`{}`),
		"two commands":          commandOf(`{"StopPot":"p","DeployPot":"p"}`),
		"invalid UTF-8":         commandOf(`{"DeployPot":"` + "\xff" + `"}`),
		"control character":     commandOf(`{"DeployPot":"` + "\x01" + `"}`),
		"lone surrogate":        commandOf(`{"DeployPot":"\ud800"}`),
		"deep objects":          envelopeOf(nest(`{"a":`, "1", "}", 10000)),
		"deep arrays":           envelopeOf(`{"X":` + nest("[", "", "]", 30000) + `}`),
		"deep and unfinished":   strings.Repeat("[", MaxFrame-1),
		"deep in a command":     commandOf(`{"DeployPot":` + nest("[", "", "]", 20000) + `}`),
		"deep in an unknown key": `{"x":` + nest(`{"a":[`, "", "]}", 6000) +
			`,"version":2,"message":"X"}`,
	} {
		t.Run(name, func(t *testing.T) {
			want := []result{{err: ErrFrame}, {msg: decodeOne(t, restart)}}
			if got := decodeAll([]byte(line + "\n" + restart + "\n")); !reflect.DeepEqual(got, want) {
				t.Errorf("%.100q gave %v", line, got)
			}
		})
	}
}

// TestLenientFrames is what the documents ask a node to bear.
func TestLenientFrames(t *testing.T) {
	other := func(kind string) Message { return Message{Version: 2, Kind: kind} }
	unknown := command(42, "explode", "")
	unknown.Command.Known = false
	for line, want := range map[string]Message{
		restart + "\r":                                                 command(42, CmdRestart, ""),
		"  " + restart + "\t\r":                                        command(42, CmdRestart, ""),
		"{ \"version\" : 2 , \"message\":\"X\"}":                       other("X"),
		envelopeOf(`"NodeDrop"`):                                       other("NodeDrop"),
		envelopeOf(`{"Heartbeat":{"a":[1]}}`):                          other("Heartbeat"),
		`{"message":"X","extra":{"a":[{}]},"version":2}`:               other("X"),
		`{"message":"X"}`:                                              {Kind: "X"},
		`{"version":3,"message":"X"}`:                                  {Version: 3, Kind: "X"},
		`{"version":2.1,"message":"X"}`:                                {Version: -1, Kind: "X"},
		`{"version":-2,"message":"X"}`:                                 {Version: -1, Kind: "X"},
		`{"version":99999999999999999999,"message":"X"}`:               {Version: -1, Kind: "X"},
		envelopeOf(`{"NodeCommand":{"why":null,"command":"Restart"}}`): command(0, CmdRestart, ""),
		envelopeOf(`{"NodeCommand":{"command":{"StopPot":"p"},"node_id":18446744073709551615}}`):   command(1<<64-1, CmdStopPot, "p"),
		envelopeOf(`{"RegistrationAck":{"accepted":true,"totp_key":null,"x":[]}}`):                 ack(Ack{Accepted: true}),
		commandOf(`{"Restart":{"force":true}}`):                                                    command(42, CmdRestart, ""),
		commandOf(`{"status":null}`):                                                               command(42, CmdStatus, ""),
		commandOf(`{"explode":[1,{"a":2}]}`):                                                       unknown,
		commandOf(`"explode"`):                                                                     unknown,
		commandOf(`{"DeployPot":"\u0070\ud83d\udc1d\n"}`):                                          command(42, CmdDeployPot, "p🐝\n"),
		commandOf(`{"InstallPot":{"pot_id":"p","honeypot_type":"t","auto_start":null,"new":7}}`):   install(InstallPot{PotID: "p", PotType: "t"}),
		commandOf(`{"X":` + nest("[", "", "]", maxDepth-4) + `}`):                                  {Version: 2, Kind: "NodeCommand", Command: &Command{NodeID: 42, Name: "X"}},
		envelopeOf(`{"X":"` + strings.Repeat(`[`, 1000) + `\"` + strings.Repeat(`{`, 1000) + `"}`): other("X"),
	} {
		if got := decodeOne(t, line); !reflect.DeepEqual(got, want) {
			t.Errorf("%.200s\n got %+v %+v\nwant %+v %+v", line, got, got.Command, want, want.Command)
		}
	}
}

// TestWrongArguments keeps the frame: Core is told what was wrong with it.
func TestWrongArguments(t *testing.T) {
	for c, name := range map[string]string{
		`"DeployPot"`:                 CmdDeployPot,
		`"InstallPot"`:                CmdInstallPot,
		`{"DeployPot":null}`:          CmdDeployPot,
		`{"StopPot":{"pot_id":"p"}}`:  CmdStopPot,
		`{"GetPotLogs":["p"]}`:        CmdGetPotLogs,
		`{"Restart":7}`:               CmdRestart,
		`{"UpdateConfig":"/etc/x"}`:   CmdUpdateConfig,
		`{"InstallPot":"p"}`:          CmdInstallPot,
		`{"InstallPot":{}}`:           CmdInstallPot,
		`{"InstallPot":{"pot_id":1}}`: CmdInstallPot,
		`{"InstallPot":{"pot_id":"p","honeypot_type":null}}`:                               CmdInstallPot,
		`{"InstallPot":{"pot_id":"p","honeypot_type":"t","config":{"a":1}}}`:               CmdInstallPot,
		`{"InstallPot":{"pot_id":"p","honeypot_type":"t","config":[]}}`:                    CmdInstallPot,
		`{"InstallPot":{"pot_id":"p","honeypot_type":"t","auto_start":"yes"}}`:             CmdInstallPot,
		`{"InstallPot":{"pot_id":"p","honeypot_type":"t","config":{` + entries(65) + `}}}`: CmdInstallPot,
	} {
		m := decodeOne(t, commandOf(c))
		if m.Command == nil || m.Command.Name != name || m.Command.Err == nil {
			t.Errorf("%.100s gave %+v", c, m.Command)
		}
	}
	m := decodeOne(t, commandOf(`{"InstallPot":{"pot_id":"p","honeypot_type":"t","config":{`+entries(MaxConfig)+`}}}`))
	if m.Command.Err != nil || len(m.Command.Install.Config) != MaxConfig {
		t.Errorf("%d entries gave %v", MaxConfig, m.Command.Err)
	}
}

func entries(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"k%d":"v"`, i)
	}
	return b.String()[1:]
}

// stream is ten frames and the rest of what may stand on a line.
func stream(t testing.TB) []byte {
	lines := vectors(t, "from-core.jsonl")
	return []byte("\n\r\n" + strings.Join(lines[:4], "") + "rubbish\n \n" + strings.Join(lines[20:26], "") +
		restart + "\r\n" + restart + restart + "\n{\n" + restart + "\n")
}

func TestEveryCut(t *testing.T) {
	s := stream(t)
	want := decodeAll(s)
	if len(want) != 15 {
		t.Fatalf("%d answers to the whole stream, want 15: %v", len(want), want)
	}
	var bytewise [][]byte
	for i := range s {
		bytewise = append(bytewise, s[i:i+1])
		if got := decodeAll(s[:i], s[i:]); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %d: %v", i, got)
		}
	}
	if got := decodeAll(bytewise...); !reflect.DeepEqual(got, want) {
		t.Errorf("byte by byte: %v", got)
	}
	if got := decodeAll(s, nil, []byte{}, s[:30]); !reflect.DeepEqual(got, want) {
		t.Errorf("with an unfinished frame behind: %v", got)
	}
}

// padded is a frame of size bytes with its newline.
func padded(size int) []byte {
	head := `{"version":2,"pad":"`
	tail := `","message":"X"}` + "\n"
	return []byte(head + strings.Repeat("x", size-len(head)-len(tail)) + tail)
}

func TestLimit(t *testing.T) {
	good := result{msg: Message{Version: 2, Kind: "X"}}
	after := result{msg: decodeOne(t, restart)}
	for size, want := range map[int][]result{
		MaxFrame - 1: {good, after},
		MaxFrame:     {good, after},
		MaxFrame + 1: {{err: ErrTooLong}, after},
		MaxFrame + 2: {{err: ErrTooLong}, after},
		MaxFrame * 3: {{err: ErrTooLong}, after},
	} {
		s := append(padded(size), restart+"\n"...)
		for _, piece := range []int{1, 7, 512, 4096, MaxFrame - 1, MaxFrame, MaxFrame + 1, len(s)} {
			if got := decodeAll(cut(s, piece)...); !reflect.DeepEqual(got, want) {
				t.Errorf("%d bytes in pieces of %d: %v", size, piece, got)
			}
		}
	}
}

func cut(s []byte, size int) (pieces [][]byte) {
	for len(s) > size {
		pieces, s = append(pieces, s[:size]), s[size:]
	}
	return append(pieces, s)
}

// TestGigabyteFrame feeds 1 GB without a newline, then a frame.
func TestGigabyteFrame(t *testing.T) {
	var d Decoder
	var m Message
	piece := []byte(strings.Repeat("x", MaxFrame))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	failed := 0
	for range 1 << 30 / len(piece) {
		d.Feed(piece)
		for {
			more, err := d.Next(&m)
			if !more {
				break
			}
			if !errors.Is(err, ErrTooLong) {
				t.Fatal(err)
			}
			failed++
		}
	}
	runtime.ReadMemStats(&after)
	if failed != 1 {
		t.Errorf("%d errors for one frame", failed)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4*MaxFrame {
		t.Errorf("allocated %d bytes", n)
	}
	d.Feed([]byte("x\n" + restart + "\n"))
	if more, err := d.Next(&m); !more || err != nil || m.Command == nil {
		t.Errorf("the frame behind it: %v %v %+v", more, err, m)
	}
}

// TestHeldMemory: between frames the decoder keeps little, also after a large
// one.
func TestHeldMemory(t *testing.T) {
	var d Decoder
	var m Message
	for _, s := range [][]byte{padded(MaxFrame), padded(MaxFrame + 9), []byte(restart + "\n")} {
		for _, p := range cut(s, 100) {
			d.Feed(p)
			for more := true; more; {
				more, _ = d.Next(&m)
			}
		}
		if cap(d.buf) > idleBuffer || len(d.in) > 0 {
			t.Errorf("after a frame of %d bytes it holds %d", len(s), cap(d.buf))
		}
	}
}

// TestDeepBounded: refusing a deep frame costs less than its own size again.
func TestDeepBounded(t *testing.T) {
	frame := []byte(strings.Repeat(`{"a":`, MaxFrame/5-1) + "\n")
	var m Message
	var d Decoder
	got := testing.AllocsPerRun(20, func() {
		d.Feed(frame)
		if _, err := d.Next(&m); !errors.Is(err, ErrFrame) {
			t.Fatal(err)
		}
	})
	if got > 5 {
		t.Errorf("%v allocations for one deep frame", got)
	}
}

// TestIdleAllocs: pieces without a frame's end, and empty lines, cost nothing.
func TestIdleAllocs(t *testing.T) {
	var d Decoder
	var m Message
	feed := func(s []byte) {
		d.Feed(s)
		for more := true; more; {
			more, _ = d.Next(&m)
		}
	}
	half, rest := []byte("   "), []byte("  \r\n\n\r\n")
	feed(half)
	feed(rest)
	if n := testing.AllocsPerRun(100, func() { feed(half); feed(rest) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	d.skip = true
	long := make([]byte, 4096)
	if n := testing.AllocsPerRun(100, func() { feed(long) }); n != 0 {
		t.Errorf("%v allocations while skipping", n)
	}
}

// FuzzDecoder: a stream gives the same answers however it is cut, each is
// either a message or an error, and no more than one comes from a line.
func FuzzDecoder(f *testing.F) {
	f.Add(stream(f), 3, 100)
	f.Add(append(padded(MaxFrame), padded(MaxFrame+1)...), 4000, 60000)
	for _, line := range vectors(f, "from-core.jsonl") {
		f.Add([]byte(line), 10, 50)
	}
	f.Fuzz(func(t *testing.T, s []byte, a, b int) {
		if len(s) > 4*MaxFrame {
			return
		}
		s = append(s, '\n')
		want := decodeAll(s)
		if lines := strings.Count(string(s), "\n"); len(want) > lines {
			t.Fatalf("%d answers to %d lines", len(want), lines)
		}
		for _, r := range want {
			if r.err != nil && !reflect.DeepEqual(r.msg, Message{}) {
				t.Fatalf("broken, and yet %+v", r.msg)
			}
			if r.err == nil && (r.msg.Ack != nil) != (r.msg.Kind == kindAck) ||
				r.err == nil && (r.msg.Command != nil) != (r.msg.Kind == kindCommand) {
				t.Fatalf("kind and content differ: %+v", r.msg)
			}
		}
		i, j := place(a, len(s)), place(b, len(s))
		if i > j {
			i, j = j, i
		}
		if got := decodeAll(s[:i], s[i:j], s[j:]); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %d and %d: %v, whole: %v", i, j, got, want)
		}
		if got := decodeAll(cut(s, 1+place(a, 97))...); !reflect.DeepEqual(got, want) {
			t.Fatalf("in pieces of %d: %v, whole: %v", 1+place(a, 97), got, want)
		}
	})
}

func place(n, size int) int { return int(uint(n) % uint(size+1)) }

func BenchmarkDecodeCommand(b *testing.B) {
	var d Decoder
	var m Message
	line := []byte(commandOf(`{"DeployPot":"p-1"}`) + "\n")
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(line)
		if _, err := d.Next(&m); err != nil && err != io.EOF {
			b.Fatal(err)
		}
	}
}
