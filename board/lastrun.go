package board

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
)

// lastRunFile is in the state directory.
const lastRunFile = "run"

// maxStuckNote is how many bytes of what was stuck are written down.
const maxStuckNote = 200

// Run is what is written down of this run of the node, so that the next one
// can tell how it ended: the boot it was in, what watched it, what was stuck,
// and that it was stopped. Few watchdogs remember that they bit. It is written
// at the start, at a clean stop, and when a part is stuck. A nil Run writes
// nothing.
type Run struct {
	path string
	boot string
	dog  string

	mu    sync.Mutex
	stuck string
}

// BeginRun returns what there is to tell of the run before and of the boot
// since, empty when there is nothing: a run that was stopped in the same boot.
// cause is what the watchdogs say of the boot. The error is that of writing,
// and names -state-dir.
func BeginRun(m Machine, stateDir, dog, cause string) (r *Run, told string, err error) {
	r = &Run{path: filepath.Join(stateDir, lastRunFile), boot: m.fact("/proc/sys/kernel/random/boot_id"), dog: dog}
	if text, err := readFact(r.path); err == nil {
		told = parseRun(text).told(r.boot, cause)
	} else if cause != "" {
		told = "last boot: by " + cause
	}
	if err = r.write(false); err != nil {
		err = fmt.Errorf("how this run ends will not be known: %w (-state-dir)", err)
	}
	return r, told, err
}

// lastRun is what a run left.
type lastRun struct {
	boot, dog, stuck string
	stopped          bool
}

// parseRun reads lines "key value"; what it does not know it leaves out.
func parseRun(text string) (l lastRun) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, " ")
		value = word(value)
		switch strings.TrimSpace(key) {
		case "boot":
			l.boot = value
		case "watchdog":
			l.dog = value
		case "stuck":
			l.stuck = value
		case "stopped":
			l.stopped = true
		}
	}
	return l
}

// told makes the sentence. Two boots of which one is unknown are taken for the
// same.
func (l lastRun) told(boot, cause string) string {
	rebooted := l.boot != "" && boot != "" && l.boot != boot
	var b strings.Builder
	switch {
	case rebooted && cause != "":
		b.WriteString("last boot: by " + cause)
	case rebooted && !l.stopped:
		b.WriteString("last boot: cause unknown")
	case !l.stopped:
		b.WriteString("last run: killed or crashed")
	default:
		return ""
	}
	if rebooted && !l.stopped {
		b.WriteString("; the node was not stopped before")
	}
	if l.dog != "" && !l.stopped {
		b.WriteString(", watched by " + l.dog)
	}
	if l.stuck != "" && !l.stopped {
		b.WriteString("; stuck then: " + l.stuck)
	}
	return b.String()
}

// Stuck writes down what is stuck, over what was before.
func (r *Run) Stuck(text string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stuck = text[:min(len(text), maxStuckNote)]
	_ = r.write(false)
}

// Stopped writes down that the node ends as it was told to.
func (r *Run) Stopped() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write(true)
}

func (r *Run) write(stopped bool) error {
	text := "boot " + r.boot + "\nwatchdog " + r.dog + "\nstuck " + word(r.stuck) + "\n"
	if stopped {
		text += "stopped\n"
	}
	return WriteFile(r.path, []byte(text))
}
