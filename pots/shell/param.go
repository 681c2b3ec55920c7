package shell

import (
	"strconv"
	"strings"
)

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// get returns a variable or a special parameter; "" if it is not set.
func (s *Shell) get(name string) string { v, _ := s.lookup(name); return v }

// lookup returns a variable, and whether it is set.
func (s *Shell) lookup(name string) (string, bool) {
	if v, ok := s.vars[name]; ok {
		return v, true
	}
	switch name {
	case "?":
		return strconv.Itoa(s.status), true
	case "$":
		return strconv.Itoa(s.pid()), true
	case "!":
		if s.bgPID == 0 {
			return "", false
		}
		return strconv.Itoa(s.bgPID), true
	case "#":
		return strconv.Itoa(max(len(s.args)-1, 0)), true
	case "-":
		return "smi"[b2i(s.exec):], true
	case "0":
		return s.name(), true
	case "@", "*":
		return strings.Join(s.args[min(1, len(s.args)):], " "), len(s.args) > 1
	case "PWD":
		return s.cwd, true
	}
	if n, ok := atoi(name); ok {
		if n > 0 && n < len(s.args) {
			return s.args[n], true
		}
		return "", false
	}
	return s.environment(name)
}

// environment returns what a login sets.
func (s *Shell) environment(name string) (string, bool) {
	switch name {
	case "HOME":
		return s.user.Home, true
	case "USER", "LOGNAME":
		return s.user.Name, true
	case "SHELL":
		return s.user.Shell, true
	case "PATH":
		if p := s.p.Get("path"); p != "" {
			return p, true
		}
		return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", true
	case "TERM":
		if s.exec {
			return "", false
		}
		return s.orGet("term", "linux"), true
	case "HOSTNAME":
		return s.p.Hostname, s.p.Bash
	case "LANG":
		return s.p.Get("lang"), s.p.Has("lang")
	case "SHLVL":
		return strconv.Itoa(s.level + s.scripts + 1), true
	case "PS2":
		return "> ", true
	case "PS4":
		return "+ ", true
	case "OPTIND", "PPID":
		return "1", true
	case "UID", "EUID":
		return strconv.Itoa(s.user.UID), s.p.Bash
	case "BASH_VERSION":
		return s.p.Get("bash.version"), s.p.Bash
	case "RANDOM":
		s.pids += 7
		return strconv.Itoa((s.pid()*7919 + s.pids*104729) & 32767), true
	}
	return "", false
}

func (s *Shell) orGet(key, def string) string {
	if s.p.Has(key) {
		return s.p.Get(key)
	}
	return def
}

// pid is the shell's own.
func (s *Shell) pid() int { return s.p.LastPID(s.cfg.Now()) + s.level + s.scripts }

// name is $0.
func (s *Shell) name() string {
	switch {
	case len(s.args) > 0:
		return s.args[0]
	case s.level > 0 || s.exec:
		return s.shellName()
	}
	return "-" + s.shellName()
}

func (s *Shell) shellName() string {
	if name := s.p.Get("shell.name"); name != "" {
		return name
	}
	if s.p.Bash {
		return "bash"
	}
	return "sh"
}

// set gives a variable a value, within Limits.Vars.
func (s *Shell) set(name, value string) {
	old, had := s.vars[name]
	n := len(value) - len(old)
	if !had {
		n += len(name) + 48 // what an entry of a map costs, about
	}
	if s.bytes+n > s.cfg.Limits.Vars {
		s.halt(limitVars)
		return
	}
	if s.vars == nil {
		s.vars = make(map[string]string)
	}
	s.bytes += n
	s.vars[name] = strings.Clone(value) // not a piece of the line it came from
}

func (s *Shell) unset(name string) {
	if old, ok := s.vars[name]; ok {
		s.bytes -= len(name) + 48 + len(old)
		delete(s.vars, name)
	}
}

// assign does NAME=value and NAME+=value.
func (s *Shell) assign(raw string, std *stdio) {
	s.work(64)
	name, value, _ := strings.Cut(raw, "=")
	v := s.word(value, std)
	if rest, ok := strings.CutSuffix(name, "+"); ok {
		name, v = rest, s.get(rest)+v
		s.work(len(v))
	}
	s.set(name, v)
}

// parameter adds ${…}; in is what stands between the braces.
func (x *expander) parameter(in string, doc bool) {
	if len(in) > 1 && in[0] == '#' {
		x.value(strconv.Itoa(len(x.s.get(in[1:]))), doc)
		return
	}
	end := 0
	for end < len(in) && (isLetter(in[end]) || isDigit(in[end]) || in[end] == '_') {
		end++
	}
	if end == 0 && in != "" && strings.IndexByte("?$!#-@*", in[0]) >= 0 {
		end = 1
	}
	name, op := in[:end], in[end:]
	if end == 0 {
		x.s.complain(x.std, "syntax error: bad substitution")
		x.s.status = 2
		return
	}
	if op == "" {
		if name == "@" || name == "*" {
			x.arguments(name == "@", doc)
			return
		}
		x.value(x.s.get(name), doc)
		return
	}
	x.operator(name, op, doc)
}

