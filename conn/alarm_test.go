package conn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"forager/conn/ring"
	"forager/conn/wire"
)

// alarmLink is a link that has no connection, for what it would write.
func alarmLink() *link {
	s := &Session{cfg: Config{Boot: 1, timing: usualTiming}}
	return &link{s: s, peer: &peer{learn: newLearner(Core, Auto)}, raw: &counted{}, batch: ring.NewBatch(batchCore)}
}

type element struct {
	EventID   string          `json:"event_id"`
	PotID     string          `json:"pot_id"`
	PotType   string          `json:"pot_type"`
	EventType string          `json:"event_type"`
	Timestamp string          `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
	Truncated []string        `json:"truncated"`
}

func compact(t testing.TB, e ring.Event, room int) (element, int) {
	t.Helper()
	l := alarmLink()
	b := l.appendElement(nil, &e, nil, 0, room)
	var el element
	if err := json.Unmarshal(b, &el); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	quoted, _ := json.Marshal(string(b))
	return el, len(quoted) - 2
}

func TestElementLeavesOutWhatTheOuterKeysSay(t *testing.T) {
	e := ring.Event{
		Time: 1525628645866769000, PotID: []byte("s1"), Pot: []byte("cowrie"), Type: []byte("cowrie.login.failed"),
		Data: []byte("{ \"eventid\" : \"cowrie.login.failed\",\t\"sensor\":\"s1\", \"timestamp\":\"2018-05-06T17:44:05.866769Z\"," +
			" \"username\": \"a b\", \"n\": [1, {\"x\": \"} ,\\\" \"}], \"f\":-1.5e3 , \"pot_id\":\"other\", \"pot_type\":\"cowrie\" }"),
	}
	el, _ := compact(t, e, 4000)
	if want := `{"username":"a b","n":[1,{"x":"} ,\" "}],"f":-1.5e3,"pot_id":"other"}`; string(el.Data) != want {
		t.Errorf("data %s\nwant %s", el.Data, want)
	}
	if el.PotType != "" || el.PotID != "s1" || el.EventID != "1-0" || el.Timestamp != "2018-05-06T17:44:05.866769Z" {
		t.Errorf("%+v", el)
	}
	e.Time, e.Pot = 0, []byte("cow")
	el, _ = compact(t, e, 4000)
	if el.PotType != "cow" || !strings.Contains(string(el.Data), `"timestamp"`) {
		t.Errorf("a time that is not the event's and a type that does not begin it must stay: %+v", el)
	}
}

func TestElementIsCutLongestFirst(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		data string
		room int
		cut  []string
	}{
		{fmt.Sprintf(`{"a":"%s","b":"1"}`, long(300)), 4000, nil},
		{fmt.Sprintf(`{"a":"%s","b":"1"}`, long(300)), 300, []string{"a"}},
		{fmt.Sprintf(`{"a":"%s","b":"%s","c":2}`, long(300), long(400)), 600, []string{"b"}},
		{fmt.Sprintf(`{"a":"%s","b":"%s","c":2}`, long(300), long(400)), 300, []string{"a", "b"}},
		{fmt.Sprintf(`{"a":"%s"}`, strings.Repeat(`\"`, 300)), 700, []string{"a"}},
	} {
		e := ring.Event{PotID: []byte("p"), Pot: []byte("t"), Type: []byte("t.x"), Data: []byte(tt.data)}
		el, size := compact(t, e, tt.room)
		if size > tt.room {
			t.Errorf("%.40s: %d bytes in room for %d", tt.data, size, tt.room)
		}
		if !reflect.DeepEqual(el.Truncated, tt.cut) {
			t.Errorf("%.40s in %d: truncated %v, want %v", tt.data, tt.room, el.Truncated, tt.cut)
		}
	}
}

// FuzzElement checks against encoding/json that compacting valid data keeps
// what is not left out, and that a cut element is valid and fits.
func FuzzElement(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[true,null,"x\\\"y"],"c":{"d":{}},"e":[]}`), 400)
	f.Add([]byte(`{"timestamp":1,"sensor":"p","x":"}"}`), 1000)
	f.Add([]byte(" {\n} "), 512)
	f.Fuzz(func(t *testing.T, data []byte, room int) {
		var want map[string]any
		if json.Unmarshal(data, &want) != nil || want == nil || len(data) > wire.MaxData || len(want) >= maxMembers ||
			bytes.Count(data, []byte(`":`)) != len(want) {
			return // not data, or with keys inside keys: the table has those
		}
		e := ring.Event{Time: 1, PotID: []byte("p"), Pot: []byte("t"), Type: []byte("t.x"), Data: data}
		room = 800 + abs(room)%4000
		el, size := compact(t, e, room)
		if size > room && len(el.Truncated) > 0 && len(el.Data) > 2 {
			t.Fatalf("%d bytes in room for %d, and data left: %s", size, room, el.Data)
		}
		var got map[string]any
		if err := json.Unmarshal(el.Data, &got); err != nil {
			t.Fatalf("%s: %v", el.Data, err)
		}
		for k, v := range got {
			if !reflect.DeepEqual(v, want[k]) {
				t.Fatalf("%q: %v, want %v", k, v, want[k])
			}
		}
		if len(el.Truncated) == 0 && len(got) < len(want)-len(repeated) {
			t.Fatalf("members lost: %s from %s", el.Data, data)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

func TestEventThatFitsNoFrameIsALossAndNotAnEnd(t *testing.T) {
	l := alarmLink()
	r, err := ring.New(ring.MinSize, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l.s.cfg.Ring = r
	l.window = []waiting{{Event: ring.Event{PotID: bytes.Repeat([]byte{1}, 64), Pot: bytes.Repeat([]byte{1}, 64),
		Type: bytes.Repeat([]byte{1}, 5000), Seq: 7, Data: []byte(`{}`)}}}
	if n, last := l.fillAlarm(); n != 0 || last != 7 || r.Lost().Refused != 1 {
		t.Errorf("n %d, last %d, lost %v", n, last, r.Lost())
	}
}
