//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that a process and all its threads have taken,
// user and system, in the scheduler's nanoseconds.
func cpuTime(pid int) (time.Duration, error) {
	clock := int32(^pid<<3 | 2) // CPUCLOCK_SCHED of <linux/posix-timers.h>
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("processor time of %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// monotonic is a time in nanoseconds that all processes share.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("BUG: " + err.Error())
	}
	return ts.Nano()
}

// memory is what a process holds, in bytes.
type memory struct {
	rss     float64
	dirty   float64 // private and written: what costs a machine without swap
	private float64 // dirty and clean
}

func memoryOf(pid int) (m memory, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, err
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "Rss:":
			m.rss += kb * 1024
		case "Private_Dirty:":
			m.dirty += kb * 1024
			m.private += kb * 1024
		case "Private_Clean:":
			m.private += kb * 1024
		}
	}
	return m, nil
}

// switches is how often the process's threads have been switched to, wanted
// or not. A thread that ends takes its count along; Go's do not end.
func switches(pid int) (n int, err error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return 0, fmt.Errorf("no threads of %d: %w", pid, os.ErrNotExist)
	}
	for _, t := range tasks {
		b, err := os.ReadFile(t)
		if err != nil {
			return 0, err
		}
		for _, line := range strings.Split(string(b), "\n") {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.HasSuffix(key, "voluntary_ctxt_switches") {
				k, _ := strconv.Atoi(strings.TrimSpace(value))
				n += k
			}
		}
	}
	return n, nil
}
