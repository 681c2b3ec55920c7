package jsonline

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"
)

// corpus is 4,132 lines that real Cowrie honeypots wrote, their addresses
// mapped into 198.18.0.0/15.
func corpus(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open("../testdata/cowrie.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(all, []byte("\n")), []byte("\n"))
}

func TestCorpusAgainstEncodingJSON(t *testing.T) {
	var l Line
	for i, line := range corpus(t) {
		if err := l.Parse(line); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		var want struct {
			Sensor, EventID string
			Timestamp       time.Time
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if string(l.PotID) != want.Sensor || string(l.EventType) != want.EventID || string(l.PotType) != "cowrie" {
			t.Errorf("line %d: %s %s %s", i, l.PotID, l.PotType, l.EventType)
		}
		if l.Time != want.Timestamp.UnixNano() {
			t.Errorf("line %d: time %d, want %v", i, l.Time, want.Timestamp)
		}
		if !bytes.Equal(l.Data, line) {
			t.Errorf("line %d: data changed: %s", i, l.Data)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	lines := corpus(t)[:100]
	for _, s := range samples {
		lines = append(lines, []byte(s))
	}
	lines = append(lines, []byte(`{"broken`), []byte(`{"eventid":"\u0061","timestamp":1525628645.5,"\u0064ata":{}}`))
	var l Line
	if n := testing.AllocsPerRun(10, func() {
		for _, line := range lines {
			_ = l.Parse(line)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d lines, want 0", n, len(lines))
	}
}
