package board

import (
	"path/filepath"
	"testing"
)

func TestLastRun(t *testing.T) {
	tests := []struct {
		name, file, boot, cause, want string
	}{
		{"rubbish", "\x00\xff\n\n boot\nboot", "b\n", "", "last run: killed or crashed"},
		{"first run", "-", "b\n", "", ""},
		{"first run after the watchdog", "-", "b\n", "the watchdog", "last boot: by the watchdog"},
		{"stopped", "boot b\nstopped\n", "b\n", "", ""},
		{"stopped, and told in this boot already", "boot b\nstopped\n", "b\n", "the watchdog", ""},
		{"stopped and rebooted", "boot a\nstopped\n", "b\n", "", ""},
		{"stopped, then the watchdog of another", "boot a\nstopped\nwatchdog x\n", "b\n", "the watchdog", "last boot: by the watchdog"},
		{"killed", "boot b\nwatchdog \nstuck \n", "b\n", "", "last run: killed or crashed"},
		{"killed by systemd", "boot b\nwatchdog systemd\nstuck session is stuck: does not answer\n", "b\n", "the watchdog",
			"last run: killed or crashed, watched by systemd; stuck then: session is stuck: does not answer"},
		{"power cut", "boot a\n", "b\n", "", "last boot: cause unknown; the node was not stopped before"},
		{"softdog", "boot a\nwatchdog watchdog /dev/watchdog (60 s)\n", "b\n", "",
			"last boot: cause unknown; the node was not stopped before, watched by watchdog /dev/watchdog (60 s)"},
		{"i6300esb", "boot a\nwatchdog watchdog /dev/watchdog (60 s)\nstuck pots\n", "b\n", "the watchdog",
			"last boot: by the watchdog; the node was not stopped before, watched by watchdog /dev/watchdog (60 s); stuck then: pots"},
		{"boot unknown", "boot a\n", "", "", "last run: killed or crashed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := root(t, map[string]string{"proc/sys/kernel/random/boot_id": tt.boot})
			dir := t.TempDir()
			if tt.file != "-" {
				write(t, filepath.Join(dir, lastRunFile), tt.file)
			}
			_, got, err := BeginRun(m, dir, "", tt.cause)
			if got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestRunIsWrittenDown(t *testing.T) {
	dir := t.TempDir()
	a := root(t, map[string]string{"proc/sys/kernel/random/boot_id": "a\n"})
	b := root(t, map[string]string{"proc/sys/kernel/random/boot_id": "b\n"})
	next := func(m Machine, cause, want string) *Run {
		t.Helper()
		r, told, err := BeginRun(m, dir, "systemd", cause)
		if told != want || err != nil {
			t.Errorf("told %q, %v, want %q", told, err, want)
		}
		return r
	}
	next(a, "", "").Stopped()
	next(a, "", "").Stuck("spool is stuck:\ndoes not answer")
	next(b, "the watchdog", "last boot: by the watchdog; the node was not stopped before, watched by systemd; stuck then: spool is stuck:")
	next(b, "the watchdog", "last run: killed or crashed, watched by systemd").Stopped()
	next(b, "the watchdog", "")
	if _, _, err := BeginRun(a, "/proc/none", "", ""); err == nil {
		t.Error("written where nothing can be")
	}
	(*Run)(nil).Stuck("x")
	(*Run)(nil).Stopped()
}
