package packtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// As it is installed, nothing is started, but procd is told when to look again.
func TestOpenWrtOffByDefault(t *testing.T) {
	r := newRouter(t, "")
	b, err := os.ReadFile("../openwrt/forager.config")
	if err != nil {
		t.Fatal(err)
	}
	r.write("uci/forager", string(b))
	s := r.start("boot")
	if len(s.Instances) != 0 || s.Name != "forager" {
		t.Errorf("service %+v", s)
	}
	same(t, "triggers", s.Triggers, []string{"config forager", "config firewall"})
	same(t, "redirects", s.redirects(), nil)
	// With one word changed it starts.
	r.write("uci/forager", strings.Replace(string(b), "enabled '0'", "enabled '1'", 1))
	s = r.start("reload")
	same(t, "command", s.command(t), []string{"-user=forager"})
	same(t, "triggers", s.Triggers, []string{"config forager", "config firewall", "interface wan"})
}

const everything = `
config forager 'main'
	option enabled '1'
	option core_dialect 'core'
	option tls '1'
	option tls_insecure 'off'
	option tls_ca '/etc/forager/ca.pem'
	option tls_cert '/etc/forager/cert.pem'
	option tls_key '/etc/forager/key.pem'
	option tls_server_name 'core.example.org'
	option totp 'yes'
	option node_name 'attic'
	option node_id '42'
	option node_type 'Agent'
	option node_address '192.0.2.7'
	option node_port '9000'
	option heartbeat '10s'
	option clock_wait '1m'
	option intake 'off'
	option ring_size '1M'
	option spool_size '512K'
	option persona 'camera'
	option user 'nobody'
	option sandbox 'on'
	option nice '10'
	option led 'green:status'
	option facts '0'
	option log_level 'warn'
	list core 'core.example.org:9001'
	list core '[2001:db8::1]:9001'
	list pot 'telnet listen=:2323 report-port=23 accept=after:3'
	list pot 'http listen=:8880 report-port=80'
	list pots_allow 'https://example.org/*'
	list ignore '192.0.2.0/24'
`

var everyFlag = []string{
	"-core-dialect=core", "-tls-ca=/etc/forager/ca.pem", "-tls-cert=/etc/forager/cert.pem", "-tls-key=/etc/forager/key.pem",
	"-tls-server-name=core.example.org", "-node-name=attic", "-node-id=42", "-node-type=Agent", "-node-address=192.0.2.7",
	"-node-port=9000", "-heartbeat=10s", "-clock-wait=1m", "-ring-size=1M", "-spool-size=512K", "-persona=camera",
	"-user=nobody", "-sandbox=on", "-nice=10", "-led=green:status", "-log-level=warn", "-tls=true", "-tls-insecure=false", "-totp=true", "-facts=false", "-intake=",
	"-core=core.example.org:9001", "-core=[2001:db8::1]:9001",
	"-pot=telnet listen=:2323 report-port=23 accept=after:3", "-pot=http listen=:8880 report-port=80",
	"-pots-allow=https://example.org/*", "-ignore=192.0.2.0/24",
}

// Every option becomes its flag, one word each.
func TestOpenWrtFlags(t *testing.T) {
	r := newRouter(t, "")
	r.write("uci/forager", everything)
	s := r.start("start")
	same(t, "flags", s.command(t), everyFlag)
	params := s.Instances["forager"].params
	// What the node itself asks of procd, in board.
	timeout := regexp.MustCompile(`\nconst procdTimeout = ([0-9]+)\n`).FindStringSubmatch(read(t, "../../board/procd.go"))
	if timeout == nil {
		t.Fatal("board/procd.go does not say procdTimeout")
	}
	for name, want := range map[string]string{"respawn": "3600 5 0", "watchdog": "1 " + timeout[1], "stderr": "1", "term_timeout": "15"} {
		if got := strings.Join(params[name], " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	info, err := os.Stat(filepath.Join(r.dir, "state"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the state directory: %v, %v", info, err)
	}
}

