package persona

import (
	"strconv"
	"time"
)

// What we chose for what changes with time.
const (
	minPeriod = 20 * 24 * 3600 // seconds between two reboots of the device, at least
	maxPeriod = 70 * 24 * 3600 // and how many more
	minUp     = 700            // seconds it is up at least
	wobble    = 15             // seconds for which memory and load stay as they are
)

// Uptime is how long the device has been up: it reboots every few weeks, at
// times that its node id gives, whatever the node itself does.
func (p *Persona) Uptime(now time.Time) time.Duration {
	if now.IsZero() {
		return minUp * time.Second
	}
	period := int64(minPeriod + p.hash("period")%maxPeriod)
	phase := int64(p.hash("phase") % uint64(period))
	up := (now.Unix() + phase) % period
	if up < 0 {
		up += period
	}
	return time.Duration(up+minUp)*time.Second + time.Duration(now.Nanosecond()/1e7*1e7)
}

// Boot is when the device came up last, to the second.
func (p *Persona) Boot(now time.Time) time.Time {
	return now.Add(-p.Uptime(now)).Round(time.Second)
}

// Memory is what the device has, in kB.
type Memory struct {
	Total, Free, Shared, Buffers, Cached, SwapTotal, SwapFree int64
}

// Used is what free calls used: all that is not free.
func (m Memory) Used() int64 { return m.Total - m.Free }

// Available is what MemAvailable would show.
func (m Memory) Available() int64 { return m.Free + (m.Buffers+m.Cached)*7/10 }

// Memory returns what is used: each device its own share, and it moves a
// little.
func (p *Persona) Memory(now time.Time) Memory {
	total := p.number("mem.total", 61000)
	share := func(tag string, low, span uint64) int64 {
		return total * int64(low+p.hash(tag)%span) / 1000
	}
	m := Memory{
		Total: total, Free: share("mem.free", 130, 120), Shared: p.number("mem.shared", 0),
		Buffers: share("mem.buffers", 25, 40), Cached: share("mem.cached", 180, 120),
		SwapTotal: p.number("swap.total", 0),
	}
	m.Free += int64(p.moving("mem", now)%uint64(total/50+1)) &^ 3
	m.Free, m.Buffers, m.Cached = m.Free&^3, m.Buffers&^3, m.Cached&^3
	m.SwapFree = m.SwapTotal - m.SwapTotal*int64(p.hash("swap")%20)/1000&^3
	return m
}

// moving gives a number that stays for a few seconds.
func (p *Persona) moving(tag string, now time.Time) uint64 {
	return mix(p.hash(tag) + uint64(now.Unix()/wobble))
}

// number returns a value as a number that is at least 0, or def.
func (p *Persona) number(key string, def int64) int64 {
	x := expansion{p: p, fixed: true}
	b, err := x.append(nil, p.t.values[key], 0)
	if err != nil {
		return def
	}
	n, err := strconv.ParseInt(string(b), 10, 48)
	if err != nil || n < 0 {
		return def
	}
	return n
}

// Load returns the three load averages in hundredths.
func (p *Persona) Load(now time.Time) [3]int {
	base := int(p.hash("load") % 30)
	m := p.moving("load", now)
	return [3]int{base + int(m%25), base + int(m>>8%12) + 2, base + int(m>>16%5) + 4}
}

// changing returns what depends on the time.
func (p *Persona) changing(key string, now time.Time) (string, bool) {
	m := p.Memory(now)
	n := int64(0)
	switch key {
	case "up":
		return seconds(p.Uptime(now)), true
	case "up.idle":
		return seconds(p.Uptime(now) / 100 * time.Duration(80+p.hash("idle")%16)), true
	case "load":
		b := AppendLoad(nil, p.Load(now))
		return string(b), true
	case "boot":
		n = p.Boot(now).Unix()
	case "lastpid":
		n = int64(p.LastPID(now))
	case "mem.free":
		n = m.Free
	case "mem.used":
		n = m.Used()
	case "mem.buffers":
		n = m.Buffers
	case "mem.cached":
		n = m.Cached
	case "mem.available":
		n = m.Available()
	case "mem.active":
		n = (m.Cached*6/10 + m.Used()/10) &^ 3
	case "mem.inactive":
		n = m.Cached * 4 / 10 &^ 3
	case "mem.anon":
		n = m.Used() / 9 &^ 3
	case "mem.slab":
		n = m.Used() / 6 &^ 3
	case "swap.free":
		n = m.SwapFree
	default:
		return "", false
	}
	return strconv.FormatInt(n, 10), true
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 2, 64)
}

// AppendLoad writes load averages as /proc/loadavg and uptime do.
func AppendLoad(dst []byte, load [3]int) []byte {
	for i, l := range load {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendInt(dst, int64(l/100), 10)
		dst = append(dst, '.', byte('0'+l/10%10), byte('0'+l%10))
	}
	return dst
}
