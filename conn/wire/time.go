package wire

// Days and years are counted from 1600-03-01, when an era of 400 Gregorian
// years began: behind a February the leap day ends a year, and an int64 of
// nanoseconds, which spans 1677 to 2262, never gets negative days.
const (
	firstYear  = 1600
	firstDays  = 135080 // from then to 1970-01-01
	eraDays    = 146097
	daySeconds = 86400
)

// AppendTime appends a Unix time in nanoseconds as ISO 8601 in UTC with Z, the
// form of RFC 3339: 2026-01-15T10:30:00Z, with 3, 6 or 9 digits of fraction
// when there is one.
func AppendTime(dst []byte, ns int64) []byte {
	sec := ns / 1e9
	frac := int32(ns - sec*1e9)
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	sec += firstDays * daySeconds
	days := uint32(sec / daySeconds)
	rem := uint32(sec - int64(days)*daySeconds)
	y, m, d := civil(days)
	b := [19]byte{4: '-', 7: '-', 10: 'T', 13: ':', 16: ':'}
	put2(b[0:2], y/100)
	put2(b[2:4], y%100)
	put2(b[5:7], m)
	put2(b[8:10], d)
	put2(b[11:13], rem/3600)
	put2(b[14:16], rem/60%60)
	put2(b[17:19], rem%60)
	return append(appendFraction(append(dst, b[:]...), uint32(frac)), 'Z')
}

func appendFraction(dst []byte, ns uint32) []byte {
	if ns == 0 {
		return dst
	}
	b := [10]byte{'.'}
	ms, us := ns/1e6, ns/1e3%1e3
	put3(b[1:4], ms)
	put3(b[4:7], us)
	put3(b[7:10], ns%1e3)
	switch {
	case ns%1e3 != 0:
		return append(dst, b[:10]...)
	case us != 0:
		return append(dst, b[:7]...)
	}
	return append(dst, b[:4]...)
}

func put2(b []byte, n uint32) { b[0], b[1] = byte('0'+n/10), byte('0'+n%10) }

func put3(b []byte, n uint32) { b[0], b[1], b[2] = byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10) }

// civil turns days since firstYear's March into a Gregorian date, year by year
// within eras of 400 years and month by month within 153 days of five.
func civil(days uint32) (year, month, day uint32) {
	doe := days % eraDays
	yoe := (doe - doe/1460 + doe/36524 - doe/(eraDays-1)) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year = firstYear + days/eraDays*400 + yoe
	day = doy - (153*mp+2)/5 + 1
	if mp >= 10 {
		return year + 1, mp - 9, day
	}
	return year, mp + 3, day
}
