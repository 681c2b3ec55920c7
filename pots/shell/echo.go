package shell

import (
	"strconv"
	"strings"
)

// escapeStyle says whose escapes a text holds: they differ in octal numbers.
type escapeStyle uint8

const (
	escapesEcho   escapeStyle = iota // \0NNN, \c ends the output
	escapesPrintf                    // \NNN
	escapesQuote                     // $'…': \NNN, \' and \"
)

// appendEscapes appends s with its escapes replaced; stop tells of \c.
func appendEscapes(dst []byte, s string, style escapeStyle) (out []byte, stop bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		if at := strings.IndexByte("abefnrtv\\", s[i]); at >= 0 {
			dst = append(dst, "\a\b\x1b\f\n\r\t\v\\"[at])
			continue
		}
		switch c := s[i]; {
		case c == 'c' && style == escapesEcho:
			return dst, true
		case c == 'x':
			v, n := digits(s[i+1:], 16, 2)
			if n == 0 {
				dst = append(dst, '\\', 'x')
				continue
			}
			dst = append(dst, byte(v))
			i += n
		case c >= '0' && c <= '7':
			most := 3
			if style == escapesEcho && c == '0' { // \0NNN
				most = 4
			}
			v, n := digits(s[i:], 8, most)
			dst = append(dst, byte(v))
			i += n - 1
		case style == escapesQuote && (c == '\'' || c == '"'), style == escapesPrintf && c == '"':
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', c)
		}
	}
	return dst, false
}

// digits reads a number of at most most digits.
func digits(s string, base, most int) (v, n int) {
	for n < len(s) && n < most {
		d := digit(s[n])
		if d < 0 || d >= base {
			break
		}
		v = v*base + d
		n++
	}
	return v, n
}

// digit returns what a hexadecimal digit stands for, or -1.
func digit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// echo prints its arguments. BusyBox and bash take -n, -e and -E in any mix,
// and print what else begins with a dash.
func echo(p *proc) int {
	args, newline, escapes := p.args, true, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, c := range args[0][1:] {
			switch c {
			case 'n':
				newline = false
			case 'e':
				escapes = true
			default: // BusyBox takes -E and does nothing with it
				escapes = escapes && p.p.BusyBox != ""
			}
		}
		args = args[1:]
	}
	var b []byte
	for i, a := range args {
		if i > 0 {
			b = append(b, ' ')
		}
		if !escapes {
			b = append(b, a...)
			continue
		}
		var stop bool
		if b, stop = appendEscapes(b, a, escapesEcho); stop {
			newline = false
			break
		}
	}
	if newline {
		b = append(b, '\n')
	}
	p.work(len(b))
	p.write(b)
	return 0
}

// printf prints its arguments as its format says; the format is used again
// while arguments are left.
func printf(p *proc) int {
	args := p.args
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return p.usage(p.name, commandOf("printf"), &p.stdio)
	}
	f := format{p: p, text: args[0], args: args[1:]}
	var b []byte
	for {
		before := len(f.args)
		b = f.append(b)
		if f.over || len(f.args) == 0 || len(f.args) == before || len(b) > p.cfg.Limits.Pipe || !p.work(len(b)) {
			break
		}
	}
	p.write(b)
	return f.status
}

// format is a printf under way.
type format struct {
	p      *proc
	text   string
	args   []string
	over   bool
	status int
}

func (f *format) next() string {
	if len(f.args) == 0 {
		return ""
	}
	a := f.args[0]
	f.args = f.args[1:]
	return a
}

func (f *format) append(dst []byte) []byte {
	rest := f.text
	for rest != "" && !f.over {
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			i = len(rest)
		}
		dst, _ = appendEscapes(dst, rest[:i], escapesPrintf)
		if rest = rest[i:]; rest == "" {
			break
		}
		end := 1
		for end < len(rest) && strings.IndexByte("-+ #0123456789.*hlqjzt", rest[end]) >= 0 {
			end++
		}
		if end == len(rest) {
			f.p.fail("%s: invalid format", rest)
			f.over, f.status = true, 1
			break
		}
		if dst = f.directive(dst, rest[1:end], rest[end]); len(dst) > f.p.cfg.Limits.Pipe {
			break
		}
		rest = rest[end+1:]
	}
	return dst
}

// directive appends one %…c.
func (f *format) directive(dst []byte, flags string, c byte) []byte {
	if c == '%' {
		return append(dst, '%')
	}
	left, zero := strings.Contains(flags, "-"), strings.HasPrefix(strings.TrimLeft(flags, "-+ #"), "0")
	width, precision := f.widths(strings.TrimLeft(flags, "-+ #0"))
	var text string
	switch c {
	case 's':
		text = f.next()
	case 'b':
		var b []byte
		b, f.over = appendEscapes(nil, f.next(), escapesEcho)
		text = string(b)
	case 'c':
		text = clip(f.next(), 1)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		text = f.number(c)
		precision = -1
	default:
		f.p.fail("%%%c: invalid format", c)
		f.over, f.status = true, 1
		return dst
	}
	if precision >= 0 {
		text = clip(text, precision)
	}
	pad := " "
	if zero && !left && c != 's' {
		pad = "0"
	}
	fill := strings.Repeat(pad, max(width-len(text), 0))
	if left {
		return append(append(dst, text...), fill...)
	}
	return append(append(dst, fill...), text...)
}

// maxWidth is how wide a field of printf gets.
const maxWidth = 4096

func (f *format) widths(s string) (width, precision int) {
	w, p, dot := strings.Cut(strings.TrimRight(s, "hlqjzt"), ".")
	number := func(s string) int {
		if s == "*" {
			s = f.next()
		}
		n, _ := atoi(s)
		return min(max(n, 0), maxWidth)
	}
	if width = number(w); !dot {
		return width, -1
	}
	return width, number(p)
}

func (f *format) number(c byte) string {
	a := f.next()
	var n int64
	if len(a) > 1 && (a[0] == '\'' || a[0] == '"') {
		n = int64(a[1])
	} else if a != "" {
		v, err := strconv.ParseInt(a, 0, 64)
		if err != nil {
			f.p.fail("%s: invalid number", a)
			f.status = 1
		}
		n = v
	}
	switch c {
	case 'x':
		return strconv.FormatUint(uint64(n), 16)
	case 'X':
		return strings.ToUpper(strconv.FormatUint(uint64(n), 16))
	case 'o':
		return strconv.FormatUint(uint64(n), 8)
	}
	return strconv.FormatInt(n, 10)
}
