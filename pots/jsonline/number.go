package jsonline

// maxPower is the power of ten from which on a number may be more than a
// 64-bit float holds, which a strict reader refuses.
const maxPower = 308

func isDigit(c byte) bool { return c-'0' <= 9 }

func digits(b []byte, i int) int {
	for uint(i) < uint(len(b)) && isDigit(b[i]) {
		i++
	}
	return i
}

// numberEnd returns the place behind the number that begins at b[i], -1 when
// it is not a valid one, and whether it is too large for a 64-bit float.
func numberEnd(b []byte, i int) (end int, wide bool) {
	from := i
	if b[i] == '-' {
		i++
	}
	first := i
	if i = digits(b, i); i == first || b[first] == '0' && i > first+1 {
		return -1, false
	}
	suspect := i-first >= 200
	if at(b, i) == '.' {
		first = i + 1
		if i = digits(b, first); i == first {
			return -1, false
		}
	}
	if at(b, i)|0x20 == 'e' {
		i++
		if c := at(b, i); c == '+' || c == '-' {
			i++
		}
		first = i
		if i = digits(b, i); i == first {
			return -1, false
		}
		suspect = suspect || i-first >= 3
	}
	return i, suspect && isWide(b[from:i])
}

// isWide tells whether a valid number is 10^maxPower or more, to either side.
func isWide(num []byte) bool {
	d := readDecimal(num)
	return d.digits > 0 && d.power+d.digits-1 >= maxPower
}

// decimal is a number as mantissa × 10^power. Digits beyond the nineteenth
// are cut and counted in power.
type decimal struct {
	negative bool
	mantissa uint64
	digits   int // of mantissa, which does not begin with 0
	power    int
}

// maxExponent is where the digits behind an e stop counting: far beyond every
// limit, and far from an int's.
const maxExponent = 1 << 24

// readDecimal reads a number that is valid but may have zeros in front.
func readDecimal(num []byte) (d decimal) {
	i := 0
	if d.negative = at(num, 0) == '-'; d.negative {
		i++
	}
	fraction := false
	for ; i < len(num); i++ {
		c := num[i]
		switch {
		case c == '.':
			fraction = true
			continue
		case !isDigit(c):
			d.power += readExponent(num[i+1:])
			return d
		case d.digits == 19:
			d.power++
		case d.digits > 0 || c != '0':
			d.mantissa = d.mantissa*10 + uint64(c-'0')
			d.digits++
		}
		if fraction {
			d.power--
		}
	}
	return d
}

func readExponent(b []byte) int {
	n, sign := 0, 1
	for _, c := range b {
		switch {
		case c == '-':
			sign = -1
		case isDigit(c):
			n = min(n*10+int(c-'0'), maxExponent)
		}
	}
	return n * sign
}
