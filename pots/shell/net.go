package shell

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func init() { register(netCommands) }

var netCommands = []command{
	{name: "ifconfig", run: ifconfig}, {name: "ip", run: ip}, {name: "route", run: route}, {name: "netstat", run: netstat}, {name: "ss", run: netstat}, {name: "arp", run: arp},
	{name: "iptables", run: iptables}, {name: "ip6tables", run: iptables}, {name: "iptables-save", run: succeed}, {name: "ufw", run: succeed}, {name: "firewall-cmd", run: succeed}, {name: "brctl", run: succeed}, {name: "iwconfig", run: succeed}, {name: "vconfig", run: succeed},
	{name: "ping", run: ping, usage: "[OPTIONS] HOST", least: 1}, {name: "ping6", run: ping, usage: "[OPTIONS] HOST", least: 1},
	{name: "traceroute", run: ping, usage: "[OPTIONS] HOST", least: 1}, {name: "arping", run: succeed}, {name: "nslookup", run: nslookup, usage: "[HOST] [SERVER]", least: 1},
	{name: "host", run: nslookup, least: 1}, {name: "dig", run: nslookup, least: 1},
	{name: "nc", run: nc, usage: "[IPADDR PORT]", least: 1}, {name: "netcat", run: nc, least: 1}, {name: "ncat", run: nc, least: 1}, {name: "telnet", run: nc, usage: "[-a] [-l USER] HOST [PORT]", least: 1},
	{name: "ssh", run: ssh}, {name: "ssh-keygen", run: succeed}, {name: "telnetd", run: succeed}, {name: "dropbear", run: succeed}, {name: "sshd", run: succeed}, {name: "httpd", run: succeed},
}

func (p *proc) errf(format string, args ...any) { _, _ = fmt.Fprintf(p.err, format, args...) }

// device is an interface of the persona: a line "NAME KIND" of its "net".
type device struct {
	name, kind, mac string
	addr, mask      string
	prefix          int
	up              bool
}

func (s *Shell) devices() []device {
	var list []device
	mac := 0
	for _, line := range linesOf([]byte(s.p.Get("net"))) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		d := device{name: f[0], kind: f[1], up: true}
		switch d.kind {
		case "lo":
			d.addr, d.mask, d.prefix = "127.0.0.1", "255.0.0.0", 8
		case "wan":
			d.addr, d.mask, d.prefix = s.p.Get("wan.ip"), "255.255.255.0", 24
		case "main":
			d.addr, d.mask, d.prefix = s.p.Address.String(), "255.255.255.0", 24
		}
		if d.kind != "lo" {
			if d.mac = s.p.MAC; d.kind == "wan" {
				d.mac = s.p.Expand("%{mac+1}", s.cfg.Now())
			}
			mac++
		}
		list = append(list, d)
	}
	return list
}

// counters are an interface's, from /proc/net/dev.
func (s *Shell) counters(name string) (rx, rxPackets, tx, txPackets string) {
	data, _ := s.fs.readPath("/proc/net/dev")
	for _, line := range linesOf(data) {
		dev, rest, ok := strings.Cut(line, ":")
		if f := strings.Fields(rest); ok && strings.TrimSpace(dev) == name && len(f) > 10 {
			return f[0], f[1], f[8], f[9]
		}
	}
	return "0", "0", "0", "0"
}

