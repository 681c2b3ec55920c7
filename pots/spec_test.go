package pots

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseSpecBad(t *testing.T) {
	long := strings.Repeat("x", maxValue+1)
	for _, c := range []struct{ line, want string }{
		{"", `pot type "": not one of`},
		{"gopher listen=:70", `pot type "gopher": not one of`},
		{"telnet", "listen=ADDR is missing"},
		{"telnet listen=", "listen=ADDR is missing"},
		{"telnet listen", `want key=value, not "listen"`},
		{"telnet =23", `want key=value, not "=23"`},
		{"telnet listen=23", `listen: want ADDR:PORT`},
		{"telnet listen=:65536", `want a port from 0 to 65535, not "65536"`},
		{"telnet listen=:telnet", `want a port from 0 to 65535`},
		{"telnet listen=localhost:23", `want a numeric address, not "localhost"`},
		{"telnet listen=[::1:23", "listen: want ADDR:PORT"},
		{"telnet listen=:23 listen=:24", `option "listen" is there twice`},
		{"telnet listen=:23 id=", "id is empty"},
		{"telnet listen=:23 id=../../etc/passwd", `pot id "../../etc/passwd": want 1 to 64 of`},
		{"telnet listen=:23 id=.hidden", "not starting with a dot"},
		{"telnet listen=:23 id=" + strings.Repeat("a", 65), "want 1 to 64"},
		{"telnet listen=:23 id=a id=b", `option "id" is there twice`},
		{"telnet listen=:23 report-port=0", `report-port: want 1 to 65535, not "0"`},
		{"telnet listen=:23 report-port=x", "report-port: want"},
		{"telnet listen=:23 colour=red", `option "colour": unknown; this type has`},
		{"telnet listen=:23 accept=maybe", "option accept: want never, any"},
		{"telnet listen=:23 accept=after:0", "option accept: want after:1 to"},
		{"telnet listen=:23 accept=root:a,b", "option accept: want never"},
		{"telnet listen=:23 accept=:x", "option accept: want never"},
		{"telnet listen=:23 tries=0", `option tries: want a whole number from 1 to 100, not "0"`},
		{"telnet listen=:23 tries=1 tries=2", `option "tries" is there twice`},
		{"telnet listen=:23 negotiate=windows", "option negotiate: want busybox or linux"},
		{"telnet listen=:23 banner=" + strings.Repeat("b", 257), "option banner: want at most 256 bytes, not 257"},
		{"telnet listen=:23 banner=" + long, "option \"banner\": want a key of at most"},
		{`telnet listen=:23 banner="x`, "option banner: the closing quote is missing"},
		{`telnet listen=:23 banner="x"y`, "option banner: want a space behind the closing quote"},
		{`telnet listen=:23 banner="\q"`, `option banner: want \\ \"`},
		{`telnet listen=:23 banner="\x4"`, `option banner: want \\ \"`},
		{`telnet listen=:23 banner="\`, `option banner: want \\ \"`},
		{"tcp listen=:1 max=0", "option max: want a whole number from 1 to 8192"},
		{"tcp listen=:1 wait=1h", "option wait: want a time from 10ms to 10m0s"},
		{"tcp listen=:1 wait=soon", "option wait: want a time"},
		{"tcp " + strings.Repeat("x", maxLine), "want at most 8192"},
	} {
		_, err := ParseSpec(c.line)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "(-pot)") {
			t.Errorf("%.80q: error %v, want %s … (-pot)", c.line, err, c.want)
		}
	}
}

func TestParseSpec(t *testing.T) {
	for _, c := range []struct {
		line string
		want Spec
	}{
		{"telnet listen=0.0.0.0:23", Spec{Type: "telnet", Listen: "0.0.0.0:23"}},
		{" \ttelnet  id=t-1   listen=[::]:23 report-port=23\n", Spec{ID: "t-1", Type: "telnet", Listen: "[::]:23", ReportPort: 23}},
		{`tcp listen=:21 banner="220 \"x\" \\ \x00\xff\r\n"`, Spec{Type: "tcp", Listen: ":21",
			Options: map[string]string{"banner": "220 \"x\" \\ \x00\xff\r\n"}}},
		{`tcp listen=:21 banner=a\nb`, Spec{Type: "tcp", Listen: ":21", Options: map[string]string{"banner": `a\nb`}}},
		{`tcp banner= listen=:21`, Spec{Type: "tcp", Listen: ":21", Options: map[string]string{"banner": ""}}},
		{`tcp listen=":21" banner=""`, Spec{Type: "tcp", Listen: ":21", Options: map[string]string{"banner": ""}}},
	} {
		got, err := ParseSpec(c.line)
		if err != nil || !got.Equal(c.want) {
			t.Errorf("%q: %+v %v, want %+v", c.line, got, err, c.want)
		}
		again, err := ParseSpec(got.String())
		if err != nil || !again.Equal(got) {
			t.Errorf("%q becomes %q, that is %+v %v", c.line, got.String(), again, err)
		}
	}
}

