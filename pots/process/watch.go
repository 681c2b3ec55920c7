package process

import "fmt"

// Looks at the disk: a tree of many files is walked when it may have grown
// enough to matter, or after so many looks at the rest (30 x 2 s).
const looksPerWalk = 30

// reserveSlack is how many bytes a program may add where the reserve is touched
// already, by others perhaps.
const reserveSlack = 256 << 10

// watch looks whether a program and all that it started keep within their
// limits.
type watch struct {
	limits Limits
	dirs   []string
	looks  int // since the last walk
	walks  int
	first  int64 // bytes on disk at the first walk
	room   int64 // on disk for the program, at the last walk
	left   int64 // free on its file system then
}

func newWatch(s *Spec) watch {
	return watch{limits: s.Limits, dirs: append([]string{s.Dir}, s.Write...), looks: looksPerWalk}
}

// look returns what is over, or "".
func (w *watch) look(l *life) (reason string, fatal bool) {
	enough := w.limits.Memory
	if enough <= 0 {
		enough = 1 << 62
	}
	u := l.use(enough)
	nameless, unlinked := held(u.pids, deviceOf(w.dirs[0]))
	if u.memory+nameless > enough {
		return fmt.Sprintf("uses %d KiB of memory, may use %d", (u.memory+nameless)>>10, enough>>10), false
	}
	if most := w.limits.Processes; most > 0 && u.processes > most {
		return fmt.Sprintf("has %d processes, may have %d", u.processes, most), false
	}
	if n := w.limits.Disk; n > 0 && w.walkIsDue() {
		used := onDisk(w.dirs, n) + unlinked
		if used > n {
			return fmt.Sprintf("takes more than %d KiB on disk", n>>10), true
		}
		if w.walks++; w.walks == 1 {
			w.first = used
		}
		w.looks, w.room = 0, n-used
		left, ok := free(w.dirs[0])
		if w.left = left; ok && left < w.limits.Reserve && used > w.first+reserveSlack {
			return fmt.Sprintf("leaves only %d KiB free on its file system, and %d are not its own", left>>10, w.limits.Reserve>>10), true
		}
	}
	return "", false
}

// walkIsDue tells whether a walk is worth its cost: when the file system has
// lost half of the room that the program had, which may be its doing, or
// seldom.
func (w *watch) walkIsDue() bool {
	if w.looks++; w.looks > looksPerWalk {
		return true
	}
	left, ok := free(w.dirs[0])
	lost := w.left - left
	return ok && (lost > w.room/2 || lost > reserveSlack && left < w.limits.Reserve)
}
