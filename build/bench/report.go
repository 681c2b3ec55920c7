//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// report is what the receiver found in the node's stream.
type report struct {
	Bytes  int
	Frames int
	Events int
	Types  map[string]int // events by type
	Gaps   []string       // numbers of event_id that are missing or twice
	Wrong  []string       // events that differ from their line
	Same   int            // events whose data is byte for byte the line
	Parsed int            // events compared as JSON, field by field
}

// maxComplaints bounds what is told of a broken stream.
const maxComplaints = 5

// sample is how many events apart those are that are parsed as a whole.
const sample = 101

type frame struct {
	Message struct {
		PotEvent *struct {
			PotID     string          `json:"pot_id"`
			PotType   string          `json:"pot_type"`
			EventType string          `json:"event_type"`
			Timestamp string          `json:"timestamp"`
			EventID   string          `json:"event_id"`
			Data      json.RawMessage `json:"data"`
		} `json:"PotEvent"`
	} `json:"message"`
}

// read goes through a whole stream; corpus is empty or a file whose lines the
// events must hold, in turn.
func (r *report) read(data []byte, corpus string) (err error) {
	var lines [][]byte
	if corpus != "" {
		if lines, err = readCorpus(corpus); err != nil {
			return err
		}
	}
	r.Bytes, r.Types = len(data), map[string]int{}
	var ids ids
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		line := data[:i]
		data = data[i+1:]
		r.Frames++
		if !bytes.HasPrefix(line, []byte(eventTag)) {
			continue
		}
		if gap := ids.next(member(line, "event_id")); gap != "" {
			r.Gaps = complain(r.Gaps, gap)
		}
		r.Types[member(line, "event_type")]++
		if lines != nil {
			r.compare(line, lines[r.Events%len(lines)])
		}
		r.Events++
	}
	return nil
}

// compare checks that no field is lost: the data is the line byte for byte, or
// the same as JSON; of some events the rest of the frame too.
func (r *report) compare(line, want []byte) {
	same := bytes.HasSuffix(line, append([]byte(`,"data":`+string(want)), "}}}"...))
	if same {
		r.Same++
	}
	if same && r.Events%sample != 0 {
		return
	}
	r.Parsed++
	if err := equal(line, want); err != nil {
		r.Wrong = complain(r.Wrong, fmt.Sprintf("event %d: %v: %.300s", r.Events, err, line))
	}
}

func equal(line, want []byte) error {
	var f frame
	if err := json.Unmarshal(line, &f); err != nil {
		return err
	}
	var data, source map[string]any
	if err := errors.Join(number(f.Message.PotEvent.Data, &data), number(want, &source)); err != nil {
		return err
	}
	e := f.Message.PotEvent
	switch kind, _, _ := strings.Cut(e.EventType, "."); {
	case !reflect.DeepEqual(data, source):
		return errors.New("data differs")
	case e.EventType != source["eventid"] || e.PotID != source["sensor"] || e.PotType != kind:
		return errors.New("pot or type differs")
	case strings.TrimRight(e.Timestamp, "0Z.") != strings.TrimRight(source["timestamp"].(string), "0Z."):
		return errors.New("time differs")
	}
	return nil
}

// number reads JSON without rounding its numbers.
func number(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

// member finds a plain string member before the data.
func member(line []byte, key string) string {
	_, rest, _ := bytes.Cut(line, []byte(`"`+key+`":"`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}

func complain(list []string, s string) []string {
	if len(list) < maxComplaints {
		list = append(list, s)
	}
	return list
}

// ids checks that event ids are one run's, counting without a gap.
type ids struct {
	boot string
	last uint64
}

func (d *ids) next(id string) string {
	boot, number, _ := strings.Cut(id, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || d.last != 0 && (boot != d.boot || seq != d.last+1) {
		return fmt.Sprintf("%q after %s-%d", id, d.boot, d.last)
	}
	d.boot, d.last = boot, seq
	return ""
}

// check is an error unless the stream holds that many events, all right.
func (r *report) check(events int) error {
	switch {
	case len(r.Gaps) > 0:
		return fmt.Errorf("events are missing or twice: %q", r.Gaps)
	case len(r.Wrong) > 0:
		return fmt.Errorf("events differ from their lines: %q", r.Wrong)
	case r.Events != events:
		return fmt.Errorf("%d events came, want %d", r.Events, events)
	}
	return nil
}
