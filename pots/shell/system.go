package shell

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"forager/pots/persona"
)

func init() { register(systemCommands) }

var systemCommands = []command{
	{name: "uname", run: uname}, {name: "hostname", run: hostname}, {name: "arch", run: func(p *proc) int { p.print(p.p.Machine + "\n"); return 0 }},
	{name: "id", run: id}, {name: "whoami", run: func(p *proc) int { p.print(p.user.Name + "\n"); return 0 }}, {name: "groups", run: func(p *proc) int { p.print(p.groupName(p.user.GID) + "\n"); return 0 }},
	{name: "logname", run: func(p *proc) int { p.print(p.user.Name + "\n"); return 0 }}, {name: "users", run: func(p *proc) int { p.print(p.user.Name + "\n"); return 0 }},
	{name: "who", run: who}, {name: "w", run: who}, {name: "last", run: last}, {name: "uptime", run: uptime}, {name: "free", run: free}, {name: "date", run: date},
	{name: "dmesg", run: dmesg}, {name: "nproc", run: nproc}, {name: "lscpu", run: lscpu},
	{name: "lsmod", run: lsmod}, {name: "insmod", run: insmod, usage: "FILE [SYMBOL=VALUE]...", least: 1}, {name: "rmmod", run: rmmod, usage: "[-wfa] [MODULE]...", least: 1}, {name: "modprobe", run: insmod, usage: "MODULE", least: 1},
	{name: "mount", run: mount}, {name: "umount", run: succeed}, {name: "df", run: df}, {name: "swapoff", run: succeed}, {name: "swapon", run: succeed},
	{name: "passwd", run: passwd}, {name: "chpasswd", run: chpasswd}, {name: "useradd", run: succeed}, {name: "adduser", run: succeed}, {name: "usermod", run: succeed}, {name: "userdel", run: succeed}, {name: "deluser", run: succeed},
	{name: "crontab", run: crontab}, {name: "sleep", run: sleep, usage: "[N]...", least: 1}, {name: "usleep", run: sleep, usage: "N", least: 1},
	{name: "reboot", run: halt}, {name: "halt", run: halt}, {name: "poweroff", run: halt}, {name: "shutdown", run: halt}, {name: "init", run: succeed}, {name: "telinit", run: succeed},
	{name: "service", run: succeed}, {name: "systemctl", run: systemctl}, {name: "sysctl", run: sysctl}, {name: "logger", run: succeed}, {name: "update-rc.d", run: succeed}, {name: "chkconfig", run: succeed},
	{name: "stty", run: stty}, {name: "tty", run: tty}, {name: "clear", run: clear}, {name: "reset", run: clear}, {name: "getconf", run: getconf}, {name: "watchdog", run: succeed}, {name: "runlevel", run: func(p *proc) int { p.print("N 5\n"); return 0 }},
	{name: "lsb_release", run: lsbRelease}, {name: "lspci", run: succeed}, {name: "lsusb", run: succeed}, {name: "lsblk", run: succeed}, {name: "blkid", run: succeed}, {name: "fdisk", run: succeed},
	{name: "apt", run: apt}, {name: "apt-get", run: apt}, {name: "yum", run: apt}, {name: "dpkg", run: succeed}, {name: "opkg", run: succeed}, {name: "getenforce", run: func(p *proc) int { p.print("Disabled\n"); return 0 }},
}

func uname(p *proc) int {
	set, _ := p.flags("")
	for _, a := range p.args {
		if a == "--all" {
			set['a'] = ""
		}
	}
	if len(set) == 0 {
		set['s'] = ""
	}
	unknown := []string{"unknown", p.p.Machine}[b2i(p.p.BusyBox == "")]
	var list []string
	for _, f := range []struct{ letter, value string }{
		{"s", "Linux"}, {"n", p.hostname()}, {"r", p.p.Kernel}, {"v", p.p.KernelVersion}, {"m", p.p.Machine},
		{"p", unknown}, {"i", unknown}, {"o", "GNU/Linux"},
	} {
		switch {
		case has(set, f.letter):
		case !has(set, "a"), (f.letter == "p" || f.letter == "i") && p.p.BusyBox != "":
			continue
		}
		list = append(list, f.value)
	}
	p.print(strings.Join(list, " ") + "\n")
	return 0
}

