package config

import (
	"bytes"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"forager/board"
	"forager/conn/wire"
	"forager/pots"
)

// TestMain keeps the machine's own settings out.
func TestMain(m *testing.M) {
	for _, o := range options {
		os.Unsetenv(o.env())
	}
	os.Unsetenv("FORAGER_C")
	os.Exit(m.Run())
}

// load writes file, unless it is empty, and loads it with the rest.
func load(t *testing.T, file string, env []string, args ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.conf")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	return Load(append([]string{"-c", path}, args...))
}

func TestLoadBad(t *testing.T) {
	tests := []struct {
		name string
		file string
		env  []string
		args []string
		want []string // parts of the error
	}{
		{name: "unknown flag", args: []string{"-colour"}, want: []string{"-colour"}},
		{name: "flag without value", args: []string{"-core"}, want: []string{"-core"}},
		{name: "argument", args: []string{"check"}, want: []string{`"check"`, "before the options"}},
		{name: "file named, not there", args: []string{"-c", "/nonexistent/f.conf"}, want: []string{"/nonexistent/f.conf", "(-c)"}},
		{name: "usual file named, not there", args: []string{"-c", DefaultFile}, want: []string{DefaultFile, "(-c)"}},
		{name: "file is a directory", args: []string{"-c", "/"}, want: []string{"/", "(-c)"}},
		{name: "file without end", args: []string{"-c", "/dev/zero"}, want: []string{"/dev/zero:1", "262144", "(-c)"}},

		{name: "unknown option", file: "\n\ncolour red\n", want: []string{"f.conf:3", `"colour"`}},
		{name: "option with a dash", file: "-core 1.2.3.4:1\n", want: []string{"f.conf:1", "without the -"}},
		{name: "option with an =", file: "heartbeat=5s\n", want: []string{"f.conf:1", `"heartbeat=5s"`}},
		{name: "option in capitals", file: "Heartbeat 5s\n", want: []string{"f.conf:1", `"Heartbeat"`}},
		{name: "variable in the file", file: "FORAGER_CORE 1.2.3.4:1\n", want: []string{"f.conf:1", "FORAGER_CORE"}},
		{name: "file names a file", file: "c /etc/passwd\n", want: []string{"f.conf:1", "c:"}},
		{name: "NUL", file: "core 1.2.3.4:1\nheartbeat 5s\x00\n", want: []string{"f.conf:2", "NUL"}},
		{name: "UTF-16", file: "\xff\xfec\x00o\x00r\x00e\x00", want: []string{"f.conf:1", "NUL"}},
		{name: "Latin-1", file: "node-name caf\xe9\n", want: []string{"f.conf:1", "UTF-8"}},
		{name: "control character", file: "node-name a\x1b[31m\n", want: []string{"f.conf:1", `\x1b`}},
		{name: "long line", file: "tls\nnode-name " + strings.Repeat("x", 5000), want: []string{"f.conf:2", "4096"}},
		{name: "long file", file: strings.Repeat("tls\n", 70000), want: []string{"f.conf", "262144"}},
		{name: "open quote", file: `node-name "x`, want: []string{"f.conf:1", "not closed"}},
		{name: "text behind quote", file: `node-name "x" y`, want: []string{"f.conf:1", `"y"`}},
		{name: "too many values", file: strings.Repeat("core a:1\n", 65), want: []string{"f.conf:65", "64", "-core"}},

		{name: "no port", args: []string{"-core", "host"}, want: []string{`-core "host"`, "host:port"}},
		{name: "no host", args: []string{"-core", ":9001"}, want: []string{`-core ":9001"`, "host:port"}},
		{name: "port 0", args: []string{"-core", "h:0"}, want: []string{"-core", "1 to 65535"}},
		{name: "port 65536", args: []string{"-core", "h:65536"}, want: []string{"-core", "1 to 65535"}},
		{name: "named port", args: []string{"-core", "h:http"}, want: []string{"-core", "1 to 65535"}},
		{name: "URL", args: []string{"-core", "http://h:1"}, want: []string{"-core"}},
		{name: "IPv6 without brackets", args: []string{"-core", "::1:9001"}, want: []string{"-core", "[host]:port"}},
		{name: "bad core in the file", file: "# x\ncore nohost\n", want: []string{"f.conf:2", `"nohost"`, "(-core)"}},
		{name: "bad core in the environment", env: []string{"FORAGER_CORE=nohost"}, want: []string{"FORAGER_CORE", `"nohost"`, "(-core)"}},
		{name: "empty core", args: []string{"-core", ""}, want: []string{"-core"}},
		{name: "dialect", args: []string{"-core-dialect", "Spec"}, want: []string{"-core-dialect", "auto"}},
		{name: "switch", args: []string{"-tls=maybe"}, want: []string{"-tls", "true or false"}},
		{name: "switch in the file", file: "totp perhaps\n", want: []string{"f.conf:1", "(-totp)"}},
		{name: "CA without TLS", args: []string{"-tls-ca", "x"}, want: []string{"-tls-ca", "need -tls"}},
		{name: "cert without key", args: []string{"-tls", "-tls-cert", "x"}, want: []string{"-tls-cert needs -tls-key"}},
		{name: "key without cert", args: []string{"-tls", "-tls-key", "x"}, want: []string{"-tls-key needs -tls-cert"}},
		{name: "server name", args: []string{"-tls", "-tls-server-name", ""}, want: []string{"-tls-server-name"}},
		{name: "node name empty", args: []string{"-node-name", ""}, want: []string{"-node-name", "64"}},
		{name: "node name long", args: []string{"-node-name", strings.Repeat("x", 65)}, want: []string{"-node-name", "64"}},
		{name: "node name with newline", args: []string{"-node-name", "a\nb"}, want: []string{"-node-name", `\n`}},
		{name: "node id 0", args: []string{"-node-id", "0"}, want: []string{"-node-id"}},
		{name: "node id negative", args: []string{"-node-id", "-1"}, want: []string{"-node-id"}},
		{name: "node id too large", args: []string{"-node-id", "18446744073709551616"}, want: []string{"-node-id"}},
		{name: "node type", args: []string{"-node-type", "full"}, want: []string{"-node-type", "Full"}},
		{name: "node address", args: []string{"-node-address", ""}, want: []string{"-node-address"}},
		{name: "node port", args: []string{"-node-port", "70000"}, want: []string{"-node-port"}},
		{name: "state dir", args: []string{"-state-dir", ""}, want: []string{"-state-dir"}},
		{name: "heartbeat without unit", args: []string{"-heartbeat", "30"}, want: []string{"-heartbeat", "unit"}},
		{name: "heartbeat too short", args: []string{"-heartbeat", "1ms"}, want: []string{"-heartbeat", "1s"}},
		{name: "heartbeat too long", args: []string{"-heartbeat", "100h"}, want: []string{"-heartbeat", "1h"}},
		{name: "intake", args: []string{"-intake", "9100"}, want: []string{"-intake"}},
		{name: "ring size word", args: []string{"-ring-size", "big"}, want: []string{"-ring-size"}},
		{name: "ring size small", args: []string{"-ring-size", "1K"}, want: []string{"-ring-size", "262144"}},
		{name: "ring size large", args: []string{"-ring-size", "4294967295M"}, want: []string{"-ring-size"}},
		{name: "spool size small", args: []string{"-spool-size", "1"}, want: []string{"-spool-size", "262144"}},
		{name: "spool size large", args: []string{"-spool-size", "2000M"}, want: []string{"-spool-size"}},
		{name: "spool size word", args: []string{"-spool-size", "off"}, want: []string{"-spool-size"}},
		{name: "ring size negative", args: []string{"-ring-size", "-1M"}, want: []string{"-ring-size"}},
		{name: "pot type", args: []string{"-pot", "toaster listen=:1"}, want: []string{"-pot", "toaster"}},
		{name: "pot without listen", args: []string{"-pot", "tcp"}, want: []string{"-pot", "listen"}},
		{name: "pot in the file", file: "tls\npot tcp listen=nowhere\n", want: []string{"f.conf:2", "listen", "(-pot)"}},
		{name: "pot twice", args: []string{"-pot", "tcp id=a listen=:1", "-pot", "tcp id=a listen=:2"}, want: []string{"-pot", `"a"`}},
		{name: "persona", args: []string{"-persona", ""}, want: []string{"-persona"}},
		{name: "no network", args: []string{"-ignore", "scanner.example"}, want: []string{`-ignore "scanner.example"`, "192.0.2.0/24"}},
		{name: "network too long", file: "ignore 192.0.2.1/33\n", want: []string{"f.conf:1", "(-ignore)"}},
		{name: "network with a zone", args: []string{"-ignore", "fe80::1%eth0"}, want: []string{"-ignore"}},
		{name: "mapped network", args: []string{"-ignore", "::ffff:192.0.2.0/120"}, want: []string{"-ignore", "::ffff:"}},
		{name: "everybody", args: []string{"-ignore", "0.0.0.0/0"}, want: []string{"-ignore", "every address"}},
		{name: "no networks in the environment", env: []string{"FORAGER_IGNORE=10.0.0.0/8;x"}, want: []string{"FORAGER_IGNORE", `"x"`, "(-ignore)"}},
		{name: "glob", args: []string{"-pots-allow", "[a"}, want: []string{"-pots-allow"}},
		{name: "control", args: []string{"-control", "/" + strings.Repeat("x", 107)}, want: []string{"-control", "107"}},
		{name: "root", args: []string{"-user", "root"}, want: []string{"-user", "root"}},
		{name: "two groups", file: "user a:b:c\n", want: []string{"f.conf:1", "(-user)", "user:group"}},
		{name: "sandbox", args: []string{"-sandbox", "no"}, want: []string{"-sandbox", "on or off"}},
		{name: "watchdog somewhere", args: []string{"-watchdog", "watchdog"}, want: []string{"-watchdog", "begins with /"}},
		{name: "heartbeat file somewhere", file: "heartbeat-file beat", want: []string{"f.conf:1", "begins with /", "(-heartbeat-file)"}},
		{name: "a light elsewhere", args: []string{"-led", "../../x"}, want: []string{"-led", "/sys/class/leds"}},
		{name: "facts or not", args: []string{"-facts=perhaps"}, want: []string{"-facts"}},
		{name: "above the others", args: []string{"-nice", "-5"}, want: []string{"-nice", "0 to 19"}},
		{name: "too nice", args: []string{"-nice", "20"}, want: []string{"-nice", "0 to 19"}},
		{name: "log level", args: []string{"-log-level", "loud"}, want: []string{"-log-level", "debug"}},
		{name: "two errors", file: "core x\nheartbeat y\n", want: []string{"f.conf:1", "f.conf:2", "(-core)", "(-heartbeat)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, tt.file, tt.env, tt.args...)
			if err == nil {
				t.Fatalf("no error, but %+v", c)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name string
		file string
		env  []string
		args []string
		want func(*Config)
	}{
		{name: "nothing", want: func(*Config) {}},
		{name: "comments", file: "\xef\xbb\xbf# a comment\r\n\r\n   # another\r\n#core x\r\n", want: func(*Config) {}},
		{name: "CRLF and tabs", file: "heartbeat\t5s \r\ntls\r\n", want: func(c *Config) { c.Heartbeat, c.TLS.On = 5*time.Second, true }},
		{name: "no last newline", file: "heartbeat 5s", want: func(c *Config) { c.Heartbeat = 5 * time.Second }},
		{name: "comment behind", file: "node-name a#b # c\nnode-address \"x # y\" # z\n", want: func(c *Config) { c.NodeName, c.NodeAddress = "a#b", "x # y" }},
		{name: "empty", file: "intake\ncontrol \"\"\n", want: func(c *Config) { c.Intake, c.Control = "", "" }},
		{name: "off", env: []string{"FORAGER_INTAKE=off", "FORAGER_CONTROL=off"}, want: func(c *Config) { c.Intake, c.Control = "", "" }},
		{name: "spool size", file: "spool-size 8M\n", want: func(c *Config) { c.SpoolSize = 8 << 20 }},
		{name: "spool off", file: "spool-size 8M\nspool-size 0\n", want: func(c *Config) {}},
		{name: "last one counts", file: "heartbeat 5s\nheartbeat 6s\n", want: func(c *Config) { c.Heartbeat = 6 * time.Second }},
		{name: "switched off", file: "totp false\n", want: func(*Config) {}},
		{
			name: "repeated in the file", file: "core a:1\ncore [::1]:2\ncore a:1\n",
			want: func(c *Config) { c.Cores = []string{"a:1", "[::1]:2"} },
		},
		{
			name: "repeated in the environment", env: []string{"FORAGER_CORE= a:1;b:2\nc:3; "},
			want: func(c *Config) { c.Cores = []string{"a:1", "b:2", "c:3"} },
		},
		{
			name: "flag over environment over file",
			file: "core f:1\nheartbeat 7s\nnode-port 1\n",
			env:  []string{"FORAGER_CORE=e:1", "FORAGER_HEARTBEAT=8s", "FORAGER_TOTP=1"},
			args: []string{"-core", "a:1", "-core", "a:2"},
			want: func(c *Config) {
				c.Cores, c.Heartbeat, c.NodePort, c.TOTP = []string{"a:1", "a:2"}, 8*time.Second, 1, true
			},
		},
		{
			name: "all the rest",
			args: []string{
				"-core-dialect", "core", "-tls", "-tls-ca", "ca", "-tls-cert", "crt", "-tls-key", "key", "-tls-server-name", "s",
				"-tls-insecure", "-node-id", "18446744073709551615", "-node-type", "Agent", "-node-port", "65535", "-state-dir", "d",
				"-ring-size", "2M", "-persona", "camera", "-pots-allow", "a*", "-ignore", "192.0.2.9/24", "-ignore", "2001:db8::1", "-log-level", "debug",
				"-user", "nobody:65533", "-sandbox", "off", "-nice", "7",
				"-watchdog", "/dev/watchdog1", "-heartbeat-file", "/run/beat", "-led", "green:wan", "-facts=false",
			},
			want: func(c *Config) {
				c.Dialect, c.TLS = "core", TLS{true, "ca", "crt", "key", "s", true}
				c.NodeID, c.NodeType, c.NodePort, c.StateDir = 1<<64-1, wire.Agent, 65535, "d"
				c.RingSize, c.Persona, c.PotsAllow, c.LogLevel = 2<<20, "camera", []string{"a*"}, board.LevelDebug
				c.User, c.Sandbox, c.Nice = "nobody:65533", false, 7
				c.Watchdog, c.HeartbeatFile, c.LED, c.Facts = "/dev/watchdog1", "/run/beat", "green:wan", false
				c.Ignore = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := load(t, tt.file, tt.env, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			want := standard()
			tt.want(want)
			want.File, want.settings = got.File, got.settings
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// standard is what design's table says, written out once more.
func standard() *Config {
	return &Config{
		Cores: []string{"127.0.0.1:9001"}, Dialect: "auto", TLS: TLS{ServerName: "honeybee-manager"},
		NodeName: hostname(), NodeType: wire.Full, NodeAddress: "0.0.0.0",
		StateDir: "/var/lib/forager", Heartbeat: 30 * time.Second,
		ClockWait: 2 * time.Minute, Intake: "127.0.0.1:9100",
		Pots: []pots.Spec{}, Persona: "router", PotsAllow: []string{"https://github.com/H0neyBe/honeybee_potstore.git"},
		Sandbox: true, Nice: -1, Facts: true, Control: "/run/forager.sock", LogLevel: board.LevelInfo,
	}
}

func TestPots(t *testing.T) {
	c, err := load(t, "pot tcp listen=\"127.0.0.1:0\" # the rest\npot tcp id=b listen=:1 report-port=80\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Pots) != 2 || c.Pots[0].ID != "tcp" || c.Pots[0].Listen != "127.0.0.1:0" || c.Pots[1].ReportPort != 80 {
		t.Errorf("got %+v", c.Pots)
	}
}

func TestHelp(t *testing.T) {
	if _, err := Load([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: %v", err)
	}
	var b bytes.Buffer
	WriteUsage(&b)
	for _, o := range options {
		if !strings.Contains(b.String(), "\n  -"+o.name) {
			t.Errorf("the help does not say -%s", o.name)
		}
	}
}

// What Write prints must be a file that gives the same configuration.
func TestWrite(t *testing.T) {
	first, err := load(t, "intake\nnode-name \"# odd\"\ncore a:1\ncore b:2\npot tcp listen=\":1\"\n", []string{"FORAGER_TOTP=true"}, "-heartbeat", "9s")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := first.Write(&b); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FORAGER_TOTP", "")
	second, err := load(t, b.String(), nil)
	if err != nil {
		t.Fatalf("%v in\n%s", err, &b)
	}
	if changed := second.Changed(first); len(changed) > 0 {
		t.Errorf("%v differ in\n%s", changed, &b)
	}
	for _, place := range []string{"# FORAGER_TOTP", "# -heartbeat", "f.conf:4", "# default"} {
		if !strings.Contains(b.String(), place) {
			t.Errorf("%q is missing in\n%s", place, &b)
		}
	}
}

func TestChanged(t *testing.T) {
	a, err := load(t, "core a:1\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(t, "core a:1\ncore b:1\ntls\nheartbeat 30s\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Changed(a); !slices.Equal(got, []string{"core", "tls"}) {
		t.Errorf("got %v", got)
	}
	if got := a.Changed(a); got != nil {
		t.Errorf("%v differs from itself", got)
	}
}
