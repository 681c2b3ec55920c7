package jsonline

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"forager/conn/wire"
)

func nested(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		in   string
		want error
	}{
		{``, ErrSyntax},
		{` `, ErrSyntax},
		{`x`, ErrSyntax},
		{`GET / HTTP/1.1`, ErrSyntax},
		{"\ufeff{}", ErrSyntax},
		{`[]`, ErrSyntax},
		{`"a"`, ErrSyntax},
		{`1`, ErrSyntax},
		{`null`, ErrSyntax},
		{`{`, ErrSyntax},
		{`{}{}`, ErrSyntax},
		{`{} x`, ErrSyntax},
		{`{}}`, ErrSyntax},
		{`{"a"}`, ErrSyntax},
		{`{"a":}`, ErrSyntax},
		{`{"a":1,}`, ErrSyntax},
		{`{,"a":1}`, ErrSyntax},
		{`{"a":1 "b":2}`, ErrSyntax},
		{`{"a" 1}`, ErrSyntax},
		{`{a:1}`, ErrSyntax},
		{`{'a':1}`, ErrSyntax},
		{`{1:1}`, ErrSyntax},
		{`{"a":[1,]}`, ErrSyntax},
		{`{"a":[,1]}`, ErrSyntax},
		{`{"a":[1 2]}`, ErrSyntax},
		{`{"a":[}`, ErrSyntax},
		{`{"a":[1}]`, ErrSyntax},
		{`{"a":{]}`, ErrSyntax},
		{`{"a":"b`, ErrSyntax},
		{`{"a":"b\`, ErrSyntax},
		{`{"a":"b\"`, ErrSyntax},
		{`{"a":"\x41"}`, ErrSyntax},
		{`{"a":"\u12"}`, ErrSyntax},
		{`{"a":"\u12g4"}`, ErrSyntax},
		{`{"a":"\u`, ErrSyntax},
		{`{"a":"\ud800\u12"}`, ErrSyntax},
		{"{\"a\":\"b\x00c\"}", ErrSyntax},
		{"{\"a\":\"b\tc\"}", ErrSyntax},
		{"{\"a\":\"12345678\x1f\"}", ErrSyntax},
		{"{\"a\":1\x00}", ErrSyntax},
		{"{\"a\":1\v}", ErrSyntax},
		{`{"a":tru}`, ErrSyntax},
		{`{"a":truee}`, ErrSyntax},
		{`{"a":t`, ErrSyntax},
		{`{"a":fals}`, ErrSyntax},
		{`{"a":nul`, ErrSyntax},
		{`{"a":True}`, ErrSyntax},
		{`{"a":NaN}`, ErrSyntax},
		{`{"a":Infinity}`, ErrSyntax},
		{`{"a":01}`, ErrSyntax},
		{`{"a":-}`, ErrSyntax},
		{`{"a":-01}`, ErrSyntax},
		{`{"a":+1}`, ErrSyntax},
		{`{"a":.5}`, ErrSyntax},
		{`{"a":5.}`, ErrSyntax},
		{`{"a":5.e1}`, ErrSyntax},
		{`{"a":5e}`, ErrSyntax},
		{`{"a":5e+}`, ErrSyntax},
		{`{"a":0x10}`, ErrSyntax},
		{`{"a":1_000}`, ErrSyntax},
		{`{"a":` + nested(MaxDepth) + `}`, ErrDepth},
		{`{"a":` + strings.Repeat(`{"a":`, MaxDepth), ErrDepth},
		{`{"a":` + strings.Repeat(`[`, MaxLine), ErrDepth},
		{`{"a":"` + strings.Repeat("a", wire.MaxData) + `"}`, ErrTooLarge},
		{`{"a":"` + strings.Repeat("\xff", wire.MaxData/4) + `"}`, ErrTooLarge},
		{`{` + strings.Repeat("\"\xff\":0,", wire.MaxData/8) + `"a":0}`, ErrTooLarge},
	} {
		var l Line
		if err := l.Parse([]byte(c.in)); !errors.Is(err, c.want) {
			t.Errorf("%.80q: %v, want %v", c.in, err, c.want)
		}
		if l.Offset < 0 || l.Offset > len(c.in) {
			t.Errorf("%.80q: offset %d", c.in, l.Offset)
		}
	}
}

func TestParseFinds(t *testing.T) {
	long := strings.Repeat("a", wire.MaxName-1)
	for _, c := range []struct{ in, id, pot, event, data string }{
		{in: `{}`, data: `{}`},
		{in: " \t\r\n{ } \r", data: `{ }`},
		{in: `{"a":` + nested(MaxDepth-1) + `}`},
		// wrong types and empty strings count as absent
		{in: `{"pot_id":null,"sensor":"s"}`, id: "s"},
		{in: `{"pot_id":"","honeybee_honeypot_id":{},"sensor":["s"]}`},
		{in: `{"pot_id":true,"pot_type":["x"],"event_type":{"event_type":"x"},"eventid":false}`},
		{in: `{"pot_id":["x","y"],"honeybee_honeypot_id":"h"}`, id: "h"},
		{in: `{"data":"x"}`},
		{in: `{"data":[{"a":1}]}`},
		{in: `{"data":null,"data":{"a":1}}`, data: `{"a":1}`},
		{in: `{"a":{"pot_id":"x","data":{"b":1}},"b":[{"eventid":"y"}]}`},
		// the order of preference, not of coming
		{in: `{"sensor":"c","honeybee_honeypot_id":"b","pot_id":"a"}`, id: "a"},
		{in: `{"sensor":"c","honeybee_honeypot_id":"b"}`, id: "b"},
		{in: `{"eventid":"e.x","event_type":"t.y"}`, pot: "t", event: "t.y"},
		{in: `{"eventid":"e.x","honeybee_honeypot_type":"h"}`, pot: "h", event: "e.x"},
		{in: `{"eventid":"e.x","honeybee_honeypot_type":"h","pot_type":"p"}`, pot: "p", event: "e.x"},
		{in: `{"eventid":"word"}`, pot: "word", event: "word"},
		{in: `{"eventid":"word next"}`, pot: "word", event: "word next"},
		{in: `{"eventid":".x"}`, event: ".x"},
		{in: `{"pot_id":"1st","pot_id":"2nd","data":{"n":1},"data":{"n":2}}`, id: "1st", data: `{"n":1}`},
		// numbers by their text
		{in: `{"sensor":-7.50e1,"eventid":4625}`, id: "-7.50e1", pot: "4625", event: "4625"},
		// data as it came
		{in: `{"pot_id":"a","data": { "x" : [1, 2 ] , "y":{}} }`, id: "a", data: `{ "x" : [1, 2 ] , "y":{}}`},
		{in: `{"data":{}}`, data: `{}`},
		// escaped keys and values
		{in: `{"\u0065ventid":"a\u002eb","p\u006ft_id":"\"\\\/\b\f\n\r\té\ud83d\ude00"}`, id: "\"\\/\b\f\n\r\té😀", pot: "a", event: "a.b"},
		{in: `{"honeybee_honeypot_type\ud83d\ude00":"x"}`},
		{in: `{"d\u0061ta":{"a":1}}`, data: `{"a":1}`},
		// cuts between characters
		{in: `{"pot_id":"` + long + `é"}`, id: long},
		{in: `{"pot_id":"` + long + `\u00e9x"}`, id: long},
		{in: `{"pot_id":"` + long + `bcd"}`, id: long + "b"},
		{in: `{"pot_id":"\u0061` + long + `cd"}`, id: "a" + long},
		{in: `{"pot_id":"` + strings.Repeat("\x80", 70) + `"}`, id: strings.Repeat("\x80", 64), data: `-`},
		{in: `{"eventid":"` + strings.Repeat("e", 200) + `"}`, pot: strings.Repeat("e", wire.MaxName), event: strings.Repeat("e", wire.MaxEventType)},
	} {
		var l Line
		if err := l.Parse([]byte(c.in)); err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if c.data == "" {
			c.data = c.in
		}
		if string(l.PotID) != c.id || string(l.PotType) != c.pot || string(l.EventType) != c.event {
			t.Errorf("%s: got %q %q %q", c.in, l.PotID, l.PotType, l.EventType)
		}
		if c.data != "-" && string(l.Data) != c.data {
			t.Errorf("%s: data %s", c.in, l.Data)
		}
	}
}

func TestParseRewrites(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// what is valid stays, whatever it looks like
		{`{"a":"\ud83d\ude00\u0000\/","b_escaped":"\\x41"}`, `{"a":"\ud83d\ude00\u0000\/","b_escaped":"\\x41"}`},
		{`{"a":1e307,"b":-1.5E-999,"c":0e999,"d":0.1e308,"e":0.00e99999999999999999999}`, `{"a":1e307,"b":-1.5E-999,"c":0e999,"d":0.1e308,"e":0.00e99999999999999999999}`},
		{"{\"a\":\"\xff\"}", `{"a_escaped":"\\xff"}`},
		{"{\"a\":\"\xff\\\\x\\\"\\n\\u0041\\u00e9\\/\xc3\xa9\xc3\"}", `{"a_escaped":"\\xff\\\\x\"\u000aAé/é\\xc3"}`},
		{`{"a":"\ud800"}`, `{"a_escaped":"\\xed\\xa0\\x80"}`},
		{`{"a":"\udfff\ud83d\ude00\uDBFF\u0041"}`, `{"a_escaped":"\\xed\\xbf\\xbf😀\\xed\\xaf\\xbfA"}`},
		{`{"a":"\ud800\ud83d\ude00"}`, `{"a_escaped":"\\xed\\xa0\\x80😀"}`},
		{"{\"a\":\"\xed\xa0\x80\"}", `{"a_escaped":"\\xed\\xa0\\x80"}`},
		{"{ \"a\" :\t\"b\" , \"c\" : \"\x80\" , \"d\":[ ] }", "{ \"a\" :\t\"b\" , \"c_escaped\" : \"\\\\x80\" , \"d\":[ ] }"},
		// keys
		{"{\"\xff\\\\\":\"b\\\\\"}", `{"\\xff\\\\_escaped":"b\\\\"}`},
		{"{\"\xff\":{\"a\\n\":\"b\\\\\"}}", `{"\\xff_escaped":{"a\n":"b\\"}}`},
		{"{\"\xff\":1,\"b\":true}", `{"\\xff_escaped":1,"b":true}`},
		// arrays: all of their strings, but not objects in them
		{"{\"a\":[\"b\\\\\",\"\xff\",1]}", `{"a_escaped":["b\\\\","\\xff",1]}`},
		{"{\"a\":[\"b\\\\\",[[\"\xff\"]],{\"c\":\"\\\\\"}]}", `{"a_escaped":["b\\\\",[["\\xff"]],{"c":"\\"}]}`},
		{"{\"a\":[\"\\\\\",{\"c\":\"\xff\"}, null,false]}", `{"a":["\\",{"c_escaped":"\\xff"}, null,false]}`},
		{"{\"a\":[{},[1,{\"x\":[]}],\"\xff\"]}", `{"a_escaped":[{},[1,{"x":[]}],"\\xff"]}`},
		// numbers too large for a float
		{`{"a":1e308}`, `{"a":"1e308"}`},
		{`{"a":[-0.01E+99999999999999999999]}`, `{"a":["-0.01E+99999999999999999999"]}`},
		{`{"a":1` + strings.Repeat("0", 308) + `}`, `{"a":"1` + strings.Repeat("0", 308) + `"}`},
		{`{"a":1` + strings.Repeat("0", 307) + `}`, `{"a":1` + strings.Repeat("0", 307) + `}`},
		// only what is sent is rewritten
		{"{\"x\":\"\xff\",\"data\":{\"a\":\"\\\\\"}}", `{"a":"\\"}`},
		{"{\"data\":{\"a\":\"\xff\"}}", `{"a_escaped":"\\xff"}`},
	} {
		var l Line
		if err := l.Parse([]byte(c.in)); err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if string(l.Data) != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.in, l.Data, c.want)
		}
		if !json.Valid(l.Data) || !utf8.Valid(l.Data) {
			t.Errorf("%q: invalid: %q", c.in, l.Data)
		}
	}
}

// A special byte is found at every place of the eight that are read at once.
func TestParseEveryAlignment(t *testing.T) {
	for pad := range 20 {
		for tail := range 20 {
			for c := range 256 {
				in := `{"a":"` + strings.Repeat("p", pad) + string([]byte{byte(c)}) + strings.Repeat("t", tail) + `"}`
				var l Line
				if got, want := l.Parse([]byte(in)) == nil, json.Valid([]byte(in)); got != want {
					t.Fatalf("%q: %v, want %v", in, got, want)
				}
			}
		}
	}
}
