package core

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vectors returns the lines of a file of frames as they are on the wire.
func vectors(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 2 {
		t.Fatalf("%s has %d lines", name, len(lines))
	}
	return lines
}

func checkFrame(doc string, strict bool) (frame, error) {
	c := checker{strict: strict}
	var f frame
	err := c.check([]byte(doc), &f)
	return f, err
}

func TestVectorsAgainstChecker(t *testing.T) {
	for _, name := range []string{"strict-core-accepts-first.jsonl", "strict-core-accepts.jsonl"} {
		for _, line := range vectors(t, name) {
			for _, strict := range []bool{true, false} {
				if _, err := checkFrame(line, strict); err != nil {
					t.Errorf("strict %v refuses %s: %v", strict, line, err)
				}
			}
		}
	}
	for _, line := range vectors(t, "strict-core-refuses.jsonl") {
		if _, err := checkFrame(line, true); err == nil {
			t.Errorf("strict accepts %s", line)
		}
	}
	// What Core sends is nothing that a node may send.
	for _, line := range vectors(t, "from-core.jsonl") {
		if _, err := checkFrame(line, false); err == nil {
			t.Errorf("accepts %s", line)
		}
	}
}

// Of what the strict Core refuses, the documents allow exactly these.
func TestVectorsThatOnlyTheDocumentsAllow(t *testing.T) {
	want := map[int]bool{0: true, 3: true, 6: true}
	for i, line := range vectors(t, "strict-core-refuses.jsonl") {
		if _, err := checkFrame(line, false); (err == nil) != want[i] {
			t.Errorf("line %d %s: %v", i, line, err)
		}
	}
}

const potEventDoc = `{"version":2,"message":{"PotEvent":{"node_id":42,"pot_id":"p","pot_type":"t","event_type":"t.x","timestamp":"2026-01-15T10:30:00Z","data":{"a":1}}}}`

func TestCheckRefuses(t *testing.T) {
	status := func(content string) string {
		return `{"version":2,"message":{"NodeStatusUpdate":` + content + `}}`
	}
	for name, doc := range map[string]string{
		"not an object":         `[]`,
		"no version":            `{"message":"NodeDrop"}`,
		"no message":            `{"version":2}`,
		"version as text":       `{"version":"2","message":"NodeDrop"}`,
		"version 1":             `{"version":1,"message":"NodeDrop"}`,
		"version 2.0":           `{"version":2.0,"message":"NodeDrop"}`,
		"version twice":         `{"version":2,"version":2,"message":"NodeDrop"}`,
		"message twice":         `{"version":2,"message":"NodeDrop","message":"NodeDrop"}`,
		"unknown unit":          `{"version":2,"message":"Hello"}`,
		"unit with content":     `{"version":2,"message":{"NodeDrop":{"a":1}}}`,
		"struct without":        `{"version":2,"message":"NodeStatusUpdate"}`,
		"two variants":          `{"version":2,"message":{"NodeDrop":null,"NodeEvent":"Started"}}`,
		"no variant":            `{"version":2,"message":{}}`,
		"message a number":      `{"version":2,"message":7}`,
		"missing status":        status(`{"node_id":42}`),
		"missing node_id":       status(`{"status":"Running"}`),
		"unknown status":        status(`{"node_id":42,"status":"running"}`),
		"status not text":       status(`{"node_id":42,"status":3}`),
		"duplicate field":       status(`{"node_id":42,"node_id":42,"status":"Running"}`),
		"duplicate, escaped":    status(`{"node_id":42,"node\u005fid":42,"status":"Running"}`),
		"node_id negative":      status(`{"node_id":-1,"status":"Running"}`),
		"node_id fraction":      status(`{"node_id":1.0,"status":"Running"}`),
		"node_id text":          status(`{"node_id":"1","status":"Running"}`),
		"node_id over u64":      status(`{"node_id":18446744073709551616,"status":"Running"}`),
		"content an array":      status(`[42,"Running"]`),
		"port over u16":         `{"version":2,"message":{"NodeRegistration":{"node_id":1,"node_name":"n","address":"a","port":65536,"node_type":"Full"}}}`,
		"node type":             `{"version":2,"message":{"NodeRegistration":{"node_id":1,"node_name":"n","address":"a","port":1,"node_type":"full"}}}`,
		"totp_code a number":    `{"version":2,"message":{"NodeRegistration":{"node_id":1,"node_name":"n","address":"a","port":1,"node_type":"Full","totp_code":123456}}}`,
		"message a number, pot": `{"version":2,"message":{"PotStatusUpdate":{"node_id":1,"pot_id":"p","pot_type":"t","status":"Running","message":1}}}`,
		"alarm without":         `{"version":2,"message":{"NodeEvent":"Alarm"}}`,
		"alarm extra variant":   `{"version":2,"message":{"NodeEvent":{"Alarm":{"description":"x"},"Error":{"message":"x"}}}}`,
		"data not an object":    strings.Replace(potEventDoc, `{"a":1}`, `"a"`, 1),
		"after the document":    potEventDoc + "x",
	} {
		if _, err := checkFrame(doc, false); err == nil {
			t.Errorf("%s: %s was taken", name, doc)
		}
	}
}

