package conn

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"forager/conn/ring"
	"forager/conn/wire"
)

// The pace is one frame in 25 ms, so events a second are forty times the
// events in a frame: 300 of the corpus's need 7.5 in 4,096 bytes, 100 need 2.5
// in a segment of 1,448.
func TestCorpusEventsInAFrame(t *testing.T) {
	events := corpusEvents(t)
	for _, tt := range []struct {
		limit int
		least float64
	}{
		{wire.MaxStrictFrame, 7.5},
		{1448, 2.5},
	} {
		l := alarmLink()
		l.maxFrame = tt.limit
		frames, cut, settled := 0, 0, uint64(0)
		l.s.cfg.Boot = 1<<32 - 1
		r := fill(t, l, events)
		for l.look(0) {
			n, last := l.fillAlarm()
			if frames++; n == 0 || len(l.out) > tt.limit {
				t.Fatalf("a frame of %d events and %d bytes", n, len(l.out))
			}
			if last < settled || last > uint64(len(events)) {
				t.Fatalf("written up to %d after %d", last, settled)
			}
			settled = last
			cut += strings.Count(string(l.out), `\"truncated\":[`)
		}
		if settled != uint64(len(events)) {
			t.Errorf("written up to %d of %d", settled, len(events))
		}
		if lost := r.Lost().All(); lost != 0 {
			t.Errorf("%d events lost", lost)
		}
		mean := float64(len(events)) / float64(frames)
		t.Logf("limit %d: %.2f events a frame, %.0f a second; %d of %d events cut", tt.limit, mean, mean/gap.Seconds(), cut, len(events))
		if mean < tt.least {
			t.Errorf("%.2f events in a frame of %d, want %.1f", mean, tt.limit, tt.least)
		}
	}
}

func fill(t *testing.T, l *link, events []ring.Event) *ring.Ring {
	t.Helper()
	r, err := ring.New(8<<20, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	l.s.cfg.Ring, l.s.cfg.Epoch = r, time.Now()
	for i := range events {
		if _, err := r.Put(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func corpusEvents(t testing.TB) (events []ring.Event) {
	t.Helper()
	f, err := os.Open("../pots/testdata/cowrie.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var d struct{ Sensor, Eventid string }
		if err := json.Unmarshal(s.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		events = append(events, ring.Event{
			Time: 1525628645866769000, PotID: []byte(d.Sensor), Pot: []byte("cowrie"), Type: []byte(d.Eventid),
			Data: []byte(s.Text()),
		})
	}
	return events
}