func TestSpecAddress(t *testing.T) {
	for listen, want := range map[string]string{
		":23":                "tcp :23",
		"0.0.0.0:23":         "tcp4 0.0.0.0:23",
		"[::]:23":            "tcp6 [::]:23",
		"[::ffff:1.2.3.4]:5": "tcp4 1.2.3.4:5",
	} {
		network, address, err := Spec{Listen: listen}.address()
		if got := network + " " + address; err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", listen, got, err, want)
		}
	}
}

func TestNewSpecBad(t *testing.T) {
	for _, c := range []struct {
		id, typ string
		config  map[string]string
		want    string
	}{
		{"../x", "telnet", nil, "pot id"},
		{"nul\x00", "telnet", nil, "pot id"},
		{"p", "cowrie", nil, `pot type "cowrie": not one of`},
		{"p", "tcp", nil, "listen: want ADDR:PORT"},
		{"p", "telnet", map[string]string{"port": "x; reboot"}, "listen: want a port"},
		{"p", "telnet", map[string]string{"id": "q"}, "option id"},
		{"p", "telnet", map[string]string{"port": "1", "telnet_port": "2"}, "twice"},
		{"p", "telnet", map[string]string{"what\n": "x"}, `option "what\n": unknown`},
	} {
		if _, err := NewSpec(c.id, c.typ, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q %v: error %v, want %s", c.id, c.typ, c.config, err, c.want)
		}
	}
}

func TestNewSpec(t *testing.T) {
	for _, c := range []struct {
		typ    string
		config map[string]string
		want   string
	}{
		{"telnet", nil, "telnet id=p listen=:23"},
		{"telnet", map[string]string{"telnet_port": "2323", "tries": "5"}, "telnet id=p listen=:2323 tries=5"},
		{"tcp", map[string]string{"port": "21", "report_port": "2121"}, "tcp id=p listen=:21 report-port=2121"},
		{"tcp", map[string]string{"listen": "127.0.0.1:1"}, "tcp id=p listen=127.0.0.1:1"},
	} {
		s, err := NewSpec("p", c.typ, c.config)
		if err != nil || s.String() != c.want {
			t.Errorf("%s %v: %s %v, want %s", c.typ, c.config, s, err, c.want)
		}
	}
}

func TestResolve(t *testing.T) {
	line := func(s string) Spec { spec, err := ParseSpec(s); mustNot(t, err); return spec }
	specs := []Spec{
		line("telnet listen=:23"), line("telnet listen=:2323"), line("telnet listen=0.0.0.0:2323"),
		line("tcp listen=:1 id=telnet-2323"), line("tcp listen=:2 id=telnet-2323"), line("tcp listen=:3"),
	}
	got, err := Resolve(specs, func(id string) bool { return id == "tcp" })
	if err == nil || !strings.Contains(err.Error(), `pot "telnet-2323": the id is there twice`) {
		t.Error(err)
	}
	var ids []string
	for _, s := range got {
		ids = append(ids, s.ID)
	}
	if want := "[telnet telnet-2323-2 telnet-2323-3 telnet-2323 tcp-3]"; fmt.Sprint(ids) != want {
		t.Errorf("%v, want %s", ids, want)
	}
	var many []Spec
	for i := range MaxPots + 1 {
		many = append(many, line(fmt.Sprintf("tcp listen=:%d", i+1)))
	}
	if got, err = Resolve(many, nil); len(got) != MaxPots || err == nil {
		t.Errorf("%d pots, %v", len(got), err)
	}
}

func mustNot(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzParseSpec: no line breaks the parser, and what it takes it can write.
func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{
		"telnet listen=0.0.0.0:23", `tcp id=x listen=[::1]:21 report-port=21 banner="220 \x00\"\\\r\n" max=10 wait=1s`,
		"telnet listen=:23 accept=root:root,admin:1234 tries=9", `telnet banner="`, "tcp listen==", "\x00=\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s, err := ParseSpec(line)
		if err != nil {
			if !strings.Contains(err.Error(), "-pot") || len(err.Error()) > 2000 {
				t.Fatalf("error %q", err)
			}
			return
		}
		if len(s.String()) > maxLine { // quoting can make it longer than it came
			return
		}
		again, err := ParseSpec(s.String())
		if err != nil || !again.Equal(s) {
			t.Fatalf("%q becomes %q: %v", line, s.String(), err)
		}
	})
}
