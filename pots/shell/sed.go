package shell

import (
	"errors"
	"strings"
)

func init() { register(sedCommands) }

var sedCommands = []command{
	{name: "sed", run: sed, usage: "[-inrE] [-e CMD]... [FILE]...", least: 1},
	{name: "awk", run: awk, usage: "[-F SEP] 'PROG' [FILE]...", least: 1}, {name: "gawk", run: awk}, {name: "mawk", run: awk},
}

// sedCommand is a command of sed: an address, a letter, what s needs.
type sedCommand struct {
	line    int // 0: any, -1: the last
	to      int // of a range of lines; -1: the last
	pattern *regex
	not     bool
	do      byte
	re      *regex
	with    string
	all     bool
	show    bool
}

// maxSed is how many commands a script of sed has.
const maxSed = 64

var errSed = errors.New("unsupported command")

func sed(p *proc) int {
	var scripts []string
	var files []string
	quiet, ext, inPlace := false, false, false
	for i := 0; i < len(p.args); i++ {
		a := p.args[i]
		switch {
		case a == "-e" && i+1 < len(p.args):
			i++
			scripts = append(scripts, p.args[i])
		case strings.HasPrefix(a, "-i"), a == "--in-place":
			inPlace = true
		case len(a) > 1 && a[0] == '-':
			quiet = quiet || strings.Contains(a, "n")
			ext = ext || strings.ContainsAny(a, "rE")
		case len(scripts) == 0:
			scripts = append(scripts, a)
		default:
			files = append(files, a)
		}
	}
	var list []sedCommand
	for _, s := range scripts {
		var err error
		if list, err = parseSed(list, s, ext); err != nil {
			return p.fail("%v", err)
		}
	}
	return p.inputs(files, func(name string, data []byte) bool {
		out := p.sedRun(list, data, quiet)
		if !inPlace || name == "-" {
			return p.write(out)
		}
		w, err := p.writer(name, false, &p.stdio)
		if err == nil {
			_, err = w.Write(out)
		}
		if err != nil {
			p.fail("can't create '%s': %v", name, err)
		}
		return true
	})
}

