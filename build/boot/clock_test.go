package boot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

const totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

// TestEpoch boots a board without a battery for its clock. Before the clock is
// set the node bothers nobody with a one-time code that can't be right; then
// the first is, and what was seen in 1970 is told with the time that it was.
func TestEpoch(t *testing.T) {
	needMachines(t)
	for _, b := range []*board{arm64, mipsel} {
		t.Run(b.arch, func(t *testing.T) { epoch(t, b) })
	}
}

func epoch(t *testing.T, b *board) {
	c := startCore(t, core.Config{TOTP: totpSecret})
	w := c.Watch()
	files := settings("core "+coreAddr, "totp", "clock-wait 1h", "pot telnet listen=:23 accept=any")
	files["var/lib/forager/totp.secret"] = totpSecret + "\n"
	root := fromArchive(t, b)
	m := boot(t, recipe{board: b, root: root, files: files, args: []string{"-rtc", "base=1970-01-01T00:00:10"}})
	m.comesUp()
	if year := strings.TrimSpace(m.run("date -u +%Y")); year != "1970" {
		t.Fatalf("the machine believes in %s", year)
	}
	m.says(0, "before this program was built: waiting for it to be set")
	attacked := time.Now()
	login(t, m, 23, "root", "early")
	// Longer than two tries of the session are apart in the beginning.
	quiet := time.After(20 * time.Second)
	<-quiet
	if s := c.Stats(); s.Frames+s.Refused > 0 {
		t.Fatalf("before the clock was set Core got %d frames and refused %d", s.Frames, s.Refused)
	}

	set := time.Now()
	m.run(fmt.Sprintf("date -u -s @%d", set.Unix()))
	told := untilEvent(t, w, "telnet.login.success", "early")
	t.Logf("event %.1f s after the clock was set", time.Since(set).Seconds())
	if late := time.Since(set); late > time.Minute {
		t.Errorf("the event came %v after the clock was set", late)
	}
	if off := told.Sub(attacked).Abs(); off > 15*time.Second {
		t.Errorf("the event says %v, the attack was at %v", told, attacked)
	}
	if s := c.Stats(); s.Refused != 0 || s.Connections != 1 {
		t.Errorf("Core refused %d frames in %d connections", s.Refused, s.Connections)
	}
}

// untilEvent waits for an event that holds all parts, and returns its time.
func untilEvent(t *testing.T, w *core.Watcher, parts ...string) time.Time {
	t.Helper()
	m := until(t, w, parts...)
	for _, raw := range m.PotEvents() {
		var e struct{ Timestamp time.Time }
		must(t, json.Unmarshal(raw, &e))
		if holds(string(raw), parts) {
			return e.Timestamp
		}
	}
	t.Fatalf("no event with %q in %s", parts, m.Raw)
	return time.Time{}
}
