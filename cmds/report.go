package cmds

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"forager/board"
	"forager/conn"
	"forager/conn/ring"
	"forager/conn/wire"
	"forager/pots"
)

// Report is what forager status shows: one screen of "key: value" lines in
// groups. Keys stay as they are from version to version. Texts that others
// could choose are quoted.
type Report struct {
	Version  string
	Start    time.Time
	Node     wire.Registration
	StateDir string
	Problems []string // what does not work as it was asked to, since the start

	Session  func() conn.Stats
	Ring     func() ring.Stats
	Pots     func() []pots.Info
	Intake   func() pots.IntakeStats
	Commands func() Stats
	Machine  board.Machine
	Class    board.Class
	Memory   int64 // bytes that the machine has for us; 0: unknown
	Log      *board.Log

	Protected board.Protected
	LED       func() string
	TellFacts bool   // to Core, at each registration
	BootCause string // what a watchdog says of the last boot; empty: nothing
	LastRun   string // how the run before ended, and why the machine booted
	Heart     func() (feeds []board.FeedStats, stuck []string)
}

// screen is a report under construction.
type screen struct{ b []byte }

func (s *screen) line(key, format string, args ...any) {
	s.b = append(s.b, key...)
	s.b = append(s.b, ": "...)
	s.b = fmt.Appendf(s.b, format, args...)
	s.b = append(s.b, '\n')
}

func (s *screen) gap() { s.b = append(s.b, '\n') }

// Text makes the report.
func (r *Report) Text() []byte {
	s := new(screen)
	r.node(s)
	s.gap()
	r.link(s)
	s.gap()
	r.events(s)
	s.gap()
	r.pots(s)
	s.gap()
	r.memory(s)
	s.gap()
	r.rights(s)
	s.gap()
	r.heart(s)
	s.gap()
	r.machine(s)
	return s.b
}

func (r *Report) node(s *screen) {
	s.line("version", "%s", r.Version)
	s.line("uptime", "%v", seconds(time.Since(r.Start)))
	s.line("node", "%d %q %s", r.Node.NodeID, r.Node.NodeName, r.Node.NodeType)
	s.line("state directory", "%q", r.StateDir)
	if r.LastRun != "" {
		s.line("before", "%q", r.LastRun)
	}
	s.line("log level", "%v", r.Log.Level())
	for _, p := range r.Problems {
		s.line("problem", "%q", p)
	}
}

func (r *Report) link(s *screen) {
	st := r.Session()
	s.line("link", "%s for %v", st.State, seconds(time.Since(st.Since)))
	s.line("core", "%q", st.Core)
	s.line("dialect", "%s", or(st.Dialect, "not known yet"))
	s.line("tls", "%s", onOff(st.TLS))
	s.line("last heartbeat", "%s", ago(st.LastHeartbeat))
	s.line("registrations", "%d", st.Connects)
	s.line("reconnects", "%d", max(st.Connects, 1)-1)
	s.line("frames sent", "%d", st.Frames)
	s.line("urgent frames dropped", "%d", st.LaneDrops)
	s.line("broken frames from core", "%d", st.Broken)
	c := r.Commands()
	s.line("commands", "%d received, %d done, %d refused, %d dropped", st.Commands, c.Done, c.Refused, c.Full)
	if st.LastError != "" {
		s.line("last error", "%q", st.LastError)
	}
	if st.State == conn.LinkDown && st.NextDial.After(time.Now()) {
		s.line("next try", "in %v", seconds(time.Until(st.NextDial)))
	}
}

func (r *Report) events(s *screen) {
	st := r.Ring()
	s.line("ring", "%d of %d bytes used", st.Used, st.Size)
	r.spool(s, &st.Spool)
	s.line("events held", "%d, %d of them not sent", st.Held, st.Unread)
	s.line("events taken", "%d", st.Put)
	s.line("events delivered", "%d", st.Forgotten)
	s.line("events unsettled", "%d", st.Unsettled)
	s.line("events dropped", "%d%s", st.Dropped, byPot(st.ByPot))
	in := r.Intake()
	s.line("intake", "%s", or(in.Addr, "not listening"))
	s.line("intake connections", "%d, %d open, %d refused", in.Accepted, in.Open, in.Refused)
	s.line("intake lines", "%d, %d events, %d broken, %d too long, %d too large", in.Lines, in.Events, in.Broken, in.TooLong, in.Oversize)
}

