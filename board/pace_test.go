package board

import (
	"testing"
	"time"
)

func TestPaceSaysOneAMinuteAndHowManyItLeftOut(t *testing.T) {
	var p Pace
	start := time.Now()
	for _, tt := range []struct {
		after  time.Duration
		before uint64
		due    bool
	}{
		{0, 0, true}, {0, 0, false}, {paceTime - 1, 0, false}, {paceTime, 2, true}, {paceTime + 1, 0, false}, {2 * paceTime, 1, true}, {4 * paceTime, 0, true},
	} {
		if before, due := p.Due(start.Add(tt.after)); before != tt.before || due != tt.due {
			t.Errorf("after %v: %d %v, want %+v", tt.after, before, due, tt)
		}
	}
	if got := More("x", 0) + More("y", 2); got != "xy (and 2 more of these before)" {
		t.Error(got)
	}
}
