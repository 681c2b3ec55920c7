package ring

import "time"

// earliest is a date that no sane clock is before, for want of a better judge:
// boards without a clock start in 1970, or where the last file was written.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clockFix places the events of an earlier run, which know only that run's
// monotonic clock, in time.
//
// A batch written while the clock could be trusted tells by itself what time
// its events had; so does any other batch of the same run. A run that never
// knew the time ended before the next one began: its events then get a time on
// this run's monotonic clock, before its start, as if no time had passed
// between the runs, and are stamped like this run's own.
type clockFix struct {
	known  bool
	offset int64 // known: Unix time minus that run's monotonic time
	shift  int64 // else: this run's monotonic time minus that run's
}

// of is how to place the events of one batch.
func (f clockFix) of(a anchor) clockFix {
	if a.sane {
		return clockFix{known: true, offset: a.unix - a.mono}
	}
	return f
}

// apply places e.
func (f clockFix) apply(e *Event) {
	switch {
	case e.Time != 0:
	case f.known:
		e.Time = e.Mono + f.offset
	default:
		e.Mono += f.shift
	}
}

// fixClocks sets the fix of every segment from the best anchor of each;
// segments of one run stand side by side, oldest run first.
func fixClocks(segs []*segment, best []anchor) {
	var later int64 // how long the runs after this one lasted, as far as they are known
	for end := len(segs); end > 0; {
		begin, a := end-1, best[end-1]
		for ; begin > 0 && segs[begin-1].boot == segs[end-1].boot; begin-- {
			if b := best[begin-1]; b.sane && !a.sane {
				a = b
			}
		}
		lasted := best[end-1].mono
		fix := clockFix{shift: -lasted - later}.of(a)
		for _, g := range segs[begin:end] {
			g.fix = fix
		}
		later += lasted
		end = begin
	}
}
