package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"forager/pots/persona"
)

func init() { register(processCommands) }

var processCommands = []command{
	{name: "ps", run: ps}, {name: "top", run: top}, {name: "htop", run: top}, {name: "pidof", run: pidof, usage: "[NAME]...", least: 1}, {name: "pgrep", run: pidof, usage: "PATTERN", least: 1},
	{name: "killall", run: killall, usage: "[-lq] [-SIG] PROCESS_NAME...", least: 1}, {name: "pkill", run: killall, usage: "PATTERN", least: 1},
	{name: "killall5", run: succeed}, {name: "fuser", run: func(*proc) int { return 1 }}, {name: "lsof", run: succeed}, {name: "pstree", run: succeed},
}

// processes is what runs: the device's and the session's own.
func (p *proc) processes() []persona.Process {
	now := p.cfg.Now()
	list := p.p.Processes(now)
	p.workOn(p.full)
	p.work(64 * len(list))
	pid := p.Shell.pid()
	list = append(list,
		persona.Process{PID: pid, PPID: 1, User: p.user.Name, VSZ: 1448, Stat: "S", Command: p.Shell.name()},
		persona.Process{PID: pid + 1 + p.pids, PPID: pid, User: p.user.Name, VSZ: 1436, Stat: "R", Command: strings.Join(p.full, " ")})
	killed := p.vars["\x00killed"]
	return slices.DeleteFunc(list, func(q persona.Process) bool { return strings.Contains(killed, fmt.Sprintf(" %d ", q.PID)) })
}

