package shell

import (
	"strings"
)

// expander turns raw words into fields.
type expander struct {
	s      *Shell
	std    *stdio
	fields []string
	cur    []byte // a pattern, see glob.go
	has    bool   // the field exists even if it is empty
	globs  bool   // it holds * ? or [ that were not quoted
	esc    bool   // it holds backslashes
	split  bool   // unquoted values are cut at blanks, and patterns look for files
	size   int
}

// words expands the words of a command.
func (s *Shell) words(raw []string, std *stdio) []string {
	x := expander{s: s, std: std, split: true, fields: make([]string, 0, len(raw))}
	for _, w := range raw {
		if s.stopped() {
			break
		}
		if s.p.Bash && strings.IndexByte(w, '{') >= 0 {
			for _, w := range s.braces(w) {
				x.word(w)
			}
			continue
		}
		x.word(w)
	}
	s.work(16 * len(x.fields))
	return x.fields
}

// word expands to one text: of assignments, redirections and cases.
func (s *Shell) word(raw string, std *stdio) string { return unquotePattern(s.pattern(raw, std)) }

// pattern expands to one pattern.
func (s *Shell) pattern(raw string, std *stdio) string {
	if plainWord(raw) {
		s.work(len(raw))
		return raw
	}
	x := expander{s: s, std: std}
	x.run(raw, false, true)
	return string(x.cur)
}

// document expands the body of a here-document.
func (s *Shell) document(body string, std *stdio) string {
	if !strings.ContainsAny(body, "$`\\") {
		return body
	}
	x := expander{s: s, std: std}
	x.run(body, true, false)
	return unquotePattern(string(x.cur))
}

// plainWord tells whether a word means itself.
func plainWord(w string) bool {
	for i := range len(w) {
		switch w[i] {
		case '\\', '\'', '"', '$', '`', '*', '?', '[', ']', '~', '<', '>', '{':
			return false
		}
	}
	return true
}

func (x *expander) word(w string) {
	if plainWord(w) {
		if x.grow(len(w)) {
			x.fields = append(x.fields, w)
		}
		return
	}
	x.run(w, false, true)
	x.end()
}

// end finishes a field.
func (x *expander) end() {
	if len(x.cur) == 0 && !x.has {
		return
	}
	p := string(x.cur)
	globs, esc := x.globs, x.esc
	x.cur, x.has, x.globs, x.esc = x.cur[:0], false, false, false
	if globs && x.split {
		if found := x.s.glob(p); len(found) > 0 {
			for _, f := range found {
				x.grow(len(f) + 16)
			}
			x.fields = append(x.fields, found...)
			return
		}
	}
	if globs || esc {
		p = unquotePattern(p)
	}
	x.grow(16)
	x.fields = append(x.fields, p)
}

// grow counts what expansion makes.
func (x *expander) grow(n int) bool {
	x.s.work(n)
	if x.size += n; x.size > x.s.cfg.Limits.Expand {
		x.s.halt(limitExpand)
	}
	return !x.s.stopped()
}

// quoted adds bytes that mean themselves.
func (x *expander) quoted(s string) {
	if !x.grow(len(s)) {
		return
	}
	before := len(x.cur)
	x.cur = quotePattern(x.cur, s)
	x.esc = x.esc || len(x.cur)-before > len(s)
}

// open adds a byte that was not quoted.
func (x *expander) open(c byte) {
	if !x.grow(1) {
		return
	}
	switch c {
	case '*', '?', '[':
		x.globs = true
	case '\\':
		x.cur, x.esc = append(x.cur, '\\'), true
	}
	x.cur = append(x.cur, c)
}

// value adds what a substitution gave: in quotes as it is, else cut at blanks.
func (x *expander) value(v string, quoted bool) {
	if quoted {
		x.quoted(v)
		return
	}
	ifs := " \t\n"
	if set, ok := x.s.vars["IFS"]; ok {
		ifs = set
	}
	x.s.work(len(ifs) / 64 * len(v))
	for i := 0; i < len(v) && !x.s.stopped(); i++ {
		c := v[i]
		if !x.split || strings.IndexByte(ifs, c) < 0 {
			x.open(c)
			continue
		}
		if c > ' ' {
			x.has = true // a, , b are three
		}
		x.end()
	}
}

// run expands a raw text. doc says that it is the inside of double quotes or a
// here-document, quotes whether double quotes mean something in it.
func (x *expander) run(raw string, doc, quotes bool) {
	x.s.work(len(raw))
	for i := 0; i < len(raw) && !x.s.stopped(); {
		c := raw[i]
		switch {
		case c == '\\':
			i += x.backslash(raw[i:], doc)
		case c == '\'' && !doc:
			n := strings.IndexByte(raw[i+1:], '\'')
			if n < 0 {
				n = len(raw) - i - 1
			}
			x.has = true
			x.quoted(raw[i+1 : i+1+n])
			i += n + 2
		case c == '"' && quotes && !doc:
			n, _ := skipQuoted(raw[i:], maxParse)
			if n < 2 {
				n = len(raw) - i + 1
			}
			x.has = true
			x.run(raw[i+1:i+n-1], true, true)
			i += n
		case c == '"' && quotes: // inside of "${x:-"a"}"
			i++
		case c == '$':
			i += x.dollar(raw[i:], doc)
		case c == '`':
			i += x.backticks(raw[i:], doc)
		case c == '~' && i == 0 && !doc:
			i += x.tilde(raw)
		case (c == '<' || c == '>') && !doc && strings.HasPrefix(raw[i+1:], "("):
			n, err := skipParens(raw[i+1:], maxParse)
			if err != nil {
				n = len(raw) - i - 1
			}
			x.s.capture(strings.TrimSuffix(raw[i+2:i+1+n], ")"), x.std)
			x.quoted("/dev/fd/63")
			i += 1 + n
		case doc:
			n := 1
			for i+n < len(raw) && strings.IndexByte("\\\"$`", raw[i+n]) < 0 {
				n++
			}
			x.quoted(raw[i : i+n])
			i += n
		default:
			x.open(c)
			i++
		}
	}
}

