package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are strings that are hard to put into JSON, and what AppendString
// makes of them.
var texts = []struct{ in, want string }{
	{"", `""`},
	{"root", `"root"`},
	{`"`, `"\""`},
	{`\`, `"\\"`},
	{`a\x41"b`, `"a\\x41\"b"`},
	{"\x00\x01\x1f", `"\u0000\u0001\u001f"`},
	{"\n\r\t\b\f", `"\n\r\t\u0008\u000c"`},
	{"\x7f/<>&", `"` + "\x7f" + `/<>&"`},
	{"é€🐝\u2028\ufeff\ufffd", `"é€🐝` + "\u2028\ufeff\ufffd" + `"`},
	{"\xff", `"\\xff"`},
	{"\x80a\xc0\xaf", `"\\x80a\\xc0\\xaf"`},
	{"\xed\xa0\x80", `"\\xed\\xa0\\x80"`}, // a surrogate half
	{"\xf4\x90\x80\x80", `"\\xf4\\x90\\x80\\x80"`},
	{"\xe2\x82", `"\\xe2\\x82"`}, // the start of a rune
	{"\xc3\xa9\xc3", `"é\\xc3"`},
}

func TestAppendString(t *testing.T) {
	for _, c := range texts {
		if got := string(AppendString(nil, c.in)); got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
		if got := string(AppendString([]byte("x"), []byte(c.in))); got != "x"+c.want {
			t.Errorf("%q as bytes behind x: got %s", c.in, got)
		}
	}
}

// TestMembers has one case for each append function of an object's members.
func TestMembers(t *testing.T) {
	for want, got := range map[string][]byte{
		`"a":"b"`:                     AppendField(nil, "a", "b"),
		`{"a":"b"`:                    AppendField([]byte("{"), "a", []byte("b")),
		`{"n":1,"a":""`:               AppendField([]byte(`{"n":1`), "a", ""),
		`{"a":"c:\\x41"`:              AppendField([]byte("{"), "a", `c:\x41`),
		`{"a_escaped":"\\xff"`:        AppendField([]byte("{"), "a", "\xff"),
		`{"a_escaped":"\\\\xff\\xff"`: AppendField([]byte("{"), "a", `\xff`+"\xff"),
		`{"a_escaped":"\n\"é\\x80"`:   AppendField([]byte("{"), "a", []byte("\n\"é\x80")),
		`{"{":"{","b":"c"`:            AppendField(AppendField([]byte("{"), "{", "{"), "b", "c"),
		`{"n":-9223372036854775808`:   AppendNumber([]byte("{"), "n", -1<<63),
		`{"a":"b","n":65535`:          AppendNumber([]byte(`{"a":"b"`), "n", 65535),
		`{"t":true`:                   AppendBool([]byte("{"), "t", true),
		`{"t":true,"f":false`:         AppendBool([]byte(`{"t":true`), "f", false),
		`{"r":[1],"s":{}`:             AppendRaw(AppendRaw([]byte("{"), "r", []byte("[1]")), "s", []byte("{}")),
	} {
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// unescape reads back what AppendField wrote into a field named _escaped.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b.WriteByte(s[i])
		case strings.HasPrefix(s[i:], `\\`):
			b.WriteByte('\\')
			i++
		case strings.HasPrefix(s[i:], `\x`) && len(s) >= i+4:
			n, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
			if err != nil {
				return "", err
			}
			b.WriteByte(byte(n))
			i += 3
		default:
			return "", fmt.Errorf("stray backslash at %d of %q", i, s)
		}
	}
	return b.String(), nil
}

// checkFrame says what is wrong with one frame as every reader sees it.
func checkFrame(t *testing.T, frame []byte) map[string]any {
	t.Helper()
	if n := len(frame); n == 0 || frame[n-1] != '\n' || strings.Count(string(frame), "\n") != 1 {
		t.Fatalf("not one line: %q", frame)
	}
	if !utf8.Valid(frame) {
		t.Fatalf("not UTF-8: %q", frame)
	}
	var v struct {
		Version int `json:"version"`
		Message any `json:"message"`
	}
	if err := json.Unmarshal(frame, &v); err != nil || v.Version != Version {
		t.Fatalf("%v: %s", err, frame)
	}
	m, _ := v.Message.(map[string]any)
	return m
}

// readable is what a text must read as: itself, or with its stray bytes
// escaped.
func readable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// checkText puts s into every place of every frame that takes a text.
func checkText(t *testing.T, s string) {
	want := readable(s)
	same := func(m map[string]any, path ...string) {
		t.Helper()
		for _, key := range path[:len(path)-1] {
			m, _ = m[key].(map[string]any)
		}
		if got := m[path[len(path)-1]]; got != want {
			t.Fatalf("%v of %q reads %q, want %q", path, s, got, want)
		}
	}
	m := checkFrame(t, AppendRegistration(nil, &Registration{NodeName: s, Address: s, NodeType: NodeType(s), TOTPCode: s + "1"}))
	same(m, "NodeRegistration", "node_name")
	same(m, "NodeRegistration", "address")
	same(m, "NodeRegistration", "node_type")
	same(checkFrame(t, AppendNodeStatus(nil, 1, NodeState(s))), "NodeStatusUpdate", "status")
	same(checkFrame(t, AppendAlarm(nil, s)), "NodeEvent", "Alarm", "description")
	same(checkFrame(t, AppendError(nil, []byte(s))), "NodeEvent", "Error", "message")
	m = checkFrame(t, AppendPotStatus(nil, &PotStatus{PotID: s, PotType: s, Status: PotState(s), Message: s}))
	same(m, "PotStatusUpdate", "pot_id")
	same(m, "PotStatusUpdate", "pot_type")
	same(m, "PotStatusUpdate", "status")
	if s != "" {
		same(m, "PotStatusUpdate", "message")
	}
	m = checkFrame(t, AppendPotEvent(nil, &PotEvent{PotID: []byte(s), PotType: []byte(s), EventType: []byte(s),
		Data: append(AppendField([]byte("{"), "k", s), '}')}))
	same(m, "PotEvent", "pot_id")
	same(m, "PotEvent", "pot_type")
	same(m, "PotEvent", "event_type")
	checkField(t, s, m["PotEvent"].(map[string]any)["data"])
}

// checkField: a field holds the text, or reads back to the exact bytes.
func checkField(t *testing.T, s string, data any) {
	t.Helper()
	key, want := "k", s
	if !utf8.ValidString(s) {
		key = "k_escaped"
	}
	got, _ := data.(map[string]any)[key].(string)
	if key == "k_escaped" {
		var err error
		if got, err = unescape(got); err != nil {
			t.Fatal(err)
		}
	}
	if got != want {
		t.Fatalf("field of %q reads back as %q", want, got)
	}
}

func TestTextsInFrames(t *testing.T) {
	for _, c := range texts {
		checkText(t, c.in)
	}
}

// FuzzEncode checks the encoder against encoding/json on any bytes.
func FuzzEncode(f *testing.F) {
	for _, c := range texts {
		f.Add([]byte(c.in))
	}
	f.Add([]byte("\xc3\xa9\xc3(\xe2\x82\xac\xf0\x9f\x90\x9d\xf0\x9f\x90\\x9d\"\x00"))
	f.Fuzz(func(t *testing.T, s []byte) {
		if len(s) < 4096 {
			checkText(t, string(s))
		}
		checkQuoted(t, string(s))
	})
}

// checkQuoted compares one string with what encoding/json makes of it.
func checkQuoted(t *testing.T, s string) {
	got := AppendString(nil, s)
	var back string
	if err := json.Unmarshal(got, &back); err != nil || !utf8.Valid(got) {
		t.Fatalf("%q: %v: %s", s, err, got)
	}
	if want := readable(s); back != want {
		t.Fatalf("%q reads %q", s, back)
	}
	if !reflect.DeepEqual(got, AppendString(nil, []byte(s))) {
		t.Fatalf("%q: bytes and string differ", s)
	}
	if len(got) > 6*len(s)+2 {
		t.Fatalf("%q: %d bytes, more than six for one", s, len(got))
	}
}

// TestWidestFrame: fields at their limits fit into MaxFrame.
func TestWidestFrame(t *testing.T) {
	ctl := func(n int) []byte { return []byte(strings.Repeat("\x01", n)) }
	data := `{"k":"` + strings.Repeat("x", MaxData-8) + `"}`
	frame := AppendPotEvent(nil, &PotEvent{NodeID: 1<<64 - 1, PotID: ctl(MaxName), PotType: ctl(MaxName), EventType: ctl(MaxEventType),
		Time: 1<<63 - 1, Boot: 1<<64 - 1, Seq: 1<<64 - 1, Data: []byte(data)})
	if checkFrame(t, frame); len(data) != MaxData || len(frame) > MaxFrame {
		t.Errorf("%d bytes of data make a frame of %d, want at most %d", len(data), len(frame), MaxFrame)
	}
}

func TestEventID(t *testing.T) {
	for want, id := range map[string][2]uint64{
		"0-0": {}, "1f-7": {31, 7}, "ffffffffffffffff-18446744073709551615": {1<<64 - 1, 1<<64 - 1},
	} {
		if got := string(AppendEventID(nil, id[0], id[1])); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNoData(t *testing.T) {
	m := checkFrame(t, AppendPotEvent(nil, &PotEvent{}))
	if data, ok := m["PotEvent"].(map[string]any)["data"].(map[string]any); !ok || len(data) != 0 {
		t.Errorf("an event without data reads %v", m)
	}
}
