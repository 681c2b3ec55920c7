package board

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxFact is how many bytes of a file under /proc or /sys are read; meminfo
// and cgroup are a few hundred to 2 KB.
const maxFact = 16 << 10

// Machine is where this package reads what it knows. The zero value is the
// machine that runs it; tests point the paths at fixtures.
type Machine struct {
	Root string // what stands before every path that has no field here; default none

	Meminfo    string // default /proc/meminfo (proc(5))
	SelfCgroup string // default /proc/self/cgroup (cgroups(7))
	CgroupRoot string // default /sys/fs/cgroup

	SmapsRollup string // default /proc/self/smaps_rollup (proc(5))
	SelfStatus  string // default /proc/self/status (proc(5))
}

// Memory returns how many bytes this process may use: the machine's MemTotal
// or a lower limit of its cgroup, version 1 or 2, or of one above it. It
// fails when MemTotal can't be read; a limit that can't be read is none.
func (m Machine) Memory() (int64, error) {
	total, err := m.total()
	if err != nil {
		return 0, fmt.Errorf("memory of the machine unknown: %w", err)
	}
	if limit, ok := m.cgroupLimit(); ok && limit < total {
		return limit, nil
	}
	return total, nil
}

func (m Machine) total() (int64, error) {
	text, err := readFact(or(m.Meminfo, "/proc/meminfo"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			n, err := kibibytes(rest)
			if err == nil && n == 0 {
				err = errors.New("none")
			}
			return n, err
		}
	}
	return 0, errors.New("no MemTotal in meminfo")
}

// kibibytes reads a value of /proc, "   60928 kB", into bytes.
func kibibytes(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "kB")), 10, 43)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("want a number of kB, not %q", strings.TrimSpace(s))
	}
	return n << 10, nil
}

// cgroupLimit returns the lowest limit from the process's cgroup up to the
// root: a parent's limit binds its children.
func (m Machine) cgroupLimit() (limit int64, found bool) {
	text, err := readFact(or(m.SelfCgroup, "/proc/self/cgroup"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(text) {
		dir, file, ok := m.controller(strings.TrimSpace(line))
		if !ok {
			continue
		}
		for {
			if n, ok := readLimit(filepath.Join(dir, file)); ok && (!found || n < limit) {
				limit, found = n, true
			}
			if len(dir) <= len(or(m.CgroupRoot, "/sys/fs/cgroup")) {
				break
			}
			dir = filepath.Dir(dir)
		}
	}
	return limit, found
}

// controller tells for a line of /proc/self/cgroup, "id:controllers:path",
// where its memory limit stands: id 0 is version 2, the controller named
// memory is version 1. In a container that sees the host's path the limit is
// at the root, which the walk up reaches.
func (m Machine) controller(line string) (dir, file string, ok bool) {
	part := strings.SplitN(line, ":", 3)
	if len(part) != 3 {
		return "", "", false
	}
	root := or(m.CgroupRoot, "/sys/fs/cgroup")
	path := filepath.Clean("/" + part[2]) // never above the root
	if part[0] == "0" && part[1] == "" {
		return filepath.Join(root, path), "memory.max", true
	}
	for name := range strings.SplitSeq(part[1], ",") {
		if name == "memory" {
			return filepath.Join(root, "memory", path), "memory.limit_in_bytes", true
		}
	}
	return "", "", false
}

// readLimit reads one limit. Version 2 says "max" for none; version 1 says a
// number near 2^63, which no machine's memory is above.
func readLimit(path string) (int64, bool) {
	text, err := readFact(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n > 0
}

func readFact(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFact))
	return string(b), err
}

func or(path, standard string) string {
	if path == "" {
		return standard
	}
	return path
}
