package pots

import (
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"forager/pots/jsonline"
)

func TestIntakeBadLines(t *testing.T) {
	f := startIntake(t, 1<<20, nil)
	f.send(strings.Join([]string{
		`GET / HTTP/1.1`, ``, ` `, "\r", `{"a":`, strings.Repeat("[", 1000), `{"a":` + strings.Repeat(`[`, 70),
		"\x00\xff\x16\x03", `[{"pot_id":"a"}]`, `{"eventid":"a.b"}}`, `{"pot_id":"good"}`, `{"pot_id":`,
		`{"a":1,"sensor":"torn","b":`,
		`{"pot_id":"large","a":"` + strings.Repeat("\xff", 20000) + `"}`,
		strings.Repeat("x", jsonline.MaxLine), `{"pot_id":"long","a":"` + strings.Repeat("x", jsonline.MaxLine), `{"pot_id":"last"}`,
	}, "\n"))
	got := f.taken()
	if len(got) != 2 || got[0].ID != "good" || got[1].ID != "last" {
		t.Errorf("got %+v", got)
	}
	if s := f.Stats(); s.Lines != 14 || s.Events != 2 || s.Broken != 9 || s.TooLong != 2 || s.Oversize != 1 || s.Open != 0 || s.Accepted != 1 {
		t.Errorf("stats %+v", s)
	}
	want := map[string]uint64{"unknown": 9, "torn": 1, "large": 1, "long": 1}
	if s := f.ring.Stats(); !reflect.DeepEqual(s.ByPot, want) {
		t.Errorf("lost %v, want %v", s.ByPot, want)
	}
	if s := f.log.String(); strings.Count(s, "not one JSON object") != 1 || !strings.Contains(s, `"GET / HTTP/1.1"`) ||
		strings.Count(s, "over 65536 bytes") != 1 || !strings.Contains(s, `pot "large"`) {
		t.Errorf("log:\n%s", s)
	}
}

// A line without an id says nothing of whose it is, whatever came before it on
// its connection.
func TestIntakeBadLinesOfTheOnlyPot(t *testing.T) {
	f := startIntake(t, 1<<20, func(c *IntakeConfig) { c.OnlyPot = func() (string, bool) { return "only", true } })
	f.send(`{"pot_id":"a"}` + "\n[1]\ngarbage\n" + strings.Repeat("x", jsonline.MaxLine) + "\n")
	want := map[string]uint64{"only": 3}
	if got := f.ring.Stats().ByPot; !reflect.DeepEqual(got, want) {
		t.Errorf("lost %v, want %v", got, want)
	}
}

func TestIntakeLines(t *testing.T) {
	f := startIntake(t, 1<<20, func(c *IntakeConfig) { c.OnlyPot = func() (string, bool) { return "only", true } })
	f.send("{}\r\n" + `{"pot_id":"a","eventid":"x.y","timestamp":1525628645}` + "\n\n" + `{"event_type":"z","timestamp":"soon","data":{"b":"` + "\xff" + `"}}`)
	want := []takenEvent{
		{ID: "only", Pot: "unknown", Type: "unknown", Data: `{}`},
		{ID: "a", Pot: "x", Type: "x.y", Data: `{"pot_id":"a","eventid":"x.y","timestamp":1525628645}`, Time: 1525628645e9},
		{ID: "only", Pot: "z", Type: "z", Data: `{"b_escaped":"\\xff"}`},
	}
	got := f.taken()
	for i := range got {
		if got[i].Mono == 0 {
			t.Errorf("%d: no monotonic time", i)
		}
		got[i].Mono = 0
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestIntakeCorpusOverOneConnection(t *testing.T) {
	f := startIntake(t, 4<<20, nil)
	all := strings.TrimSuffix(string(intakeCorpus(t)), "\n")
	f.send(all) // the last line without its newline
	checkIntakeCorpus(t, strings.Split(all, "\n"), f.taken())
	if s := f.Stats(); s.Lines != 4132 || s.Events != 4132 || s.Broken != 0 || s.Bytes != uint64(len(all)) {
		t.Errorf("stats %+v", s)
	}
}

func TestIntakeCorpusOverOneConnectionALine(t *testing.T) {
	f := startIntake(t, 4<<20, nil)
	lines := strings.Split(strings.TrimSuffix(string(intakeCorpus(t)), "\n"), "\n")
	if testing.Short() || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		lines = lines[:300]
	}
	for i, line := range lines {
		f.send(line + "\n"[i%2:]) // with and without newline
	}
	checkIntakeCorpus(t, lines, f.taken())
	if s := f.Stats(); s.Refused != 0 || s.Accepted != uint64(len(lines)) {
		t.Errorf("stats %+v", s)
	}
}

func TestIntakeSplitAtEveryByte(t *testing.T) {
	f := startIntake(t, 4<<20, nil)
	lines := "{\"pot_id\":\"a\",\"b\":\"\\ud83d\\ude00\"}\n{\"eventid\":\"ä.b\"}\r\n{\"data\":{\"c\":[1.5,true]}}"
	for i := range lines {
		c := f.dial()
		had := f.Stats().Bytes
		io.WriteString(c, lines[:i])
		intakeEventually(t, "the first half is read", func() bool { return f.Stats().Bytes == had+uint64(i) })
		io.WriteString(c, lines[i:])
		f.hangUp(c)
		got := f.taken()
		if len(got) != 3 || got[0].ID != "a" || got[1].Type != "ä.b" || got[2].Data != `{"c":[1.5,true]}` {
			t.Fatalf("split at %d: %+v", i, got)
		}
	}
	c := f.dial()
	_ = c.SetNoDelay(true)
	for i := range lines {
		io.WriteString(c, lines[i:i+1])
	}
	f.hangUp(c)
	if got := f.taken(); len(got) != 3 {
		t.Fatalf("byte by byte: %+v", got)
	}
}
