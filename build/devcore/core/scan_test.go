package core

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func scan(doc string) error {
	s := scanner{b: []byte(doc)}
	s.skip()
	return s.end()
}

func TestScannerRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"nothing":             "",
		"space only":          " \n",
		"two documents":       "{}{}",
		"cut object":          `{"a":1`,
		"cut string":          `"abc`,
		"cut after backslash": `"abc\`,
		"cut unicode escape":  `"\u12`,
		"bad escape":          `"\x41"`,
		"bad hex":             `"\u12g4"`,
		"signed hex":          `"\u+123"`,
		"bad hex in a key":    `{"\u12g4`,
		"lone high surrogate": `"\ud800"`,
		"high then other":     `"\ud800\u0041"`,
		"high then text":      `"\ud800abcdef"`,
		"lone low surrogate":  `"\udc00"`,
		"raw tab":             "\"\t\"",
		"raw NUL, long":       "\"0123456789abcdef\x00\"",
		"raw newline":         "\"12345678\n\"",
		"leading zero":        "01",
		"plus":                "+1",
		"bare minus":          "-",
		"bare point":          "1.",
		"bare exponent":       "1e+",
		"trailing comma":      "[1,]",
		"leading comma":       "[,1]",
		"trailing comma key":  `{"a":1,}`,
		"key not a string":    `{1:2}`,
		"no colon":            `{"a" 1}`,
		"wrong closer":        "[1}",
		"capital literal":     "True",
		"cut literal":         "nul",
		"NaN":                 "NaN",
		"128 deep":            strings.Repeat("[", 128) + strings.Repeat("]", 128),
		"a million deep":      strings.Repeat("[", 1<<20),
	} {
		if scan(doc) == nil {
			t.Errorf("%s: %.60q was taken", name, doc)
		}
	}
}

func TestScannerTakes(t *testing.T) {
	for _, doc := range []string{
		"{}", " [ ] ", "null", "true", "false", "0", "-0", "-0.5e-10", "12E+3", `""`,
		`"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"`, `"0123456\\89abcdef"`, "\"\u00e9\u20ac\U0001f600\"",
		`{"a":{"b":[1,{"c":null}]},"a":2}`, "\"\x7f\"",
		strings.Repeat("[", 127) + strings.Repeat("]", 127),
	} {
		if err := scan(doc); err != nil {
			t.Errorf("%.60q: %v", doc, err)
		}
	}
}

// A wrong bit in the word-at-a-time path shows only at some offset.
func TestScannerFindsEveryByteAtEveryOffset(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for c := range 256 {
				doc := bytes.Repeat([]byte("x"), length)
				doc[at] = byte(c)
				s := scanner{b: append(append([]byte{'"'}, doc...), '"')}
				s.str()
				want := c >= ' ' && c != '"' && c != '\\'
				if got := s.end() == nil && s.i == length+2; got != want {
					t.Fatalf("byte %#x at %d of %d: taken = %v", c, at, length, got)
				}
			}
		}
	}
}

// FuzzScanner compares the scanner with jsontext, which knows the same rules
// but for the depth.
func FuzzScanner(f *testing.F) {
	for _, doc := range []string{`{"a":[1,-2.5e3,"\ud83d\ude00",null]}`, `"\ud800"`, "[[1,2],{}]", `{"a":1,"a":2}`, "01", "\"\xff\""} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		doc = bytes.ToValidUTF8(doc, []byte("\uFFFD"))
		err := scan(string(doc))
		want := jsontext.Value(doc).IsValid(jsontext.AllowDuplicateNames(true))
		if err != nil && strings.Contains(err.Error(), "nested deeper") {
			return
		}
		if (err == nil) != want {
			t.Fatalf("%q: jsontext says %v, we say %v", doc, want, err)
		}
	})
}

func BenchmarkCheckPotEvent(b *testing.B) {
	doc := []byte(`{"version":2,"message":{"PotEvent":{"node_id":4242424242,"pot_id":"telnet-1","pot_type":"telnet","event_type":"telnet.login.failed","timestamp":"2026-01-15T10:30:00.123456Z","data":{"event_id":"abcdef-123456","src_ip":"198.18.17.2","src_port":52577,"dst_ip":"198.19.207.245","dst_port":2323,"session":"173332e506ca","protocol":"telnet","username":"root","password":"xc3511"}}}}`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	var c checker
	var f frame
	for b.Loop() {
		if err := c.check(doc, &f); err != nil {
			b.Fatal(err)
		}
	}
}
