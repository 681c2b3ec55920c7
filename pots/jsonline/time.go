package jsonline

import (
	"bytes"
	"math"
	"math/bits"
)

// Unix times are told apart by their size: up to eleven digits before the
// point they are seconds (until the year 5138), up to fourteen milliseconds
// (from 1973 on), up to seventeen microseconds, then nanoseconds.
const (
	secondDigits = 11
	milliDigits  = 14
	microDigits  = 17
)

// ParseTime reads the text of a timestamp: ISO 8601 in its extended or basic
// form, a T or a space between date and time, with or without fraction and
// zone (none is UTC); an extended date alone is its midnight; or a Unix time as
// ParseUnix takes it. It returns nanoseconds since the Unix epoch, 0 for what
// is none of these or beyond an int64 of them (1677 to 2262). Fractions are
// cut after nine digits.
func ParseTime(s []byte) int64 {
	if ns, ok := parseUsual(s); ok {
		return ns
	}
	s = bytes.TrimSpace(s)
	if end, _ := numberStart(s); end == len(s) && end > 0 {
		return ParseUnix(s)
	}
	return parseISO(s)
}

// numberStart is numberEnd for text that may be anything.
func numberStart(s []byte) (end int, wide bool) {
	if len(s) == 0 {
		return -1, false
	}
	return numberEnd(s, 0)
}

// parseUsual reads 2018-05-06T17:44:05.866769Z, the form that honeypots in
// Python write, without a loop.
func parseUsual(s []byte) (ns int64, ok bool) {
	if len(s) != 27 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != '.' || s[26] != 'Z' {
		return 0, false
	}
	var bad int // a bit from 0x80 on when a digit was none
	d := func(i int) int {
		n := int(s[i] - '0')
		bad |= n + 0x80 - 10
		return n
	}
	t := clock{
		year: d(0)*1000 + d(1)*100 + d(2)*10 + d(3), month: d(5)*10 + d(6), day: d(8)*10 + d(9),
		hour: d(11)*10 + d(12), minute: d(14)*10 + d(15), second: d(17)*10 + d(18),
		nano: (d(20)*100000 + d(21)*10000 + d(22)*1000 + d(23)*100 + d(24)*10 + d(25)) * 1000,
	}
	if bad >= 0x80 {
		return 0, false
	}
	return t.unix(), true
}

// ParseUnix reads a JSON number as a Unix time in seconds, milli-, micro- or
// nanoseconds, each with or without fraction or exponent. It returns 0 when
// it is negative or beyond an int64 of nanoseconds.
func ParseUnix(num []byte) int64 {
	d := readDecimal(num)
	if d.negative || d.digits == 0 {
		return 0
	}
	power := d.power
	switch whole := d.digits + d.power; {
	case whole <= secondDigits:
		power += 9
	case whole <= milliDigits:
		power += 6
	case whole <= microDigits:
		power += 3
	}
	return scale(d.mantissa, power)
}

// scale returns m × 10^power cut to a whole number, 0 when it is too large.
func scale(m uint64, power int) int64 {
	for ; power < 0 && m > 0; power++ {
		m /= 10
	}
	for ; power > 0 && m > 0; power-- {
		hi, lo := bits.Mul64(m, 10)
		if hi != 0 {
			return 0
		}
		m = lo
	}
	if m > math.MaxInt64 {
		return 0
	}
	return int64(m)
}

// clock is a date and a time of day, with the zone's offset in seconds.
type clock struct {
	year, month, day, hour, minute, second, nano, zone int
}

// unix returns nanoseconds since the Unix epoch, 0 when the clock shows what
// no clock does or the sum is beyond an int64. A leap second is the next
// minute's first; 24:00:00 is the next midnight.
func (t *clock) unix() int64 {
	if t.month < 1 || t.month > 12 || t.day < 1 || t.day > daysIn(t.year, t.month) ||
		t.hour > 24 || t.minute > 59 || t.second > 60 ||
		t.hour == 24 && (t.minute != 0 || t.second != 0 || t.nano != 0) {
		return 0
	}
	sec := days(t.year, t.month, t.day)*86400 + int64(t.hour*3600+t.minute*60+t.second-t.zone)
	const limit = math.MaxInt64 / int64(1e9)
	if sec >= limit || sec <= -limit {
		return 0
	}
	return sec*1e9 + int64(t.nano)
}

func daysIn(year, month int) int {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return int("\x1f\x1c\x1f\x1e\x1f\x1e\x1f\x1f\x1e\x1f\x1e\x1f"[month-1])
}

// days counts from 1970-01-01 in eras of 400 years that begin in March.
func days(year, month, day int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	y := year + 400 // the year 0 has a March before it
	return int64(y*365 + y/4 - y/100 + y/400 + (153*(month-3)+2)/5 + day - 1 - 719468 - 146097)
}

// reader takes fields off the front of a text; the first miss sticks.
type reader struct {
	s   []byte
	bad bool
}

func parseISO(s []byte) int64 {
	r := reader{s: s}
	t := r.clock()
	if r.bad || len(r.s) != 0 {
		return 0
	}
	return t.unix()
}

func (r *reader) clock() (t clock) {
	t.year = r.number(4)
	extended := r.skip('-')
	t.month = r.number(2)
	if extended && !r.skip('-') {
		r.bad = true
	}
	t.day = r.number(2)
	if r.bad || len(r.s) == 0 {
		return t
	}
	if !r.skip('T') && !r.skip('t') && !r.skip(' ') {
		r.bad = true
	}
	r.timeOfDay(&t)
	r.zone(&t)
	return t
}

func (r *reader) timeOfDay(t *clock) {
	t.hour = r.number(2)
	extended := r.skip(':')
	t.minute = r.number(2)
	switch {
	case extended && !r.skip(':'), !extended && !isDigit(at(r.s, 0)):
		return // no seconds
	}
	t.second = r.number(2)
	if r.skip('.') || r.skip(',') {
		t.nano = r.fraction()
	}
}

// zone reads Z, +02, +0200 or +02:00, a space before it or not, or nothing.
func (r *reader) zone(t *clock) {
	r.skip(' ')
	if len(r.s) == 0 || r.skip('Z') || r.skip('z') {
		return
	}
	sign := 1
	if r.skip('-') {
		sign = -1
	} else if !r.skip('+') {
		r.bad = true
	}
	hours, minutes := r.number(2), 0
	if r.skip(':') || len(r.s) > 0 {
		minutes = r.number(2)
	}
	if hours > 23 || minutes > 59 {
		r.bad = true
	}
	t.zone = sign * (hours*3600 + minutes*60)
}

func (r *reader) skip(c byte) bool {
	if at(r.s, 0) != c {
		return false
	}
	r.s = r.s[1:]
	return true
}

// number reads exactly n digits.
func (r *reader) number(n int) int {
	v := 0
	for i := range n {
		c := at(r.s, i)
		if !isDigit(c) {
			r.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
	}
	r.s = r.s[n:]
	return v
}

// fraction reads the digits behind a second's point, in nanoseconds.
func (r *reader) fraction() int {
	n := digits(r.s, 0)
	if n == 0 {
		r.bad = true
		return 0
	}
	v := 0
	for i := range 9 {
		v *= 10
		if i < n {
			v += int(r.s[i] - '0')
		}
	}
	r.s = r.s[n:]
	return v
}
