package packtest

import (
	"strings"
	"testing"
)

const zones = `
config zone
	option name 'lan'
	list network 'lan'
	option input 'ACCEPT'

config zone
	option name 'wan'
	list network 'wan'
	list network 'wan6'
	list network 'dsl'
	option input 'REJECT'

config forwarding
	option src 'lan'
	option dest 'wan'

config rule
	option name 'Allow-Ping'
	option src 'wan'
	option proto 'icmp'
	option family 'ipv4'
	option target 'ACCEPT'

config rule
	option name 'Support-UDP-Traceroute'
	option src 'wan'
	option dest_port '33434:33689'
	option proto 'udp'
	option target 'REJECT'
`

const redirecting = `
config forager 'main'
	option enabled '1'

config redirect
	option port '23'
	option to '2323'

config redirect
	option proto 'udp'
	option port '53413'
	option to '5353'
`

func redirectingRouter(t *testing.T) *router {
	r := newRouter(t, "")
	r.write("uci/forager", redirecting)
	r.write("uci/firewall", zones)
	return r
}

// Ports of the zone go to pots at the router's own IPv4 addresses there, and the
// firewall is told once, not at every reload: its own is one of ours.
func TestOpenWrtRedirects(t *testing.T) {
	r := redirectingRouter(t)
	r.write("networks/wan6", "")
	r.write("networks/dsl", "198.51.100.9")
	s := r.start("start")
	want := []string{
		"redirect DNAT ipv4 wan tcp 192.0.2.7:23 > 192.0.2.7:2323",
		"redirect DNAT ipv4 wan tcp 198.51.100.9:23 > 198.51.100.9:2323",
		"redirect DNAT ipv4 wan udp 192.0.2.7:53413 > 192.0.2.7:5353",
		"redirect DNAT ipv4 wan udp 198.51.100.9:53413 > 198.51.100.9:5353",
	}
	same(t, "redirects", s.redirects(), want)
	first := s.Data["firewall"].([]any)[0].(map[string]any)
	if first["dest"] != "wan" || first["reflection"] != "0" || len(first) != 11 {
		t.Errorf("a redirect is %v", first)
	}
	same(t, "triggers", s.Triggers, []string{"config forager", "config firewall", "interface wan", "interface wan6", "interface dsl"})
	same(t, "changed", s.Changed, []string{"firewall"})
	s = r.start("reload")
	same(t, "redirects again", s.redirects(), want)
	same(t, "changed again", s.Changed, nil)

	// Another address: the firewall has to know.
	r.write("networks/wan", "203.0.113.1")
	r.remove("networks/dsl")
	s = r.start("reload")
	same(t, "redirects with another address", s.redirects(), []string{
		"redirect DNAT ipv4 wan tcp 203.0.113.1:23 > 203.0.113.1:2323",
		"redirect DNAT ipv4 wan udp 203.0.113.1:53413 > 203.0.113.1:5353",
	})
	same(t, "changed with another address", s.Changed, []string{"firewall"})
	s = r.start("stop")
	same(t, "changed at the end", s.Changed, []string{"firewall"})
	if !s.Killed {
		t.Error("stop does not stop")
	}
	same(t, "changed at another stop", r.start("stop").Changed, nil)
}

// No address, or switched off: nothing, and the firewall forgets what it had.
func TestOpenWrtRedirectsEnd(t *testing.T) {
	r := redirectingRouter(t)
	r.start("start")
	r.write("networks/wan", "")
	s := r.start("reload")
	same(t, "redirects without an address", s.redirects(), nil)
	same(t, "changed", s.Changed, []string{"firewall"})
	r.write("networks/wan", "192.0.2.7")
	r.start("reload")
	r.write("uci/forager", strings.Replace(redirecting, "enabled '1'", "enabled '0'", 1))
	s = r.start("reload")
	same(t, "redirects when off", s.redirects(), nil)
	same(t, "changed when off", s.Changed, []string{"firewall"})
}