func ps(p *proc) int {
	flags := strings.TrimLeft(strings.Join(p.args, ""), "-")
	list := p.processes()
	switch {
	case strings.HasPrefix(p.p.BusyBox, "1.0"):
		p.print("  PID  Uid     VmSize Stat Command\n")
		for _, q := range list {
			size := strings.Repeat(" ", 10)
			if q.VSZ > 0 {
				size = fmt.Sprintf("%10d", q.VSZ)
			}
			p.printf("%5d %-8s%s %-4s %s\n", q.PID, clip(q.User, 8), size[2:], q.Stat, q.Command)
		}
	case p.p.BusyBox != "":
		p.print("  PID USER       VSZ STAT COMMAND\n")
		for _, q := range list {
			p.printf("%5d %-8s %5d %-4s %s\n", q.PID, clip(q.User, 8), q.VSZ, q.Stat, q.Command)
		}
	case strings.Contains(flags, "u"):
		p.print("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
		for _, q := range list {
			p.printf("%-8s %7d  0.0  %d.%d %6d %5d ?        %-4s %s %3d:%02d %s\n", q.User, q.PID, b2i(q.VSZ > 60000), q.VSZ/9000%10, q.VSZ, q.VSZ/12, q.Stat,
				p.p.Boot(p.cfg.Now()).UTC().Format("Jan02"), q.CPU/60, q.CPU%60, q.Command)
		}
	case strings.ContainsAny(flags, "ef"):
		p.print("UID          PID    PPID  C STIME TTY          TIME CMD\n")
		for _, q := range list {
			p.printf("%-8s %7d %7d  0 %s ?        %02d:%02d:%02d %s\n", q.User, q.PID, q.PPID, p.p.Boot(p.cfg.Now()).UTC().Format("Jan02"), q.CPU/3600, q.CPU/60%60, q.CPU%60, q.Command)
		}
	default:
		p.print("    PID TTY          TIME CMD\n")
		if strings.ContainsAny(flags, "axA") {
			for _, q := range list {
				p.printf("%7d ?        %02d:%02d:%02d %s\n", q.PID, q.CPU/3600, q.CPU/60%60, q.CPU%60, q.Command)
			}
			break
		}
		for _, q := range list[max(len(list)-2, 0):] {
			word, _, _ := strings.Cut(strings.TrimPrefix(q.Command, "-"), " ")
			p.printf("%7d pts/0    00:00:00 %s\n", q.PID, word)
		}
	}
	return 0
}

func top(p *proc) int {
	now := p.cfg.Now()
	m := p.p.Memory(now)
	load := string(persona.AppendLoad(nil, p.p.Load(now)))
	list := p.processes()
	if p.p.BusyBox == "" {
		return p.topProcps(m, list)
	}
	p.printf("Mem: %dK used, %dK free, %dK shrd, %dK buff, %dK cached\n", m.Used(), m.Free, m.Shared, m.Buffers, m.Cached)
	p.print("CPU:   2% usr   4% sys   0% nic  93% idle   0% io   0% irq   1% sirq\n")
	p.printf("Load average: %s 1/%d %d\n  PID  PPID USER     STAT   VSZ %%VSZ %%CPU COMMAND\n", load, len(list), p.p.LastPID(now))
	for i, q := range list {
		if i >= 20 {
			break
		}
		p.printf("%5d %5d %-8s %-4s %5d %3d%%   0%% %s\n", q.PID, q.PPID, clip(q.User, 8), q.Stat, q.VSZ, int64(q.VSZ)*100/max(m.Total, 1), clip(q.Command, 60))
	}
	return 0
}

// topProcps is the top of full systems.
func (p *proc) topProcps(m persona.Memory, list []persona.Process) int {
	p.print("top -")
	uptimeLine(p, 1)
	p.printf("Tasks: %3d total,   1 running, %3d sleeping,   0 stopped,   0 zombie\n", len(list), len(list)-1)
	p.print("%Cpu(s):  0.7 us,  0.3 sy,  0.0 ni, 99.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n")
	mb := func(kb int64) string { return fmt.Sprintf("%d.%d", kb>>10, kb>>7&7) }
	p.printf("MiB Mem : %8s total, %8s free, %8s used, %8s buff/cache\n", mb(m.Total), mb(m.Free), mb(m.Used()-m.Buffers-m.Cached), mb(m.Buffers+m.Cached))
	p.printf("MiB Swap: %8s total, %8s free, %8s used. %8s avail Mem \n\n", mb(m.SwapTotal), mb(m.SwapFree), mb(m.SwapTotal-m.SwapFree), mb(m.Available()))
	p.print("    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n")
	for _, q := range list[:min(len(list), 17)] {
		word, _, _ := strings.Cut(strings.Trim(q.Command, "[]"), " ")
		p.printf("%7d %-8s  20   0 %7d %6d %6d %s   0.0 %5.1f %6d:%02d.%02d %s\n", q.PID, q.User, q.VSZ, q.VSZ/12, q.VSZ/20, q.Stat[:1],
			float64(q.VSZ)/12*100/float64(max(m.Total, 1)), q.CPU/60, q.CPU%60, q.PID%100, baseName(word))
	}
	return 0
}

// isNamed tells whether a process goes by a name.
func isNamed(q persona.Process, name string, part bool) bool {
	word, _, _ := strings.Cut(q.Command, " ")
	if part {
		return strings.Contains(word, name)
	}
	return baseName(word) == name || word == name
}

func pidof(p *proc) int {
	_, args := p.flags("")
	var pids []string
	for _, q := range p.processes() {
		for _, name := range args {
			if isNamed(q, name, p.name == "pgrep") && q.Command != strings.Join(p.full, " ") {
				pids = append(pids, strconv.Itoa(q.PID))
			}
		}
	}
	if len(pids) == 0 {
		return 1
	}
	sep := " "
	if p.name == "pgrep" {
		sep = "\n"
	}
	p.print(strings.Join(pids, sep) + "\n")
	return 0
}

func killall(p *proc) int {
	_, names := p.flags("us")
	status := 0
	for _, name := range names {
		if !p.step(1) {
			break
		}
		found := false
		for _, q := range p.processes() {
			if isNamed(q, name, p.name == "pkill") && q.Command != strings.Join(p.full, " ") {
				found = true
				p.killed(q.PID)
			}
		}
		if found {
			continue
		}
		status = 1
		if p.name == "killall" && p.p.BusyBox != "" {
			p.fail("%s: no process killed", name)
		} else if p.name == "killall" {
			_, _ = p.err.Write([]byte(name + ": no process found\n"))
		}
	}
	return status
}

// killed takes a process out of what ps shows.
func (s *Shell) killed(pid int) {
	if old := s.vars["\x00killed"]; len(old) < 1024 {
		s.set("\x00killed", old+" "+strconv.Itoa(pid)+" ")
	}
}

func kill(p *proc) int {
	if p.args[0] == "-l" {
		p.print("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM\n")
		return 0
	}
	args := p.args
	if len(args) > 1 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	status := 0
	for _, a := range args {
		if !p.step(1) {
			break
		}
		pid, ok := atoi(a)
		switch {
		case !ok && !strings.HasPrefix(a, "%"):
			p.complain(&p.stdio, "kill: invalid number '%s'", a)
			status = 1
		case pid <= 0:
		case pid == p.Shell.pid():
			p.flow = flowExit
			return 137
		case slices.ContainsFunc(p.processes(), func(q persona.Process) bool { return q.PID == pid }):
			p.killed(pid)
		case p.p.Bash:
			p.complain(&p.stdio, "kill: (%d) - No such process", pid)
			status = 1
		default:
			p.complain(&p.stdio, "can't kill pid %d: No such process", pid)
			status = 1
		}
	}
	return status
}
