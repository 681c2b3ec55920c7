package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// ticks a second in /proc/PID/stat: USER_HZ, on every architecture we
	// build for.
	ticks = 100
	// maxStat is more than /proc/PID/stat has: 52 numbers and a name of 64
	// bytes at most.
	maxStat = 2 << 10
	// maxList is more than a list of a thousand children has.
	maxList = 8 << 10
	// maxScan is how many processes of the machine are looked at: the kernel's
	// own usual limit (pid_max).
	maxScan = 1 << 15
)

// proc is a process as /proc/PID/stat tells, proc_pid_stat(5).
type proc struct {
	pid, ppid int
	session   int
	threads   int
	state     byte
	cpu       time.Duration // of it, and of its children that it has waited for
	pages     int64         // resident
}

// parseStat reads a line of /proc/PID/stat. The name, in parentheses, may hold
// anything, so the last parenthesis counts.
func parseStat(b []byte) (p proc, ok bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 1 || end < open {
		return p, false
	}
	p.pid = int(number(bytes.TrimSpace(b[:open])))
	f := bytes.Fields(b[end+1:]) // field 3 is f[0]
	if p.pid <= 0 || len(f) < 22 || len(f[0]) != 1 {
		return p, false
	}
	p.state = f[0][0]
	p.ppid, p.session, p.threads = int(number(f[1])), int(number(f[3])), int(number(f[17]))
	for _, n := range f[11:15] { // utime stime cutime cstime
		p.cpu += time.Duration(number(n)) * (time.Second / ticks)
	}
	p.pages = number(f[21])
	return p, true
}

// number reads a number of /proc; what is none is 0.
func number(b []byte) int64 {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// descendants returns the processes that come from pid, without it, in no
// order but that parents stand before their children.
func descendants(pid int) []proc { return below(allProcs(), pid) }

// children is descendants by the lists that kernels with CONFIG_PROC_CHILDREN
// have, which costs a few reads and not some for every process of the machine.
// One that forks meanwhile may be missing. Not ok: there are no lists, or one is too long.
func children(pid int) (found []proc, ok bool) {
	buf := make([]byte, maxList)
	for from, parent := 0, pid; ; from++ {
		task := "/proc/" + strconv.Itoa(parent) + "/task"
		threads, err := os.ReadDir(task)
		if err != nil && parent == pid {
			return nil, false
		}
		for _, t := range threads {
			list := readProc(task+"/"+t.Name()+"/children", buf)
			if list == nil && parent == pid || len(list) == maxList {
				return nil, false
			}
			for _, child := range strings.Fields(string(list)) {
				if p, ok := parseStat(readProc("/proc/"+child+"/stat", buf)); ok {
					found = append(found, p)
				}
			}
		}
		if from >= len(found) || len(found) > maxScan {
			return found, true
		}
		parent = found[from].pid
	}
}

// below picks the descendants of pid.
func below(all []proc, pid int) []proc {
	var found []proc
	for from, parent := 0, pid; ; from++ {
		for _, p := range all {
			if p.ppid == parent && p.pid != parent {
				found = append(found, p)
			}
		}
		if from >= len(found) || len(found) > maxScan {
			return found
		}
		parent = found[from].pid
	}
}

// allProcs reads what /proc shows.
func allProcs() []proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	var all []proc
	buf := make([]byte, maxStat)
	for len(all) < maxScan {
		names, err := dir.Readdirnames(128)
		for _, name := range names {
			if name[0] < '1' || name[0] > '9' {
				continue
			}
			if p, ok := parseStat(readProc("/proc/"+name+"/stat", buf)); ok {
				all = append(all, p)
			}
		}
		if err != nil {
			break
		}
	}
	return all
}

// readProc reads the beginning of a file of /proc into buf; nil when it can't.
// It leaves out what package os does for files that may block.
func readProc(path string, buf []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n := 0
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		if m <= 0 && err != unix.EINTR {
			break
		}
		n += max(m, 0)
	}
	return buf[:n:n]
}

// usage is what a keeper's descendants use.
type usage struct {
	pid       int // of the program: the first of a session of its own below the keeper
	processes int // and threads
	memory    int64
	cpu       time.Duration
	pids      []int
}

// measure sums up what came from keeper. Memory is the sum of what is
// resident; only when that is more than enough, and exact for good measure, it
// is counted again with what is shared divided by those who share it.
func measure(keeper int, enough int64) (u usage) {
	own, _ := parseStat(readProc("/proc/"+strconv.Itoa(keeper)+"/stat", make([]byte, maxStat)))
	u.cpu = own.cpu
	found, ok := children(keeper)
	if !ok {
		found = descendants(keeper)
	}
	for _, p := range found {
		if u.pid == 0 && p.ppid == keeper && p.session == p.pid {
			u.pid = p.pid
		}
		u.processes += max(p.threads, 1)
		u.memory += p.pages * int64(os.Getpagesize())
		u.cpu += p.cpu
		u.pids = append(u.pids, p.pid)
	}
	if u.memory > enough {
		u.memory = proportional(u.pids, u.memory)
	}
	return u
}

// proportional is the memory of processes with what is shared counted once, as
// far as the kernel tells (Linux 4.14, and the right to look); at most most.
func proportional(pids []int, most int64) int64 {
	sum := int64(0)
	buf := make([]byte, maxStat)
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid)
		b := readProc(dir+"/smaps_rollup", buf)
		kb, ok := field(b, "Pss:")
		if !ok { // an older kernel, or not for us: at least without the files
			b = readProc(dir+"/status", buf)
			anon, _ := field(b, "RssAnon:")
			shared, _ := field(b, "RssShmem:")
			kb = anon + shared
		}
		sum += kb << 10
	}
	return min(sum, most)
}

// field finds a value of the lines of /proc/PID/status and the like.
func field(b []byte, name string) (kb int64, ok bool) {
	for line := range bytes.Lines(b) {
		if rest, found := bytes.CutPrefix(line, []byte(name)); found {
			if f := bytes.Fields(rest); len(f) > 0 {
				return number(f[0]), true
			}
		}
	}
	return 0, false
}
