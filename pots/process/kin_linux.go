package process

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Without a PID namespace it takes three ways to find what came from a
// program, and each covers for the others: the children of the keeper, whom
// orphans come to since Linux 3.4; the program's session; and a variable that
// it was given, which its children inherit. Only a program that wants to, and
// has the node's own user so that it can kill the keeper, gets away from all.

const (
	// markName begins the variable.
	markName = "FORAGER_KEEPER="
	// maxEnviron is how many bytes of an environment are searched for it.
	maxEnviron = 64 << 10
	// killPause is between two looks for who has escaped a kill.
	killPause = 20 * time.Millisecond
	// maxKills bounds how often one looks.
	maxKills = 100
)

// killKin kills the descendants of a keeper (0: none is left), a session and
// who has the mark, but this process. It stops them first, until a look finds
// no new one, so that none can fork meanwhile. It returns how many it found
// that are no descendants.
func killKin(keeper, session int, mark string) (others int) {
	found := make(map[int]bool)
	for range maxKills {
		all := allProcs()
		fresh := false
		take := func(p proc) bool {
			if p.state == 'Z' || found[p.pid] || p.pid == os.Getpid() {
				return false
			}
			found[p.pid], fresh = true, true
			_ = unix.Kill(p.pid, unix.SIGSTOP)
			return true
		}
		if keeper != 0 {
			for _, p := range below(all, keeper) {
				take(p)
			}
		}
		buf := make([]byte, maxEnviron)
		for _, p := range all {
			if !found[p.pid] && (session > 0 && p.session == session || hasMark(p.pid, mark, buf)) && take(p) {
				others++
			}
		}
		if !fresh {
			break
		}
	}
	for pid := range found {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return others
}

// hasMark tells whether a process was given the variable.
func hasMark(pid int, mark string, buf []byte) bool {
	return mark != "" && bytes.Contains(readProc("/proc/"+strconv.Itoa(pid)+"/environ", buf), []byte(mark))
}
