package tlshello

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// extension is one of a ClientHello under construction.
type extension struct {
	id   uint16
	body []byte
}

func be(list ...uint16) (b []byte) {
	for _, n := range list {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// vec16 and vec8 put a length before b.
func vec16(b []byte) []byte { return append(be(uint16(len(b))), b...) }
func vec8(b []byte) []byte  { return append([]byte{byte(len(b))}, b...) }

// hello makes a ClientHello in one record.
func hello(version uint16, ciphers []uint16, exts []extension) []byte {
	b := append(be(version), make([]byte, 32)...)
	b = append(b, vec8(make([]byte, 32))...)
	b = append(b, vec16(be(ciphers...))...)
	b = append(b, 1, 0)
	var e []byte
	for _, x := range exts {
		e = append(append(e, be(x.id)...), vec16(x.body)...)
	}
	if exts != nil {
		b = append(b, vec16(e)...)
	}
	return record(append([]byte{typeHello, 0, byte(len(b) >> 8), byte(len(b))}, b...))
}

func record(b []byte) []byte { return append([]byte{typeHandshake, 3, 1}, vec16(b)...) }

// browser is the client of JA4's published example, with GREASE put in.
var browser = hello(0x0303,
	[]uint16{0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
	[]extension{
		{0x2a2a, nil}, {0x001b, nil}, {0x0000, vec16(append([]byte{0}, vec16([]byte("example.com"))...))}, {0x0033, nil},
		{0x0010, vec16(append(vec8([]byte("h2")), vec8([]byte("http/1.1"))...))}, {0x4469, nil}, {0x0017, nil}, {0x002d, nil},
		{0x000d, vec16(be(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601))}, {0x0005, nil}, {0x0023, nil},
		{0x0012, nil}, {0x002b, vec8(be(0x3a3a, 0x0304, 0x0303))}, {0xff01, nil}, {0x000b, vec8([]byte{0})},
		{0x000a, vec16(be(0x4a4a, 29, 23, 24))}, {0x0015, nil},
	})

func TestParseRefuses(t *testing.T) {
	cut := func(b []byte, n int) []byte { return slices.Clone(b[:n]) }
	with := func(b []byte, at int, v byte) []byte { b = slices.Clone(b); b[at] = v; return b }
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, ErrShort},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), ErrNotHello},
		{"an alert", []byte{21, 3, 1, 0, 2, 2, 40}, ErrNotHello},
		{"SSL 2.0's hello", []byte{0x80, 0x2e, 1, 0, 2}, ErrNotHello},
		{"a ServerHello", with(browser, RecordHeader, 2), ErrNotHello},
		{"a record of 3.5", with(browser, 2, 5), ErrNotHello},
		{"one byte", browser[:1], ErrShort},
		{"a header", browser[:RecordHeader], ErrShort},
		{"all but one byte", browser[:len(browser)-1], ErrShort},
		{"an empty record", []byte{22, 3, 1, 0, 0, 1}, ErrBroken},
		{"a record too long", []byte{22, 3, 1, 0xff, 0xff, 1}, ErrBroken},
		{"a message of 16 MB", []byte{22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff}, ErrLong},
		{"a second record of another kind", append(record(cut(browser[RecordHeader:], 10)), 23, 3, 1, 0, 1, 0), ErrBroken},
		{"an empty message", record([]byte{1, 0, 0, 0}), ErrBroken},
		{"a session id over the end", record([]byte{1, 0, 0, 35, 3, 3, 34: 0, 38: 255}), ErrBroken},
		{"one byte behind the compression", record(append(append([]byte{1, 0, 0, 42, 3, 3}, make([]byte, 33)...), 0, 2, 0, 47, 1, 0, 9)), ErrBroken},
		{"records without end", bytes.Repeat([]byte{22, 3, 1, 0, 1, 1}, 100), ErrLong},
	} {
		if _, err := Parse(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestPublished: the examples that JA3's and JA4's own documents give.
func TestPublished(t *testing.T) {
	old := func(ciphers, groups []uint16, exts ...extension) []byte {
		if groups != nil {
			exts = append(exts, extension{10, vec16(be(groups...))}, extension{11, vec8([]byte{0})})
		}
		return hello(0x0301, ciphers, exts)
	}
	for _, c := range []struct {
		name, text, ja3, ja4 string
		b                    []byte
	}{
		{
			name: "JA3, with extensions", text: "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
			ja3: "ada70206e40642a3e4461f35503241d5",
			b:   old([]uint16{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, []uint16{23, 24, 25}, extension{0, nil}),
		},
		{
			name: "JA3, without", text: "769,4-5-10-9-100-98-3-6-19-18-99,,,", ja3: "de350869b8c85de67a350c8d186f11e6",
			b: old([]uint16{4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, nil),
		},
		{name: "JA4", ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1", b: browser},
	} {
		h, err := Parse(c.b)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if text := string(h.AppendJA3Text(nil)); c.text != "" && text != c.text {
			t.Errorf("%s: text %s, want %s", c.name, text, c.text)
		}
		if got := h.JA3(); c.ja3 != "" && got != c.ja3 {
			t.Errorf("%s: JA3 %s, want %s", c.name, got, c.ja3)
		}
		if got := h.JA4(); c.ja4 != "" && got != c.ja4 {
			t.Errorf("%s: JA4 %s, want %s", c.name, got, c.ja4)
		}
	}
}

func TestFields(t *testing.T) {
	h, err := Parse(browser)
	if err != nil {
		t.Fatal(err)
	}
	if string(h.ServerName) != "example.com" || !h.HasSNI {
		t.Errorf("server name %q", h.ServerName)
	}
	if got := string(bytes.Join(h.ALPN, []byte(","))); got != "h2,http/1.1" {
		t.Errorf("ALPN %s", got)
	}
	if got := string(h.AppendVersions(nil)); got != "1.3,1.2" {
		t.Errorf("versions %s", got)
	}
}

// TestCutIntoRecords: where the records end makes no difference, and every
// beginning is short, not wrong.
func TestCutIntoRecords(t *testing.T) {
	whole, _ := Parse(browser)
	msg := browser[RecordHeader:]
	for _, size := range []int{8, 50, 255} {
		var b []byte
		for rest := msg; len(rest) > 0; {
			n := min(size, len(rest))
			b, rest = append(b, record(rest[:n])...), rest[n:]
		}
		for n := range len(b) {
			if _, err := Parse(b[:n]); err != ErrShort {
				t.Fatalf("records of %d, %d bytes: %v", size, n, err)
			}
		}
		h, err := Parse(append(b, "and what follows"...))
		if err != nil || h.JA4() != whole.JA4() || h.JA3() != whole.JA3() {
			t.Errorf("records of %d: %v", size, err)
		}
	}
}

// TestALPNMark: the cases of JA4's document.
func TestALPNMark(t *testing.T) {
	for in, want := range map[string]string{
		"": "00", "h2": "h2", "http/1.1": "h1", "x": "xx",
		"\xab": "ab", "\xab\xcd": "ad", "0\xab": "3b", "01\xab\xcd": "3d", "0\xab\xcd1": "01",
	} {
		h := Hello{ALPN: [][]byte{[]byte(in)}}
		if got := h.alpnMark(); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestCorpus: what real attackers sent parses unless the capture was cut, and
// both fingerprints are those that another program computed.
func TestCorpus(t *testing.T) {
	seen, parsed := 0, 0
	golden, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range corpus(t) {
		if !Looks(p) || len(p) < RecordHeader+1 {
			continue
		}
		seen++
		switch h, err := Parse(p); {
		case err == nil:
			parsed++
			if line := h.JA3() + " " + h.JA4() + "\n"; !bytes.Contains(golden, []byte(line)) {
				t.Errorf("%x: %s", p, line)
			}
		case err != ErrShort: // the capture was cut
			t.Errorf("%v: %x", err, p)
		}
	}
	if parsed < 100 {
		t.Errorf("%d of %d parsed", parsed, seen)
	}
	t.Logf("%d of %d parsed", parsed, seen)
}

func corpus(t testing.TB) (list [][]byte) {
	t.Helper()
	f, err := os.Open("../testdata/payloads.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		if _, text, ok := strings.Cut(lines.Text(), "\t"); ok && text[0] != '#' {
			if p, err := hex.DecodeString(text); err == nil {
				list = append(list, p)
			}
		}
	}
	return list
}

func FuzzParse(f *testing.F) {
	f.Add(browser)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if h == nil {
			return
		}
		if len(h.JA4()) != 36 || len(h.JA3()) != 32 {
			t.Errorf("%q %q", h.JA4(), h.JA3())
		}
		if again, e := Parse(append(b, 0)); e != err || again.JA4() != h.JA4() {
			t.Errorf("%v and %v", err, e)
		}
	})
}
