package wire

// AppendTime appends a Unix time in nanoseconds as ISO 8601 in UTC with Z, the
// form of RFC 3339: 2026-01-15T10:30:00Z, with 3, 6 or 9 digits of fraction
// when there is one.
func AppendTime(dst []byte, ns int64) []byte {
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	days, rem := sec/86400, sec%86400
	if rem < 0 {
		days, rem = days-1, rem+86400
	}
	y, m, d := civil(days)
	dst = append2(dst, y/100)
	dst = append2(dst, y%100)
	dst = append2(append(dst, '-'), m)
	dst = append2(append(dst, '-'), d)
	dst = append2(append(dst, 'T'), int(rem/3600))
	dst = append2(append(dst, ':'), int(rem/60%60))
	dst = append2(append(dst, ':'), int(rem%60))
	return append(appendFraction(dst, int(frac)), 'Z')
}

func appendFraction(dst []byte, ns int) []byte {
	if ns == 0 {
		return dst
	}
	digits := 9
	for digits > 3 && ns%1000 == 0 {
		ns, digits = ns/1000, digits-3
	}
	dst = append(dst, ".000000000"[:digits+1]...)
	for i := len(dst) - 1; ns > 0; i-- {
		dst[i] = byte('0' + ns%10)
		ns /= 10
	}
	return dst
}

func append2(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10), byte('0'+n%10))
}

// civil turns days since 1970-01-01 into a Gregorian date by counting in eras
// of 400 years that begin in March. An int64 of nanoseconds spans 1677 to
// 2262, so every year has four digits.
func civil(days int64) (year, month, day int) {
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if month > 12 {
		month -= 12
	}
	year = int(yoe + era*400)
	if month <= 2 {
		year++
	}
	return year, month, day
}