// backslash reads an escape.
func (x *expander) backslash(s string, doc bool) int {
	if len(s) == 1 {
		x.quoted(`\`)
		return 1
	}
	switch {
	case s[1] == '\n':
	case doc && strings.IndexByte("$`\"\\", s[1]) < 0:
		x.quoted(s[:2])
	default:
		x.has = true
		x.quoted(s[1:2])
	}
	return 2
}

// tilde reads ~ and ~user at the start of a word.
func (x *expander) tilde(s string) int {
	end := 1
	for end < len(s) && (isLetter(s[end]) || isDigit(s[end]) || s[end] == '_' || s[end] == '-') {
		end++
	}
	if end < len(s) && s[end] != '/' {
		x.open('~')
		return 1
	}
	home := x.s.get("HOME")
	if end > 1 {
		u := x.s.p.User(s[1:end])
		if u.Home == x.s.user.Home && s[1:end] != x.s.user.Name && s[1:end] != "root" {
			x.open('~')
			return 1
		}
		home = u.Home
	}
	x.quoted(home)
	return end
}

// backticks reads `command`.
func (x *expander) backticks(s string, doc bool) int {
	n, err := skipBackticks(s)
	if err != nil {
		x.quoted("`")
		return 1
	}
	inner := s[1 : n-1]
	if strings.IndexByte(inner, '\\') >= 0 {
		var b []byte
		for i := 0; i < len(inner); i++ {
			if inner[i] == '\\' && i+1 < len(inner) && (strings.IndexByte("\\`$", inner[i+1]) >= 0 || doc && inner[i+1] == '"') {
				i++
			}
			b = append(b, inner[i])
		}
		inner = string(b)
	}
	x.value(x.s.capture(inner, x.std), doc)
	return n
}

// dollar reads what begins with a dollar sign.
func (x *expander) dollar(s string, doc bool) int {
	x.s.work(32)
	if len(s) == 1 {
		x.quoted("$")
		return 1
	}
	switch c := s[1]; {
	case strings.HasPrefix(s, "$(("):
		if n := x.arithmetic(s, doc); n > 0 {
			return n
		}
		return x.command(s, doc)
	case c == '(':
		return x.command(s, doc)
	case c == '{':
		n, err := skipBraces(s, maxParse)
		if err != nil {
			x.quoted("$")
			return 1
		}
		x.parameter(s[2:n-1], doc)
		return n
	case c == '\'' && !doc:
		n, err := skipDollar(s, maxParse)
		if err != nil {
			x.quoted("$")
			return 1
		}
		text, _ := appendEscapes(nil, s[2:n-1], escapesQuote)
		x.has = true
		x.quoted(string(text))
		return n
	case c == '"' && !doc:
		return 1
	case c == '@' || c == '*':
		x.arguments(c == '@', doc)
		return 2
	case strings.IndexByte("?$!#-0123456789", c) >= 0:
		x.value(x.s.get(s[1:2]), doc)
		return 2
	}
	end := 1
	for end < len(s) && (isLetter(s[end]) || s[end] == '_' || end > 1 && isDigit(s[end])) {
		end++
	}
	if end == 1 {
		x.quoted("$")
		return 1
	}
	x.value(x.s.get(s[1:end]), doc)
	return end
}

// arguments adds $@ or $*.
func (x *expander) arguments(each, doc bool) {
	for i, a := range x.s.args[min(1, len(x.s.args)):] {
		if i > 0 && doc && each && x.split {
			x.end()
		} else if i > 0 {
			x.value(" ", doc)
		}
		if doc {
			x.has = true
		}
		x.value(a, doc)
	}
}

// command adds the output of $(command).
func (x *expander) command(s string, doc bool) int {
	n, err := skipParens(s[1:], maxParse)
	if err != nil {
		x.quoted("$")
		return 1
	}
	x.value(x.s.capture(s[2:n], x.std), doc)
	return n + 1
}

// arithmetic adds the value of $((…)); 0 if it is a command that begins with a
// subshell.
func (x *expander) arithmetic(s string, doc bool) int {
	n, err := skipParens(s[1:], maxParse)
	if err != nil || !strings.HasSuffix(s[:n+1], "))") {
		return 0
	}
	inner := expander{s: x.s, std: x.std}
	inner.run(s[3:n-1], true, false)
	v, err := x.s.arith(unquotePattern(string(inner.cur)))
	if err != nil {
		x.s.complain(x.std, "arithmetic syntax error")
		x.s.status = 2
	}
	x.value(formatInt(v), doc)
	return n + 1
}
