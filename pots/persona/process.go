package persona

import (
	"strconv"
	"strings"
	"time"
)

// Process is a line of ps.
type Process struct {
	PID, PPID int
	User      string
	VSZ       int // kB
	Stat      string
	Command   string // kernel threads in brackets
	CPU       int    // seconds used
}

// processLine is a process of the template; pids from shiftPID on differ from
// device to device.
type processLine struct {
	pid     int
	user    string
	vsz     int
	stat    string
	command string
}

const shiftPID = 200

// Processes returns what runs on the device, sorted by pid.
func (p *Persona) Processes(now time.Time) []Process {
	list := make([]Process, 0, len(p.t.process)+4)
	last := 0
	for _, l := range p.t.process {
		pid := l.pid
		if pid >= shiftPID {
			pid += int(p.hash("pid")%150) + int(p.hash(l.command)%5)
			pid = max(pid, last+1)
		}
		last = pid
		// Programs use up to 0.2 % of the time, threads of the kernel a tenth.
		cpu := int(p.Uptime(now).Seconds()) * int(p.hash(l.command)%16) / 8000
		if l.vsz == 0 {
			cpu /= 10
		}
		parent := 1
		if pid == 1 || pid == 2 {
			parent = 0
		} else if l.vsz == 0 {
			parent = 2
		}
		list = append(list, Process{PID: pid, PPID: parent, User: l.user, VSZ: l.vsz, Stat: l.stat,
			Command: p.Expand(l.command, now), CPU: cpu})
	}
	return list
}

// LastPID is about what a new process gets.
func (p *Persona) LastPID(now time.Time) int {
	low := 900 + int(p.hash("pid")%400)
	return low + int(p.Uptime(now).Seconds())/37%28000
}

// parseProcess reads "PID USER VSZ STAT COMMAND".
func parseProcess(line string) (processLine, error) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return processLine{}, errProcess
	}
	pid, err1 := strconv.Atoi(f[0])
	vsz, err2 := strconv.Atoi(f[2])
	if err1 != nil || err2 != nil || pid < 1 || pid > 32000 || vsz < 0 {
		return processLine{}, errProcess
	}
	at := 0
	for range 4 { // behind the fourth field
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " \t"))
		at += strings.IndexAny(line[at:], " \t")
	}
	return processLine{pid, f[1], vsz, f[3], strings.TrimSpace(line[at:])}, nil
}
