package persona

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Limits of one expansion, against files that lead in circles.
const (
	maxExpand = 4       // how deep a placeholder may lead to others
	maxHoles  = 20_000  // placeholders
	maxText   = 1 << 20 // bytes of the result
)

var errExpand = errors.New("placeholders lead to each other, or to too much")

// expansion is one text being filled.
type expansion struct {
	p     *Persona
	now   time.Time
	fixed bool // nothing that changes with time: those values rest on it
	holes int
}

// Get returns a value of the template, its placeholders filled; "" if it has
// none. What changes with time is as it is at boot: for that use Expand.
func (p *Persona) Get(key string) string {
	return p.Expand(p.t.values[key], time.Time{})
}

// Has tells whether the template sets key.
func (p *Persona) Has(key string) bool {
	_, ok := p.t.values[key]
	return ok
}

// Expand fills the placeholders of a text as they stand at a time:
//
//	%{KEY}              a value of the template
//	%{MAC} %{mac-} %{mac+1}  mac in capitals, without colons, the next one
//	%{pick:TAG:XX-99}   9 a digit, x and X a hex digit, A a letter; others stay
//	%{num:TAG:LOW:HIGH} a number
//	%{one:TAG:a|b|c}    one of them
//	%{up} %{up.idle} %{load} %{boot}  seconds up and idle, averages, boot time
//	%{mem.free} …       kB: total free used shared buffers cached available
//
// pick, num and one depend on the node's id and TAG, nothing else.
func (p *Persona) Expand(text string, now time.Time) string {
	if !strings.Contains(text, "%{") {
		return text
	}
	x := expansion{p: p, now: now}
	b, _ := x.append(nil, text, 0) // Parse has tried them all
	return string(b)
}

func (x *expansion) append(dst []byte, text string, depth int) ([]byte, error) {
	for {
		if x.holes++; depth > maxExpand || x.holes > maxHoles || len(dst)+len(text) > maxText {
			return dst, errExpand
		}
		before, rest, ok := strings.Cut(text, "%{")
		dst = append(dst, before...)
		if !ok {
			return dst, nil
		}
		key, after, ok := strings.Cut(rest, "}")
		if !ok {
			return dst, errors.New("a placeholder without its }")
		}
		var err error
		if dst, err = x.appendKey(dst, key, depth); err != nil {
			return dst, err
		}
		text = after
	}
}

func (x *expansion) appendKey(dst []byte, key string, depth int) ([]byte, error) {
	if v, ok := x.p.t.values[key]; ok {
		return x.append(dst, v, depth+1)
	}
	kind, rest, derived := strings.Cut(key, ":")
	if derived {
		return x.p.appendDerived(dst, kind, rest)
	}
	if strings.EqualFold(key[:min(3, len(key))], "mac") {
		return x.appendMAC(dst, key, depth)
	}
	if !x.fixed {
		if v, ok := x.p.changing(key, x.now); ok {
			return append(dst, v...), nil
		}
	}
	return dst, errors.New("unknown placeholder " + strconv.Quote(key))
}

// appendMAC writes mac in another form.
func (x *expansion) appendMAC(dst []byte, key string, depth int) ([]byte, error) {
	raw, err := x.append(nil, x.p.t.values["mac"], depth+1)
	if err != nil {
		return dst, err
	}
	mac := string(raw)
	if add, ok := strings.CutPrefix(strings.ToLower(key), "mac+"); ok {
		n, err := strconv.Atoi(add)
		if err != nil || n < 1 || n > 255 {
			return dst, errors.New("want mac+1 to mac+255")
		}
		mac = nextMAC(mac, n)
	} else if key != "mac-" && key != "MAC" && key != "MAC-" {
		return dst, errors.New("unknown placeholder " + strconv.Quote(key))
	}
	if strings.HasSuffix(key, "-") {
		mac = strings.ReplaceAll(mac, ":", "")
	}
	if strings.HasPrefix(key, "MAC") {
		mac = strings.ToUpper(mac)
	}
	return append(dst, mac...), nil
}

// nextMAC adds to the last byte, as devices with several ports do.
func nextMAC(mac string, n int) string {
	at := strings.LastIndexByte(mac, ':')
	last, err := strconv.ParseUint(mac[at+1:], 16, 8)
	if at < 0 || err != nil {
		return mac
	}
	const digits = "0123456789abcdef"
	last = (last + uint64(n)) & 255
	return mac[:at+1] + string([]byte{digits[last>>4], digits[last&15]})
}

// appendDerived writes what depends on the node's id.
func (p *Persona) appendDerived(dst []byte, kind, rest string) ([]byte, error) {
	tag, arg, ok := strings.Cut(rest, ":")
	if !ok {
		return dst, errors.New("want KIND:TAG:… in a placeholder")
	}
	h := p.hash(tag)
	switch kind {
	case "pick":
		return appendPattern(dst, arg, h), nil
	case "one":
		list := strings.Split(arg, "|")
		return append(dst, list[h%uint64(len(list))]...), nil
	case "num":
		a, b, _ := strings.Cut(arg, ":")
		low, err1 := strconv.ParseUint(a, 10, 48)
		high, err2 := strconv.ParseUint(b, 10, 48)
		if err1 != nil || err2 != nil || high < low {
			return dst, errors.New("want num:TAG:LOW:HIGH")
		}
		return strconv.AppendUint(dst, low+h%(high-low+1), 10), nil
	}
	return dst, errors.New("unknown placeholder " + strconv.Quote(kind) + ":…")
}

func appendPattern(dst []byte, pattern string, h uint64) []byte {
	const lower, upper, letters = "0123456789abcdef", "0123456789ABCDEF", "ABCDEFGHJKLMNPQRSTUVWXYZ"
	for i := range len(pattern) {
		c := pattern[i]
		r := h >> 20
		switch c {
		case '9':
			c = lower[r%10]
		case 'x':
			c = lower[r&15]
		case 'X':
			c = upper[r&15]
		case 'A':
			c = letters[r%uint64(len(letters))]
		}
		dst = append(dst, c)
		h = mix(h + 1)
	}
	return dst
}

// hash gives a number that depends on the node's id and a tag: FNV-1a, mixed.
func (p *Persona) hash(tag string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(tag) {
		h = (h ^ uint64(tag[i])) * 1099511628211
	}
	return mix(h ^ mix(p.nodeID))
}

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
