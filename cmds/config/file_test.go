package config

import (
	"strings"
	"testing"
	"unicode"
)

func TestParseLine(t *testing.T) {
	tests := []struct {
		line, name, value string
		bare, bad         bool
	}{
		{line: "a\x00b", bad: true},
		{line: "a \xff", bad: true},
		{line: "a b\x7f", bad: true},
		{line: "a b\u0085", bad: true},
		{line: `a "`, bad: true},
		{line: `a "b`, bad: true},
		{line: `a "b"c`, bad: true},
		{line: ``},
		{line: " \t\r"},
		{line: "# a b"},
		{line: "  #"},
		{line: "a", name: "a", bare: true},
		{line: "a # b", name: "a", bare: true},
		{line: "a\r", name: "a", bare: true},
		{line: "a b", name: "a", value: "b"},
		{line: "\ta  b  c ", name: "a", value: "b  c"},
		{line: "a b#c", name: "a", value: "b#c"},
		{line: "a b\t# c", name: "a", value: "b"},
		{line: `a ""`, name: "a"},
		{line: `a "b # c" # d`, name: "a", value: "b # c"},
		{line: `a b="c # d" # e`, name: "a", value: `b="c # d"`},
		{line: `a b="c \" # d" # e`, name: "a", value: `b="c \" # d"`},
		{line: `a 5" # b`, name: "a", value: `5"`},
		{line: `a b\`, name: "a", value: `b\`},
		{line: "a héllo", name: "a", value: "héllo"},
	}
	for _, tt := range tests {
		name, value, bare, err := parseLine(tt.line)
		if name != tt.name || value != tt.value || bare != tt.bare || (err != nil) != tt.bad {
			t.Errorf("%q: %q, %q, %v, %v", tt.line, name, value, bare, err)
		}
	}
}

func FuzzConfigLine(f *testing.F) {
	for _, line := range []string{"core 127.0.0.1:9001", `pot telnet listen=:23 banner="a # b" # c`, "tls", "intake \"\"", "\xef\xbb\xbftls\r", "a \"b\" c", `x \"`, "#"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		name, value, bare, err := parseLine(line)
		if err != nil {
			if name != "" || value != "" || len(err.Error()) > 500 {
				t.Fatalf("%q, %q with %v", name, value, err)
			}
			return
		}
		if strings.ContainsFunc(name, unicode.IsSpace) || strings.HasPrefix(name, "#") || bare && value != "" {
			t.Fatalf("name %q, value %q, bare %v", name, value, bare)
		}
		if checkText(value) != nil {
			t.Fatalf("value %q of a good line is bad", value)
		}
		if name == "" || bare {
			return
		}
		again := name + " " + quote(value)
		if n, v, _, err := parseLine(again); err == nil && (n != name || v != value) {
			t.Fatalf("%q gives %q, %q; %q gives %q, %q", line, name, value, again, n, v)
		}
		_, _ = validate(&raw{values: map[string][]found{name: {{value, "fuzz"}}}})
	})
}