func TestCheckTakes(t *testing.T) {
	for name, doc := range map[string]string{
		"space around":   " {\"version\":2,\"message\":\"NodeDrop\"} \n",
		"unknown keys":   `{"x":[1],"version":2,"message":{"NodeStatusUpdate":{"y":{},"node_id":1,"y":2,"status":"Running"}}}`,
		"message first":  `{"message":{"NodeStatusUpdate":{"status":"Running","node_id":1}},"version":2}`,
		"escaped words":  `{"version":2,"message":{"NodeStatus\u0055pdate":{"node\u005fid":1,"status":"Runnin\u0067"}}}`,
		"message absent": `{"version":2,"message":{"PotStatusUpdate":{"node_id":1,"pot_id":"p","pot_type":"t","status":"Running"}}}`,
	} {
		if _, err := checkFrame(doc, true); err != nil {
			t.Errorf("%s: %s: %v", name, doc, err)
		}
	}
}

func TestPotEventsInAlarm(t *testing.T) {
	alarm := func(description string) string {
		q, err := json.Marshal(description)
		if err != nil {
			t.Fatal(err)
		}
		return `{"version":2,"message":{"NodeEvent":{"Alarm":{"description":` + string(q) + `}}}}`
	}
	one := `{"node_id":42,"pot_id":"p","event_type":"t.x","timestamp":"2026-01-15T10:30:00Z","data":{"q":"\"\\"}}`
	for description, want := range map[string]int{
		"disk full":                   0,
		"[not json":                   0,
		"[1]":                         0,
		"[" + one + `,{"data":{}}]`:   0,
		"[]":                          0,
		"[" + one + "]":               1,
		"[" + one + ", " + one + "]":  2,
		`[{"event_type":"\ud800"}]`:   0,
		"[" + one + "] and something": 0,
	} {
		f, err := checkFrame(alarm(description), true)
		if err != nil {
			t.Fatal(err)
		}
		n := f.potEvents(func(e []byte) {
			if string(e) != one {
				t.Errorf("%s: unpacked %s", description, e)
			}
		})
		if n != want {
			t.Errorf("%s: %d events, want %d", description, n, want)
		}
	}
}

// FuzzCheck holds the checker to what must be so of any frame.
func FuzzCheck(f *testing.F) {
	for _, name := range []string{"strict-core-accepts-first.jsonl", "strict-core-accepts.jsonl", "strict-core-refuses.jsonl", "from-core.jsonl"} {
		for _, line := range vectors(f, name) {
			f.Add([]byte(line))
		}
	}
	f.Add([]byte("{\"version\":2,\r\n\"message\":{\"NodeEvent\":{\"Alarm\":{\"description\":\"[{}]\"}}}}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		doc = bytes.ToValidUTF8(doc, []byte("\uFFFD"))
		strict, strictErr := checkFrame(string(doc), true)
		lenient, err := checkFrame(string(doc), false)
		if strictErr == nil && (err != nil || strict.kind != lenient.kind || strict.nodeID != lenient.nodeID) {
			t.Fatalf("%q: strict takes it as %v of %d, lenient: %v", doc, strict.kind, strict.nodeID, err)
		}
		if err != nil {
			return
		}
		if !json.Valid(doc) {
			t.Fatalf("%q was taken and is not JSON", doc)
		}
		line := appendLine(nil, doc)
		if bytes.IndexByte(line, '\n') != len(line)-1 || bytes.IndexByte(line, '\r') >= 0 {
			t.Fatalf("%q is printed as %q", doc, line)
		}
		if _, err := checkFrame(string(line), false); err != nil {
			t.Fatalf("%q is printed as %q, which is refused: %v", doc, line, err)
		}
		lenient.potEvents(func(e []byte) {
			if !json.Valid(e) {
				t.Fatalf("%q: the event %q is not JSON", doc, e)
			}
		})
	})
}