func (r *Report) spool(s *screen, st *ring.SpoolStats) {
	if st.Budget == 0 {
		s.line("spool", "off")
		return
	}
	s.line("spool", "%d of %d bytes used in %d files, %d events", st.Bytes, st.Budget, st.Segments, st.Events)
	s.line("spool written", "%d bytes in %d writes, %d errors", st.Written, st.Writes, st.Errors)
	s.line("spool damage", "%d torn, %d broken", st.Torn, st.Broken)
	if st.Off != "" {
		s.line("spool problem", "%q", st.Off)
	}
}

// byPot lists losses; ids may come from a pot's lines.
func byPot(lost map[string]uint64) string {
	var b []byte
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		b = fmt.Appendf(b, ", %q %d", id, lost[id])
	}
	return string(b)
}

func (r *Report) pots(s *screen) {
	all := r.Pots()
	s.line("pots", "%d", len(all))
	for i := range all {
		p := &all[i]
		text := fmt.Sprintf("%s, %s, %s on %s for %v", p.Type, source(p), p.State, or(p.Addr, p.Listen), seconds(time.Since(p.Since)))
		n := &p.Counters
		text += fmt.Sprintf(", connections %d, open %d, refused %d, ignored %d, events %d, summed up %d, logins %d, bytes in %d",
			n.Conns, n.Open, n.Refused, n.Ignored, n.Events, n.Summed, n.Logins, n.BytesIn)
		if p.IsProgram() {
			text += fmt.Sprintf(", from %q at %q", p.Source.URL, or(p.Program.Commit, "no commit yet"))
		}
		if p.Message != "" {
			text += fmt.Sprintf(", %q", p.Message)
		}
		s.line("pot "+p.ID, "%s", text)
	}
}

func (r *Report) memory(s *screen) {
	s.line("memory class", "%v", r.Class)
	s.line("memory of the machine", "%s", size(r.Memory))
	resident, dirty, err := r.Machine.Usage()
	if err != nil {
		resident, dirty = 0, 0 // shown as unknown
	}
	s.line("memory resident", "%s", size(resident))
	s.line("memory private dirty", "%s", size(dirty))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.line("memory heap", "%s", size(int64(m.HeapAlloc)))
	s.line("cpus", "%d of %d", runtime.GOMAXPROCS(0), runtime.NumCPU())
	if nice, err := board.Nice(); err == nil {
		s.line("nice", "%d", nice)
	}
	s.line("goroutines", "%d", runtime.NumGoroutine())
}

func (r *Report) heart(s *screen) {
	feeds, stuck := r.Heart()
	s.line("stuck parts", "%s", or(strings.Join(stuck, ", "), "none"))
	if len(feeds) == 0 {
		s.line("fed", "nobody")
	}
	for i := range feeds {
		f := &feeds[i]
		text := fmt.Sprintf("every %v, %d times, last %s", f.Every, f.Count, ago(f.Last))
		if f.Err != "" {
			text += fmt.Sprintf(", %q", f.Err)
		}
		s.line("fed "+f.Name, "%s", text)
	}
}

// machine is read anew each time.
func (r *Report) machine(s *screen) {
	f := r.Machine.Facts(r.StateDir)
	s.line("model", "%q", or(f.Model, "unknown"))
	s.line("firmware", "%q", or(f.Firmware, "unknown"))
	s.line("kernel", "%q", or(f.Kernel, "unknown"))
	s.line("temperature", "%s", f.Warmth())
	s.line("load", "%s", or(f.Load, "unknown"))
	s.line("free flash", "%s", f.Room())
	s.line("last boot by", "%s", or(r.BootCause, "unknown"))
	s.line("led", "%s", r.LED())
}

// Facts is the line for Core.
func (r *Report) Facts() string {
	f := r.Machine.Facts(r.StateDir)
	return f.Line(r.Class, r.BootCause)
}

func size(bytes int64) string {
	if bytes == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

func seconds(d time.Duration) time.Duration { return d.Truncate(time.Second) }

func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return seconds(time.Since(t)).String() + " ago"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func or(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return text
}
