package wire

import (
	"math"
	"testing"
	"time"
)

// wantTime is what package time makes of ns, with the fraction in 0, 3, 6 or 9
// digits.
func wantTime(ns int64) string {
	layout := "2006-01-02T15:04:05"
	switch {
	case ns%1e9 == 0:
	case ns%1e6 == 0:
		layout += ".000"
	case ns%1e3 == 0:
		layout += ".000000"
	default:
		layout += ".000000000"
	}
	return time.Unix(0, ns).UTC().Format(layout + "Z")
}

func checkTime(t *testing.T, ns int64) {
	t.Helper()
	if got, want := string(AppendTime([]byte("x"), ns)), "x"+wantTime(ns); got != want {
		t.Fatalf("%d: got %s, want %s", ns, got, want)
	}
}

func TestAppendTime(t *testing.T) {
	for ns, want := range map[int64]string{
		0:                    "1970-01-01T00:00:00Z",
		-1:                   "1969-12-31T23:59:59.999999999Z",
		1:                    "1970-01-01T00:00:00.000000001Z",
		1000:                 "1970-01-01T00:00:00.000001Z",
		120e6:                "1970-01-01T00:00:00.120Z",
		1768473000e9:         "2026-01-15T10:30:00Z",
		951782399e9 + 5e8:    "2000-02-28T23:59:59.500Z",
		951782400e9:          "2000-02-29T00:00:00Z",
		-2203891200e9 - 1000: "1900-02-28T23:59:59.999999Z",
		math.MaxInt64:        "2262-04-11T23:47:16.854775807Z",
		math.MinInt64:        "1677-09-21T00:12:43.145224192Z",
	} {
		if got := string(AppendTime(nil, ns)); got != want {
			t.Errorf("%d: got %s, want %s", ns, got, want)
		}
		checkTime(t, ns)
	}
}

// TestEveryDay walks through the whole range in steps just over a day, and
// over a prime number of nanoseconds.
func TestEveryDay(t *testing.T) {
	for ns := int64(math.MinInt64); ns < math.MaxInt64-2*86400e9; ns += 86400e9 + 1 {
		checkTime(t, ns)
		checkTime(t, ns/1e9*1e9)
		checkTime(t, ns/1e3*1e3)
	}
}

func FuzzTime(f *testing.F) {
	for _, ns := range []int64{0, -1, 1, 1e9, -1e9, 1768473000e9, math.MinInt64, math.MaxInt64, -12219292800e8} {
		f.Add(ns)
	}
	f.Fuzz(func(t *testing.T, ns int64) {
		checkTime(t, ns)
		checkTime(t, ns/1e6*1e6)
	})
}
