package config

import (
	"fmt"
	"io"
	"strings"
)

// option is one row of the table: a flag, a word in the file and an
// environment variable.
type option struct {
	name     string
	standard string // default
	meta     string // what the value is called in the help
	usage    string
	kind     kind
	set      func(c *Config, text string) error // validates one value
}

type kind int

const (
	single   kind = iota
	repeated      // each value adds to the others
	boolean       // a switch: without a value it is on
)

// options is the table that everything about options comes from.
var options = []*option{
	{"core", "127.0.0.1:9001", "host:port", "HoneyBee Core; repeat it for others, tried in order", repeated, setCore},
	{"core-dialect", "auto", "auto|spec|core", "how events are sent: PotEvent (spec), alarms (core), find out (auto)", single, setDialect},
	{"tls", "false", "", "speak TLS 1.3 to Core", boolean, setTLS},
	{"tls-ca", "", "file", "certificates (PEM) that Core's must come from, instead of the system's", single, setTLSCA},
	{"tls-cert", "", "file", "client certificate (PEM)", single, setTLSCert},
	{"tls-key", "", "file", "its key (PEM)", single, setTLSKey},
	{"tls-server-name", "honeybee-manager", "name", "the name in Core's certificate", single, setTLSServerName},
	{"tls-insecure", "false", "", "do not check Core's certificate", boolean, setTLSInsecure},
	{"totp", "false", "", "send a one-time code; forager totp shows the secret", boolean, setTOTP},
	{"node-name", "", "name", "default: the host's name", single, setNodeName},
	{"node-id", "", "number", "default: a random one, kept in the state directory", single, setNodeID},
	{"node-type", "Full", "Full|Agent", "an Agent refuses InstallPot", single, setNodeType},
	{"node-address", "0.0.0.0", "address", "told to Core", single, setNodeAddress},
	{"node-port", "0", "port", "told to Core", single, setNodePort},
	{"state-dir", "/var/lib/forager", "dir", "id, secret, installed pots, learned dialect", single, setStateDir},
	{"heartbeat", "30s", "duration", "between status updates to Core", single, setHeartbeat},
	{"clock-wait", "2m", "duration", "how long events, TLS and one-time codes wait for a clock that is not set; 0: not at all", single, setClockWait},
	{"intake", "127.0.0.1:9100", "host:port", "where other honeypots send their events; empty or off: nowhere", single, setIntake},
	{"ring-size", "", "bytes", "memory for events Core does not have yet, K and M are understood; default: by the machine's memory, 1M to 16M", single, setRingSize},
	{"spool-size", "0", "bytes", "flash in the state directory for events, 256K or more, K and M are understood: they outlive outages, restarts and power cuts; 0: off", single, setSpoolSize},
	{"pot", "", "spec", `a built-in pot: "TYPE [id=ID] listen=ADDR [report-port=N] [key=value...]"; repeat it for others`, repeated, setPot},
	{"persona", "router", "name", "what all pots pretend to be, together", single, setPersona},
	{"pots-allow", "https://github.com/H0neyBe/honeybee_potstore.git", "glob", "what InstallPot may fetch; repeat it for others", repeated, setPotsAllow},
	{"ignore", "", "CIDR", "addresses of your own scanner: closed at once by every pot, counted, not told; repeat it for others", repeated, setIgnore},
	{"user", "", "name|uid[:gid]", "whom to run as, instead of root, from before the pots open", single, setUser},
	{"sandbox", "on", "on|off", "give up capabilities, files and system calls that the node has no use for; off: to look for a fault", single, setSandbox},
	{"nice", "", "0 to 19", "leave the processor to others first; default: by the machine's memory, 10 or 0", single, setNice},
	{"watchdog", "", "device", "a watchdog device that only this node feeds: without proof that all of it lives the machine resets; not on OpenWrt, where procd has it", single, setWatchdog},
	{"heartbeat-file", "", "path", "a file written every 30 s while all of the node lives, for watchdog(8); on tmpfs", single, setHeartbeatFile},
	{"led", "", "name", "a light of /sys/class/leds: lit while Core is there, dark for a moment at an attack, flashing while Core is away", single, setLED},
	{"facts", "true", "", "tell Core at each registration of the machine: model, firmware, kernel, temperature, load, free flash; -facts=false: do not", boolean, setFacts},
	{"control", "/run/forager.sock", "path", "socket for forager status; empty or off: none", single, setControl},
	{"log-level", "info", "error|warn|info|debug", "how much to say on stderr", single, setLogLevel},
}

func lookup(name string) *option {
	for _, o := range options {
		if o.name == name {
			return o
		}
	}
	return nil
}

// env is the option's environment variable.
func (o *option) env() string {
	return "FORAGER_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

// WriteUsage explains every option.
func WriteUsage(w io.Writer) {
	fmt.Fprintf(w, "  -c file\n\toptions, one a line: name value (default %s, which may be absent)\n", DefaultFile)
	for _, o := range options {
		head := strings.TrimSpace("-" + o.name + " " + o.meta)
		fmt.Fprintf(w, "  %s\n\t%s", head, o.usage)
		if o.standard != "" && o.kind != boolean {
			fmt.Fprintf(w, " (default %s)", o.standard)
		}
		fmt.Fprintln(w)
	}
}