// operator does what stands behind a name in ${name…}.
func (x *expander) operator(name, op string, doc bool) {
	v, ok := x.s.lookup(name)
	colon := op[0] == ':'
	if colon && len(op) > 1 && strings.IndexByte("-=+?", op[1]) >= 0 {
		ok = ok && v != ""
		op = op[1:]
	} else if colon {
		x.value(x.slice(v, op[1:]), doc)
		return
	}
	switch op[0] {
	case '-', '=':
		if ok {
			x.value(v, doc)
			return
		}
		if op[0] == '=' {
			x.s.set(name, x.s.word(op[1:], x.std))
			x.value(x.s.get(name), doc)
			return
		}
		x.run(op[1:], doc, true)
	case '+':
		if ok {
			x.run(op[1:], doc, true)
		}
	case '?':
		if ok {
			x.value(v, doc)
			return
		}
		x.s.complain(x.std, "%s: parameter not set", name)
		x.s.status = 2
	case '%', '#':
		x.value(x.trim(v, op), doc)
	case '/':
		x.value(x.replace(v, op[1:]), doc)
	case '^', ',':
		if op[0] == '^' {
			x.value(strings.ToUpper(v), doc)
		} else {
			x.value(strings.ToLower(v), doc)
		}
	default:
		x.s.complain(x.std, "syntax error: bad substitution")
		x.s.status = 2
	}
}

// trim does ${v%p}, ${v%%p}, ${v#p} and ${v##p}.
func (x *expander) trim(v, op string) string {
	front, long := op[0] == '#', len(op) > 1 && op[1] == op[0]
	p := x.s.pattern(op[1+b2i(long):], x.std)
	for i := 0; i <= len(v); i++ {
		n := i // the shortest first
		if long {
			n = len(v) - i
		}
		if !x.s.work(len(v) + len(p)) {
			return ""
		}
		if front && x.s.match(p, v[:n]) {
			return v[n:]
		}
		if !front && x.s.match(p, v[len(v)-n:]) {
			return v[:len(v)-n]
		}
	}
	return v
}

// replace does ${v/p/r} and ${v//p/r}.
func (x *expander) replace(v, op string) string {
	op, all := strings.CutPrefix(op, "/")
	from, to, _ := strings.Cut(op, "/")
	from, to = x.s.pattern(from, x.std), x.s.word(to, x.std)
	var b strings.Builder
	for i := 0; i < len(v) && !x.s.stopped(); {
		n := x.s.longest(from, v[i:])
		if n == 0 {
			b.WriteByte(v[i])
			i++
			continue
		}
		b.WriteString(to)
		if i += n; !all || !x.grow(len(to)) {
			b.WriteString(v[i:])
			break
		}
	}
	return b.String()
}

// longest is how much of the start of v a pattern matches.
func (s *Shell) longest(p, v string) int {
	s.work(1 + len(p))
	if p == "" {
		return 0
	}
	if !strings.ContainsAny(p, globBytes) {
		return len(p) * b2i(strings.HasPrefix(v, p))
	}
	for n := len(v); n > 0 && s.work(n+len(p)); n-- {
		if s.match(p, v[:n]) {
			return n
		}
	}
	return 0
}

// slice does ${v:offset:length}.
func (x *expander) slice(v, op string) string {
	first, second, cut := strings.Cut(op, ":")
	from, err := x.s.arith(x.s.word(first, x.std))
	if err != nil {
		return ""
	}
	if from < 0 {
		from += int64(len(v))
	}
	from = min(max(from, 0), int64(len(v)))
	v = v[from:]
	if !cut {
		return v
	}
	n, err := x.s.arith(x.s.word(second, x.std))
	if err != nil {
		return ""
	}
	if n < 0 {
		n += int64(len(v))
	}
	return v[:min(max(n, 0), int64(len(v)))]
}

// maxBraces is how many words one word with braces becomes.
const maxBraces = 256

// braces does bash's {a,b} and {1..9}.
func (s *Shell) braces(w string) []string {
	open, end, parts := s.findBraces(w)
	if parts == nil {
		return []string{w}
	}
	var list []string
	for _, p := range parts {
		for _, rest := range s.braces(w[:open] + p + w[end:]) {
			if list = append(list, rest); len(list) >= maxBraces || !s.work(256+len(w)) {
				return list
			}
		}
	}
	return list
}

// findBraces returns the first pair of braces that means something, and its
// parts.
func (s *Shell) findBraces(w string) (open, end int, parts []string) {
	for i := 0; i < len(w); {
		if w[i] != '{' {
			n, err := skipPart(w[i:], maxParse)
			if err != nil {
				return 0, 0, nil
			}
			i += n
			continue
		}
		if !s.work(len(w) - i) {
			break
		}
		if parts, n := braceParts(w[i:]); parts != nil {
			return i, i + n, parts
		}
		i++
	}
	return 0, 0, nil
}

// braceParts cuts "{a,b}" at the start of s.
func braceParts(s string) (parts []string, n int) {
	depth, start := 0, 1
	for i := 0; i < len(s); {
		switch s[i] {
		case '{':
			depth++
			i++
		case ',':
			if depth == 1 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
			i++
		case '}':
			i++
			if depth--; depth == 0 {
				if parts == nil {
					return braceRange(s[1 : i-1]), i
				}
				return append(parts, s[start:i-1]), i
			}
		default:
			n, err := skipPart(s[i:], maxParse)
			if err != nil {
				return nil, 0
			}
			i += n
		}
	}
	return nil, 0
}

func braceRange(s string) []string {
	a, b, ok := strings.Cut(s, "..")
	if !ok {
		return nil
	}
	low, ok1 := atoi(a)
	high, ok2 := atoi(b)
	if len(a) == 1 && len(b) == 1 && isLetter(a[0]) && isLetter(b[0]) {
		var list []string
		for c := a[0]; c <= b[0]; c++ {
			list = append(list, string(rune(c)))
		}
		return list
	}
	if !ok1 || !ok2 || high < low || high-low >= maxBraces {
		return nil
	}
	var list []string
	for ; low <= high; low++ {
		list = append(list, strconv.Itoa(low))
	}
	return list
}