// size with a unit, as ifconfig shows it.
func ifSize(bytes string) string {
	v, _ := strconv.ParseFloat(bytes, 64)
	unit := 0
	for v >= 1024 && unit < 3 {
		v /= 1024
		unit++
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + []string{"B", "KiB", "MiB", "GiB"}[unit]
}

func broadcast(addr string) string {
	if i := strings.LastIndexByte(addr, '.'); i >= 0 {
		return addr[:i] + ".255"
	}
	return addr
}

func ifconfig(p *proc) int {
	_, args := p.flags("")
	if len(args) > 1 {
		return 0 // it sets something
	}
	found := false
	for _, d := range p.devices() {
		if len(args) > 0 && args[0] != d.name {
			continue
		}
		found = true
		if p.p.BusyBox == "" {
			p.ifconfigNew(d)
			continue
		}
		p.ifconfigOld(d)
	}
	if !found && len(args) > 0 {
		return p.fail("%s: error fetching interface information: Device not found", args[0])
	}
	return 0
}

func (p *proc) ifconfigOld(d device) {
	if d.kind == "lo" {
		p.printf("%-9s Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n", d.name)
		p.print("          UP LOOPBACK RUNNING  MTU:16436  Metric:1\n")
	} else {
		p.printf("%-9s Link encap:Ethernet  HWaddr %s  \n", d.name, strings.ToUpper(d.mac))
		if d.addr != "" {
			p.printf("          inet addr:%s  Bcast:%s  Mask:%s\n", d.addr, broadcast(d.addr), d.mask)
		}
		p.print("          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n")
	}
	rx, rxp, tx, txp := p.counters(d.name)
	queue := 1000
	if d.kind == "lo" || d.kind == "main" {
		queue = 0
	}
	p.printf("          RX packets:%s errors:0 dropped:0 overruns:0 frame:0\n          TX packets:%s errors:0 dropped:0 overruns:0 carrier:0\n", rxp, txp)
	p.printf("          collisions:0 txqueuelen:%d \n          RX bytes:%s (%s)  TX bytes:%s (%s)\n\n", queue, rx, ifSize(rx), tx, ifSize(tx))
}

func (p *proc) ifconfigNew(d device) {
	rx, rxp, tx, txp := p.counters(d.name)
	if d.kind == "lo" {
		p.printf("%s: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask 255.0.0.0\n        loop  txqueuelen 1000  (Local Loopback)\n", d.name)
	} else {
		p.printf("%s: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n", d.name)
		if d.addr != "" {
			p.printf("        inet %s  netmask %s  broadcast %s\n", d.addr, d.mask, broadcast(d.addr))
		}
		p.printf("        ether %s  txqueuelen 1000  (Ethernet)\n", d.mac)
	}
	p.printf("        RX packets %s  bytes %s (%s)\n        RX errors 0  dropped 0  overruns 0  frame 0\n", rxp, rx, strings.Replace(ifSize(rx), "i", "", 1))
	p.printf("        TX packets %s  bytes %s (%s)\n        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n", txp, tx, strings.Replace(ifSize(tx), "i", "", 1))
}

func ip(p *proc) int {
	_, args := p.flags("f")
	if len(args) == 0 {
		return p.Shell.usage("ip", &command{usage: "[OPTIONS] address|route|link|neigh|rule [ARGS]"}, &p.stdio)
	}
	switch what := args[0]; {
	case strings.HasPrefix("route", what):
		if len(args) < 2 || args[1] == "show" || args[1] == "list" {
			p.ipRoute()
		}
	case strings.HasPrefix("address", what), strings.HasPrefix("link", what):
		if len(args) < 2 || args[1] == "show" || args[1] == "list" {
			p.ipAddr(strings.HasPrefix("address", what))
		}
	case strings.HasPrefix("neighbour", what):
		data, _ := p.fs.readPath("/proc/net/arp")
		for _, line := range linesOf(data) {
			if f := strings.Fields(line); len(f) == 6 {
				p.printf("%s dev %s lladdr %s REACHABLE\n", f[0], f[5], f[3])
			}
		}
	}
	return 0
}

func (p *proc) ipAddr(addrs bool) {
	for i, d := range p.devices() {
		if d.kind == "lo" {
			p.printf("%d: %s: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n", i+1, d.name)
		} else {
			p.printf("%d: %s: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP qlen 1000\n    link/ether %s brd ff:ff:ff:ff:ff:ff\n", i+1, d.name, d.mac)
		}
		if !addrs || d.addr == "" {
			continue
		}
		if d.kind == "lo" {
			p.print("    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n")
			continue
		}
		p.printf("    inet %s/%d brd %s scope global %s\n       valid_lft forever preferred_lft forever\n", d.addr, d.prefix, broadcast(d.addr), d.name)
	}
}

func (s *Shell) network(d device) string {
	a, err := netip.ParseAddr(d.addr)
	if err != nil {
		return d.addr
	}
	prefix, err := a.Prefix(d.prefix)
	if err != nil {
		return d.addr
	}
	return prefix.Addr().String()
}

// gatewayDevice is the interface that the default route leaves by.
func (s *Shell) gatewayDevice() string {
	name := "eth0"
	for _, d := range s.devices() {
		if d.kind == "wan" {
			return d.name
		}
		if d.kind == "main" {
			name = d.name
		}
	}
	return name
}

func (p *proc) ipRoute() {
	p.printf("default via %s dev %s \n", p.p.Gateway, p.gatewayDevice())
	for _, d := range p.devices() {
		if d.addr != "" && d.kind != "lo" {
			p.printf("%s/%d dev %s  src %s \n", p.network(d), d.prefix, d.name, d.addr)
		}
	}
}

func route(p *proc) int {
	_, args := p.flags("A")
	if len(args) > 0 {
		return 0
	}
	p.print("Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n")
	row := func(to, via, mask, flags, dev string) {
		p.printf("%-15s %-15s %-15s %-5s 0      0        0 %s\n", to, via, mask, flags, dev)
	}
	to := "default"
	if len(p.args) > 0 && strings.Contains(p.args[0], "n") {
		to = "0.0.0.0"
	}
	row(to, p.p.Gateway.String(), "0.0.0.0", "UG", p.gatewayDevice())
	for _, d := range p.devices() {
		if d.addr != "" && d.kind != "lo" {
			row(p.network(d), "0.0.0.0", d.mask, "U", d.name)
		}
	}
	return 0
}

// netstat prints the template's "ports" (PROTO PORT PROGRAM) and the session.
func netstat(p *proc) int {
	set, _ := p.flags("A")
	if has(set, "r") {
		return route(p)
	}
	names := has(set, "p")
	head := "Active Internet connections (w/o servers)"
	if has(set, "a") {
		head = "Active Internet connections (servers and established)"
	} else if has(set, "l") {
		head = "Active Internet connections (only servers)"
	}
	p.print(head + "\nProto Recv-Q Send-Q Local Address           Foreign Address         State       ")
	if names {
		p.print("PID/Program name    ")
	}
	p.print("\n")
	for i, line := range linesOf([]byte(p.p.Get("ports"))) {
		f := strings.Fields(line)
		if len(f) < 3 || !has(set, "al") || has(set, "t") && !has(set, "u") && f[0] != "tcp" || has(set, "u") && !has(set, "t") && f[0] != "udp" {
			continue
		}
		state := ""
		if f[0] == "tcp" {
			state = "LISTEN"
		}
		p.printf("%-5s      0      0 %-23s %-23s %-11s ", f[0], "0.0.0.0:"+f[1], "0.0.0.0:*", state)
		if names {
			p.printf("%d/%s", 210+37*i, f[2])
		}
		p.print("\n")
	}
	if !has(set, "l") && p.cfg.Client != "" {
		port := "23"
		if p.p.Bash {
			port = "22"
		}
		p.printf("tcp        0      0 %-23s %-23s %-11s \n", p.p.Address.String()+":"+port, p.cfg.Client+":"+strconv.Itoa(32768+p.Shell.pid()%28000), "ESTABLISHED")
	}
	return 0
}

func arp(p *proc) int {
	data, _ := p.fs.readPath("/proc/net/arp")
	for _, line := range linesOf(data) {
		if f := strings.Fields(line); len(f) == 6 {
			p.printf("? (%s) at %s [ether]  on %s\n", f[0], f[3], f[5])
		}
	}
	return 0
}

func iptables(p *proc) int {
	set, _ := p.flags("AIDPtjpsdimXNZ")
	if !has(set, "LS") {
		return 0
	}
	for i, chain := range []string{"INPUT", "FORWARD", "OUTPUT"} {
		p.print("\n"[b2i(i == 0):] + "Chain " + chain + " (policy ACCEPT)\ntarget     prot opt source               destination         \n")
	}
	return 0
}

// ping gets no answers.
func ping(p *proc) int {
	set, args := p.flags("cWwIstiqm")
	if len(args) == 0 {
		return p.fail("missing host")
	}
	n := 4
	if v, ok := set['c']; ok {
		n, _ = atoi(v)
	}
	n = min(max(n, 1), 4)
	host := args[0]
	if p.name == "traceroute" {
		p.printf("traceroute to %s (%s), 30 hops max, 38 byte packets\n", host, host)
		return 0
	}
	if p.p.BusyBox == "" {
		p.printf("PING %s (%s) 56(84) bytes of data.\n", host, host)
	} else {
		p.printf("PING %s (%s): 56 data bytes\n", host, host)
	}
	p.wait(connectTime)
	if p.p.BusyBox == "" {
		p.printf("\n--- %s ping statistics ---\n%d packets transmitted, 0 received, 100%% packet loss, time %dms\n\n", host, n, 1017*(n-1))
		return 1
	}
	p.printf("\n--- %s ping statistics ---\n%d packets transmitted, 0 packets received, 100%% packet loss\n", host, n)
	return 1
}

func nslookup(p *proc) int {
	_, args := p.flags("t")
	p.wait(connectTime)
	p.print(";; connection timed out; no servers could be reached\n\n")
	if len(args) > 0 && p.name == "nslookup" {
		return 1
	}
	return 9
}

// nc records where it would have gone, and what it would have sent.
func nc(p *proc) int {
	list := socketFetches(p.args)
	if len(list) == 0 {
		if strings.Contains(strings.Join(p.args, " "), "-l") {
			return 0
		}
		return p.Shell.usage(p.name, commandOf(p.name), &p.stdio)
	}
	return p.each(list, func(f fetch) int {
		p.wait(connectTime)
		if p.name == "telnet" {
			p.say("telnet: can't connect to remote host (%s): Connection timed out\n", f.host)
			return 1
		}
		return p.fail("can't connect to remote host (%s): Connection timed out", f.host)
	})
}

// ssh records where it would have gone.
func ssh(p *proc) int {
	_, args := p.flags("piloFLRDbcmEIJQSWw")
	if len(args) == 0 {
		p.say("usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] destination [command]\n")
		return 255
	}
	host := args[0][strings.LastIndexByte(args[0], '@')+1:]
	p.tellDownload(download{url: "ssh://" + args[0], tool: p.name})
	p.wait(connectTime)
	p.say("ssh: connect to host %s port 22: Connection timed out\n", host)
	return 255
}