// What UCI can say is what the program takes, and all of it but what makes no
// sense on OpenWrt.
func TestOpenWrtKnowsEveryFlag(t *testing.T) {
	left := map[string]string{
		"c":              "UCI is the configuration",
		"watchdog":       "procd has the device",
		"heartbeat-file": "procd feeds the device, no watchdog(8)",
		"state-dir":      "always given", "control": "always given",
	}
	b, err := exec.Command("go", "run", "-buildvcs=false", "../..", "-h").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := make(map[string]bool)
	for _, flag := range everyFlag {
		name, _, _ := strings.Cut(flag[1:], "=")
		ours[name] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(string(b), -1) {
		name := m[1]
		if !ours[name] && left[name] == "" {
			t.Errorf("UCI can't say -%s", name)
		}
		delete(ours, name)
	}
	for name := range ours {
		t.Errorf("UCI says -%s, which is no flag", name)
	}
}

// Whatever is written into an option arrives as it is, in one word.
func TestOpenWrtQuotes(t *testing.T) {
	hostile := `$(touch gone) ; "x" 'y' ` + "`z` \\ * ${IFS} # -core=evil"
	quoted := strings.ReplaceAll(hostile, "'", `'\''`)
	r := newRouter(t, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
	r.write("uci/forager", "config forager 'main'\n\toption enabled '1'\n\toption node_name '"+quoted+"'\n\tlist pot '"+quoted+"'\n")
	want := []string{"-node-name=" + hostile, "-pot=" + hostile}
	same(t, "flags", r.start("start").command(t), want)
	for _, action := range []string{"check", "show", "totp"} {
		out, _ := r.run(action)
		words := strings.Split(strings.TrimSpace(out), "\n")
		if first := map[string]string{"show": "status"}[action]; words[0] != action && words[0] != first {
			t.Errorf("%s runs forager %s", action, words[0])
		}
		same(t, action, words[3:], want)
	}
	if _, err := os.Stat("gone"); err == nil {
		t.Error("a command of the configuration was run")
	}
}

// The real program takes what UCI says.
func TestOpenWrtCheck(t *testing.T) {
	r := newRouter(t, "")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(r.dir, "forager"), "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	config := everything
	for _, line := range strings.Split(everything, "\n") {
		if strings.Contains(line, "tls_ca") || strings.Contains(line, "tls_cert") || strings.Contains(line, "tls_key") {
			config = strings.Replace(config, line+"\n", "", 1) // no such files here
		}
	}
	r.write("uci/forager", config)
	out, _ := r.run("check")
	for _, want := range []string{"node-name attic", "core [2001:db8::1]:9001", "persona camera"} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
}

// The node waits for the first network that comes up, and for no second time.
func TestOpenWrtWaitsForTheNetwork(t *testing.T) {
	r := newRouter(t, "")
	r.write("uci/forager", "config forager 'main'\n\toption enabled '1'\n\toption wait_for 'wwan wan'\n")
	r.remove("networks/wan")
	s := r.start("boot")
	if len(s.Instances) != 0 {
		t.Error("started without a network")
	}
	same(t, "triggers", s.Triggers, []string{"config forager", "config firewall", "interface wwan", "interface wan"})
	r.write("networks/wwan", "198.51.100.2")
	s = r.start("reload")
	if len(s.Instances) != 1 {
		t.Error("not started with a network up")
	}
	r.remove("networks/wwan")
	if s = r.start("reload"); len(s.Instances) != 1 {
		t.Error("a lost link ends the node")
	}
	r.write("uci/forager", "config forager 'main'\n\toption enabled '1'\n\toption wait_for 'none'\n")
	r.remove("run/network")
	if s = r.start("boot"); len(s.Instances) != 1 {
		t.Error("it waits, though told not to")
	}
}

func TestOpenWrtJail(t *testing.T) {
	r := newRouter(t, "")
	r.write("uci/forager", "config forager 'main'\n\toption enabled '1'\n")
	if in := r.start("start").Instances["forager"]; in.jail != nil {
		t.Errorf("without ujail: jail %q", in.jail)
	}
	r.write("sbin/ujail", "")
	in := r.start("start").Instances["forager"]
	same(t, "jail", in.jail, []string{"forager", "log", "ubus", "procfs", "sysfs"})
	for path, writable := range in.mounts {
		ours := path == filepath.Join(r.dir, "state") || path == filepath.Join(r.dir, "run")
		if writable != ours {
			t.Errorf("%s: writable is %v", path, writable)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("mounts what is not there: %v", err)
		}
	}
	if _, there := in.mounts["/etc/passwd"]; len(in.mounts) < 5 || !there {
		t.Errorf("mounts %v", in.mounts)
	}
	r.write("uci/forager", "config forager 'main'\n\toption enabled '1'\n\toption jail '0'\n")
	if in := r.start("start").Instances["forager"]; in.jail != nil {
		t.Errorf("switched off: jail %q", in.jail)
	}
}