func parseSed(list []sedCommand, src string, ext bool) ([]sedCommand, error) {
	for {
		src = strings.TrimLeft(src, " \t\n;{}")
		if src == "" {
			return list, nil
		}
		var c sedCommand
		var err error
		if src, err = c.address(src, ext); err != nil {
			return nil, err
		}
		if src == "" || len(list) >= maxSed {
			return nil, errSed
		}
		c.do = src[0]
		src = src[1:]
		switch c.do {
		case 's':
			src, err = c.substitute(src, ext)
		case 'a', 'i', 'c':
			c.with = strings.TrimPrefix(strings.TrimLeft(src, " \t"), "\\\n")
			c.with = strings.TrimPrefix(c.with, `\`)
			src = ""
		case 'p', 'd', 'q', '=', 'n', '!':
		default:
			err = errSed
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
}

func (c *sedCommand) address(src string, ext bool) (string, error) {
	number := func() int {
		if strings.HasPrefix(src, "$") {
			src = src[1:]
			return -1
		}
		v, n := digits(src, 10, 9)
		src = src[n:]
		return v
	}
	if strings.HasPrefix(src, "/") {
		text, rest, ok := cutDelimited(src[1:], '/')
		if !ok {
			return "", errSed
		}
		var err error
		if c.pattern, err = compile(text, ext); err != nil {
			return "", err
		}
		src = rest
	} else if c.line = number(); strings.HasPrefix(src, ",") {
		src = src[1:]
		c.to = number()
	}
	src = strings.TrimLeft(src, " ")
	if strings.HasPrefix(src, "!") {
		c.not = true
		src = src[1:]
	}
	return src, nil
}

// cutDelimited reads up to a delimiter that has no backslash.
func cutDelimited(s string, d byte) (text, rest string, ok bool) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == d:
			return string(b), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			if i++; s[i] != d {
				b = append(b, '\\')
			}
		}
		b = append(b, s[i])
	}
	return "", "", false
}

func (c *sedCommand) substitute(src string, ext bool) (string, error) {
	if src == "" {
		return "", errSed
	}
	d := src[0]
	from, rest, ok := cutDelimited(src[1:], d)
	if !ok {
		return "", errors.New("unterminated s")
	}
	with, rest, ok := cutDelimited(rest, d)
	if !ok {
		return "", errors.New("unterminated s")
	}
	fold := false
	for rest != "" && strings.IndexByte("gpiI0123456789", rest[0]) >= 0 {
		c.all = c.all || rest[0] == 'g'
		c.show = c.show || rest[0] == 'p'
		fold = fold || rest[0]|0x20 == 'i'
		rest = rest[1:]
	}
	re, err := compile(from, ext)
	if err != nil {
		return "", err
	}
	re.fold = fold
	c.re, c.with = re, with
	return rest, nil
}

func (p *proc) sedRun(list []sedCommand, data []byte, quiet bool) []byte {
	var out []byte
	lines := linesOf(data)
	for i, line := range lines {
		if len(out) > p.cfg.Limits.Pipe || !p.work(len(line)*(1+len(list))) {
			break
		}
		gone, quit := false, false
		for k := range list {
			c := &list[k]
			if c.applies(p.Shell, line, i+1, len(lines)) == c.not {
				continue
			}
			switch c.do {
			case 's':
				changed := false
				if line, changed = c.replace(p.Shell, line); changed && c.show {
					out = append(append(out, line...), '\n')
				}
			case 'p':
				out = append(append(out, line...), '\n')
			case 'i':
				out = append(append(out, c.with...), '\n')
			case 'a':
				line += "\n" + c.with
			case 'c':
				line = c.with
			case 'd':
				gone = true
			case 'q':
				quit = true
			}
			if gone {
				break
			}
		}
		if !gone && !quiet {
			out = append(append(out, line...), '\n')
		}
		if quit {
			break
		}
	}
	return out
}

func (c *sedCommand) applies(s *Shell, line string, n, last int) bool {
	switch {
	case c.pattern != nil:
		return c.pattern.match(s, line)
	case c.to != 0:
		return n >= c.line && (c.to < 0 || n <= c.to)
	case c.line < 0:
		return n == last
	}
	return c.line == 0 || c.line == n
}

func (c *sedCommand) replace(s *Shell, line string) (string, bool) {
	var b []byte
	at, changed := 0, false
	for at <= len(line) && len(b) < s.cfg.Limits.Expand && s.step(1) {
		marks, ok := c.re.find(s, line, at)
		if !ok {
			break
		}
		changed = true
		b = append(b, line[at:marks[0]]...)
		b = appendReplacement(b, c.with, line, marks)
		at = marks[1]
		if marks[1] == marks[0] {
			if at < len(line) {
				b = append(b, line[at])
			}
			at++
		}
		if !c.all {
			break
		}
	}
	if at < len(line) {
		b = append(b, line[at:]...)
	}
	return string(b), changed
}

// appendReplacement fills & and \1 to \9.
func appendReplacement(dst []byte, with, line string, marks [20]int) []byte {
	for i := 0; i < len(with); i++ {
		switch c := with[i]; {
		case c == '&':
			dst = append(dst, line[marks[0]:marks[1]]...)
		case c == '\\' && i+1 < len(with):
			i++
			switch c := with[i]; {
			case isDigit(c):
				n := int(c - '0')
				dst = append(dst, line[marks[2*n]:marks[2*n+1]]...)
			case c == 'n':
				dst = append(dst, '\n')
			case c == 't':
				dst = append(dst, '\t')
			default:
				dst = append(dst, c)
			}
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// awk does what droppers use it for: print fields of the lines that match.
func awk(p *proc) int {
	set, rest := p.flags("Fvf")
	if len(rest) == 0 {
		return p.fail("missing program")
	}
	prog := strings.TrimSpace(rest[0])
	var cond *regex
	line := 0
	if strings.HasPrefix(prog, "/") {
		text, after, ok := cutDelimited(prog[1:], '/')
		re, err := compile(text, true)
		if !ok || err != nil {
			return p.fail("bad program")
		}
		cond, prog = re, strings.TrimSpace(after)
	} else if n, ok := strings.CutPrefix(prog, "NR=="); ok {
		v, d := digits(n, 10, 6)
		line, prog = v, strings.TrimSpace(n[d:])
	}
	prog = strings.TrimSpace(strings.Trim(prog, "{}"))
	sep := set['F']
	return p.inputs(rest[1:], func(_ string, data []byte) bool {
		for i, l := range linesOf(data) {
			if cond != nil && !cond.match(p.Shell, l) || line > 0 && line != i+1 {
				continue
			}
			if !p.work(len(l) + len(prog)) {
				return false
			}
			if text, ok := awkPrint(prog, l, sep); ok && !p.print(text+"\n") {
				return false
			}
		}
		return true
	})
}

// awkPrint evaluates "print $1, "x" $2".
func awkPrint(prog, line, sep string) (string, bool) {
	prog, _, _ = strings.Cut(prog, ";")
	if prog == "" {
		return line, true
	}
	list, ok := strings.CutPrefix(prog, "print")
	if !ok {
		return "", false
	}
	if list = strings.TrimSpace(list); list == "" {
		return line, true
	}
	fields := strings.Fields(line)
	if sep != "" {
		fields = strings.Split(line, sep)
	}
	var b strings.Builder
	for list != "" && b.Len() < 4*pathMax {
		switch {
		case strings.HasPrefix(list, "$NF"):
			if len(fields) > 0 {
				b.WriteString(fields[len(fields)-1])
			}
			list = list[3:]
		case list[0] == '$':
			n, d := digits(list[1:], 10, 4)
			switch {
			case n == 0:
				b.WriteString(line)
			case n <= len(fields):
				b.WriteString(fields[n-1])
			}
			list = list[1+d:]
		case list[0] == '"':
			text, rest, ok := cutDelimited(list[1:], '"')
			if !ok {
				return "", false
			}
			raw, _ := appendEscapes(nil, text, escapesQuote)
			b.Write(raw)
			list = rest
		case list[0] == ',':
			b.WriteByte(' ')
			list = list[1:]
		default:
			list = list[1:]
		}
		list = strings.TrimLeft(list, " ")
	}
	return b.String(), true
}