func hostname(p *proc) int {
	set, args := p.flags("F")
	switch {
	case has(set, "iI"):
		p.print(p.p.Address.String() + "\n")
	case len(args) > 0:
		p.set("\x00hostname", clip(args[0], 64))
	default:
		p.print(p.hostname() + "\n")
	}
	return 0
}

func uptime(p *proc) int {
	uptimeLine(p, 1-b2i(p.p.BusyBox != ""))
	return 0
}

func uptimeLine(p *proc, users int) {
	now := p.cfg.Now()
	up := int(p.p.Uptime(now).Seconds())
	b := " " + now.UTC().Format("15:04:05") + " up "
	if days := up / 86400; days > 0 {
		b += strconv.Itoa(days) + " day" + "s"[:b2i(days > 1)] + ", "
	}
	if h, m := up/3600%24, up/60%60; h > 0 {
		b += fmt.Sprintf("%2d:%02d", h, m)
	} else {
		b += strconv.Itoa(m) + " min"
	}
	b += ", "
	if p.p.BusyBox == "" || !p.oldBusyBox() {
		b += fmt.Sprintf(" %d user%s, ", users, "s"[:b2i(users != 1)])
	}
	load := string(persona.AppendLoad(nil, p.p.Load(now)))
	p.print(b + " load average: " + strings.ReplaceAll(load, " ", ", ") + "\n")
}

func free(p *proc) int {
	set, _ := p.flags("sc")
	m := p.p.Memory(p.cfg.Now())
	unit := int64(1)
	switch {
	case has(set, "g"):
		unit = 1 << 20
	case has(set, "m"):
		unit = 1 << 10
	}
	show := func(kb int64) string {
		if has(set, "h") {
			return short(kb<<10) + "i"[:b2i(kb > 0)]
		}
		if has(set, "b") {
			return strconv.FormatInt(kb<<10, 10)
		}
		return strconv.FormatInt(kb/unit, 10)
	}
	row := func(form, name string, values ...int64) {
		p.printf("%s", name)
		for _, v := range values {
			p.printf(form, show(v))
		}
		p.print("\n")
	}
	switch {
	case p.p.BusyBox == "":
		p.print("              total        used        free      shared  buff/cache   available\n")
		cache := m.Buffers + m.Cached
		row("%12s", "Mem:   ", m.Total, m.Used()-cache, m.Free, m.Shared, cache, m.Available())
		row("%12s", "Swap:  ", m.SwapTotal, m.SwapTotal-m.SwapFree, m.SwapFree)
	case p.oldBusyBox():
		p.print("              total         used         free       shared      buffers\n")
		row("%13s", "  Mem:", m.Total, m.Used(), m.Free, m.Shared, m.Buffers)
		row("%13s", " Swap:", m.SwapTotal, m.SwapTotal-m.SwapFree, m.SwapFree)
		row("%13s", "Total:", m.Total+m.SwapTotal, m.Used()+m.SwapTotal-m.SwapFree, m.Free+m.SwapFree)
	default:
		p.print("              total        used        free      shared  buff/cache   available\n")
		cache := m.Buffers + m.Cached
		row("%12s", "Mem:  ", m.Total, m.Used()-cache, m.Free, m.Shared, cache, m.Available())
		row("%12s", "Swap: ", m.SwapTotal, m.SwapTotal-m.SwapFree, m.SwapFree)
	}
	return 0
}

// dateFormats are strftime's letters in Go's words.
var dateFormats = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'I': "03", 'p': "PM",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'e': "_2", 'j': "002", 'Z': "MST", 'z': "-0700",
	'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'N': "000000000",
}