// What the user's own configuration does with a port stays.
func TestOpenWrtUsersRulesWin(t *testing.T) {
	const telnet, other = "redirect DNAT ipv4 wan tcp 192.0.2.7:23 > 192.0.2.7:2323", "redirect DNAT ipv4 wan udp 192.0.2.7:53413 > 192.0.2.7:5353"
	section := func(kind string, options ...string) string {
		s := "\nconfig " + kind + "\n"
		for _, o := range options {
			name, value, _ := strings.Cut(o, "=")
			s += "\toption " + name + " '" + value + "'\n"
		}
		return s
	}
	for _, test := range []struct {
		name, rule string
		wins       bool // over the redirect of TCP port 23
	}{
		{"forward", section("redirect", "src=wan", "proto=tcp", "src_dport=23", "dest=lan", "dest_ip=192.168.1.5"), true},
		{"forward, target named", section("redirect", "target=DNAT", "src=wan", "proto=tcp udp", "src_dport=23", "dest=lan"), true},
		{"forward, no protocol", section("redirect", "src=wan", "src_dport=23", "dest=lan"), true},
		{"forward of a range", section("redirect", "src=wan", "proto=tcp", "src_dport=20-25", "dest=lan"), true},
		{"forward of a range with a colon", section("redirect", "src=wan", "proto=tcp", "src_dport=20:23", "dest=lan"), true},
		{"forward of everything", section("redirect", "src=wan", "proto=all", "dest=lan", "dest_ip=192.168.1.5"), true},
		{"forward of all but one", section("redirect", "src=wan", "proto=tcp", "src_dport=!22", "dest=lan"), true},
		{"own service", section("rule", "src=wan", "proto=tcp", "dest_port=22 23", "target=ACCEPT"), true},
		{"own service, every zone", section("rule", "src=*", "proto=tcp", "dest_port=23", "target=ACCEPT"), true},
		{"own service, no protocol", section("rule", "src=wan", "dest_port=23", "target=ACCEPT"), true},
		{"forward switched off", section("redirect", "enabled=0", "src=wan", "proto=tcp", "src_dport=23", "dest=lan"), false},
		{"forward of another port", section("redirect", "src=wan", "proto=tcp", "src_dport=24-2323", "dest=lan"), false},
		{"forward of UDP", section("redirect", "src=wan", "proto=udp", "src_dport=23", "dest=lan"), false},
		{"forward of another zone", section("redirect", "src=guest", "proto=tcp", "src_dport=23", "dest=lan"), false},
		{"source NAT", section("redirect", "target=SNAT", "src=wan", "proto=tcp", "src_dport=23", "dest=lan"), false},
		{"rule for a machine behind", section("rule", "src=wan", "proto=tcp", "dest=lan", "dest_port=23", "target=ACCEPT"), false},
		{"rule that rejects", section("rule", "src=wan", "proto=tcp", "dest_port=23", "target=REJECT"), false},
		{"rule without ports", section("rule", "src=wan", "proto=all", "target=ACCEPT"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := redirectingRouter(t)
			r.write("uci/firewall", zones+test.rule)
			got := strings.Join(r.start("start").redirects(), "\n")
			if wins := !strings.Contains(got, telnet); wins != test.wins {
				t.Errorf("the user's rule wins: %v, redirects:\n%s", wins, got)
			}
			if logged := strings.Contains(r.stderr, "redirect of tcp port 23"); logged != test.wins {
				t.Errorf("logged: %v\n%s", logged, r.stderr)
			}
			if test.name != "forward of everything" && !strings.Contains(got, other) {
				t.Errorf("the other redirect is gone:\n%s", got)
			}
		})
	}
}

// A redirect that can't be is left out, and the log says why.
func TestOpenWrtBadRedirects(t *testing.T) {
	for _, test := range []struct{ options, want string }{
		{"option port 'telnet'\n\toption to '2323'", "both must be ports"},
		{"option port '23'", "both must be ports"},
		{"option port '0'\n\toption to '2323'", "both must be ports"},
		{"option port '65536'\n\toption to '2323'", "both must be ports"},
		{"option port '23'\n\toption to '23 24'", "both must be ports"},
		{"option port '23'\n\toption to '2323'\n\toption proto 'icmp'", "tcp or udp"},
	} {
		r := newRouter(t, "")
		r.write("uci/firewall", zones)
		r.write("uci/forager", "config forager 'main'\n\toption enabled '1'\nconfig redirect\n\t"+test.options+"\n")
		s := r.start("start")
		same(t, test.options, s.redirects(), nil)
		if !strings.Contains(r.stderr, test.want) || len(s.Instances) != 1 {
			t.Errorf("%s: instances %v, logged:\n%s", test.options, s.Instances, r.stderr)
		}
	}
}
