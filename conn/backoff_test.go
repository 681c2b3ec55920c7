package conn

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	const short, step = time.Second, time.Millisecond
	for _, tt := range []struct {
		name  string
		lived []time.Duration
		want  []time.Duration // the longest wait
	}{
		{"never reached", []time.Duration{0, 0, 0, 0, 0, 0, 0, 0},
			[]time.Duration{1, 2, 4, 8, 16, 32, 60, 60}},
		{"closes soon", []time.Duration{short, short, short}, []time.Duration{1, 2, 4}},
		{"lives for a while", []time.Duration{0, 0, 0, backoffLived, 0, backoffLived - step}, []time.Duration{1, 2, 4, 1, 2, 4}},
		{"was stable", []time.Duration{30 * time.Second, 0, 0, time.Hour, 0}, []time.Duration{40, 60, 60, 40, 60}},
	} {
		b := newBackoff(usualTiming)
		b.draw = func(d time.Duration) time.Duration { return d }
		for i, lived := range tt.lived {
			if got := b.next(lived); got != tt.want[i]*time.Second {
				t.Errorf("%s, wait %d: %v, want %ds", tt.name, i, got, tt.want[i])
			}
		}
	}
}

func TestJitterCoversItsRange(t *testing.T) {
	const d = 100
	var full, half [d + 1]int
	for range 100 * d {
		full[fullJitter(d)]++
		half[halfJitter(d)]++
	}
	for i := range full {
		if full[i] == 0 {
			t.Errorf("full jitter never drew %d of %d", i, d)
		}
		if (half[i] == 0) != (i < d/2) {
			t.Errorf("half jitter drew %d of %d %d times", i, d, half[i])
		}
	}
}