func date(p *proc) int {
	now := p.cfg.Now().UTC()
	for _, a := range p.args {
		form, ok := strings.CutPrefix(a, "+")
		if !ok {
			continue
		}
		var b strings.Builder
		for i := 0; i < len(form); i++ {
			if form[i] != '%' || i+1 == len(form) {
				b.WriteByte(form[i])
				continue
			}
			i++
			switch layout, ok := dateFormats[form[i]]; {
			case form[i] == 's':
				b.WriteString(strconv.FormatInt(now.Unix(), 10))
			case form[i] == 'n':
				b.WriteByte('\n')
			case ok:
				b.WriteString(now.Format(layout))
			default:
				b.WriteString(form[i-b2i(form[i] != '%') : i+1])
			}
		}
		p.print(b.String() + "\n")
		return 0
	}
	p.print(now.Format("Mon Jan _2 15:04:05 MST 2006") + "\n")
	return 0
}

func dmesg(p *proc) int {
	p.print("[    0.000000] Linux version " + p.p.Kernel + " " + p.p.KernelVersion + "\n")
	p.print(p.p.Get("dmesg"))
	return 0
}

func (s *Shell) cpus() int {
	n, ok := atoi(s.p.Get("cpus"))
	if !ok {
		return 1
	}
	return n
}

func nproc(p *proc) int {
	p.printf("%d\n", p.cpus())
	return 0
}

func lscpu(p *proc) int {
	order := "Little Endian"
	if _, big := p.p.ELFMachine(); big {
		order = "Big Endian"
	}
	p.printf("%-21s%s\n%-21s%s\n%-21s%d\n%-21s%s\n", "Architecture:", p.p.Machine, "Byte Order:", order, "CPU(s):", p.cpus(), "Model name:", p.p.Get("cpu"))
	return 0
}

func lsmod(p *proc) int {
	data, err := p.fs.readPath("/proc/modules")
	if err != nil {
		return p.fail("/proc/modules: %v", err)
	}
	p.print("Module                  Size  Used by" + "    Not tainted"[:15*b2i(p.p.BusyBox != "")] + "\n")
	for _, line := range linesOf(data) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		by := strings.Trim(f[3], "-,")
		if by != "" {
			by = " " + by
		}
		p.printf("%-19s %8s  %s%s\n", f[0], f[1], f[2], by)
	}
	return 0
}

func insmod(p *proc) int {
	name := p.args[len(p.args)-1]
	if f, err := p.fs.walk(name, true); err == nil && f.isOwn() {
		p.tellRun(f.path, f.e, p.full)
		return p.fail("can't insert '%s': invalid module format", name)
	}
	if p.name == "modprobe" {
		return p.fail("module %s not found in modules.dep", name)
	}
	return p.fail("can't insert '%s': No such file or directory", name)
}

func rmmod(p *proc) int {
	return p.fail("can't unload module '%s': No such file or directory", p.args[0])
}

func mount(p *proc) int {
	_, args := p.flags("to")
	if len(args) > 0 {
		return 0
	}
	data, _ := p.fs.readPath("/proc/mounts")
	for _, line := range linesOf(data) {
		if f := strings.Fields(line); len(f) >= 4 {
			p.print(f[0] + " on " + f[1] + " type " + f[2] + " (" + f[3] + ")\n")
		}
	}
	return 0
}

// df prints the template's "df" lines: FILESYSTEM KB USED MOUNT.
func df(p *proc) int {
	set, _ := p.flags("tB")
	human := has(set, "hm")
	rows := [][]string{{"Filesystem", "1K-blocks", "Used", "Available", "Use%", "Mounted on"}}
	if human {
		rows[0][1] = "Size"
		if p.p.BusyBox == "" {
			rows[0][3] = "Avail"
		}
	}
	for _, line := range linesOf([]byte(p.p.Get("df"))) {
		if f := strings.Fields(line); len(f) >= 4 {
			rows = append(rows, dfRow(f, human))
		}
	}
	// BusyBox has fixed columns, coreutils those that fit.
	widths := []int{20, 9, 9, 9, 4}
	if p.p.BusyBox == "" {
		widths = []int{14, 5, 5, 5, 4}
		for _, r := range rows {
			for i := range widths {
				widths[i] = max(widths[i], len(r[i]))
			}
		}
	}
	for _, r := range rows {
		p.printf("%-*s %*s %*s %*s %*s %s\n", widths[0], r[0], widths[1], r[1], widths[2], r[2], widths[3], r[3], widths[4], r[4], r[5])
	}
	return 0
}

func dfRow(f []string, human bool) []string {
	size, _ := strconv.ParseInt(f[1], 10, 64)
	used, _ := strconv.ParseInt(f[2], 10, 64)
	percent := int64(0)
	if size > 0 {
		percent = (used*100 + size - 1) / size
	}
	show := func(kb int64) string {
		if human {
			return short(kb << 10)
		}
		return strconv.FormatInt(kb, 10)
	}
	return []string{f[0], show(size), show(used), show(size - used), strconv.FormatInt(percent, 10) + "%", f[3]}
}

// What sleeping and connecting take, within Limits.Delay.
const (
	maxSleep    = 5 * time.Second
	connectTime = 3 * time.Second
)

// wait lets time pass, as far as the session's limit allows.
func (s *Shell) wait(d time.Duration) {
	d = min(d, s.cfg.Limits.Delay-s.slept)
	if d <= 0 || s.cfg.Sleep == nil {
		return
	}
	s.slept += d
	s.cfg.Sleep(d)
}

func sleep(p *proc) int {
	total := time.Duration(0)
	for _, a := range p.args {
		number := strings.TrimRight(a, "smhd")
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || v < 0 {
			return p.fail("invalid number '%s'", a)
		}
		unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[a[len(number):]]
		if unit == 0 {
			unit = time.Second
		}
		if p.name == "usleep" {
			unit = time.Microsecond
		}
		total += time.Duration(min(v, 1e6) * float64(unit))
	}
	p.wait(min(total, maxSleep))
	return 0
}

// halt ends the session, as a reboot would.
func halt(p *proc) int {
	p.level = 0
	p.flow = flowExit
	return 0
}

func systemctl(p *proc) int {
	if len(p.args) > 1 && (p.args[0] == "status" || p.args[0] == "is-active") {
		p.print("inactive\n")
		return 3
	}
	return 0
}

func sysctl(p *proc) int {
	_, args := p.flags("")
	for _, a := range args {
		if key, value, ok := strings.Cut(a, "="); ok {
			p.print(key + " = " + value + "\n")
		}
	}
	return 0
}

func stty(p *proc) int {
	if len(p.args) == 0 {
		p.print("speed 38400 baud; line = 0;\n-brkint -imaxbel\n")
	} else if p.args[0] == "size" {
		p.print("24 80\n")
	}
	return 0
}

func tty(p *proc) int {
	if p.exec {
		p.print("not a tty\n")
		return 1
	}
	p.print("/dev/pts/0\n")
	return 0
}

func clear(p *proc) int {
	p.print("\x1b[H\x1b[J")
	return 0
}

func getconf(p *proc) int {
	machine, _ := p.p.ELFMachine()
	if len(p.args) > 0 && p.args[0] == "LONG_BIT" {
		p.printf("%d\n", 32<<b2i(machine == 62 || machine == 183))
	} else if len(p.args) > 0 && strings.HasPrefix(p.args[0], "_NPROCESSORS") {
		return nproc(p)
	}
	return 0
}

func lsbRelease(p *proc) int {
	p.print(p.p.Get("lsb"))
	return 0
}

func apt(p *proc) int {
	if p.user.UID != 0 {
		return p.fail("Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)") + 99
	}
	p.print("Reading package lists... Done\nBuilding dependency tree       \nReading state information... Done\n")
	p.wait(connectTime)
	for _, a := range p.args {
		if a != "install" && !strings.HasPrefix(a, "-") && a != "update" && a != "upgrade" && a != "remove" {
			_, _ = p.err.Write([]byte("E: Unable to locate package " + a + "\n"))
			return 100
		}
	}
	return 0
}
