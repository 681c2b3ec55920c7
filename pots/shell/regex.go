package shell

import (
	"errors"
	"strings"
)

// Regular expressions as grep and sed need them: POSIX basic and extended,
// without back references. Matching goes back and forth, so that it counts its
// steps as work of the shell's line.

var errRegex = errors.New("bad regex")

// Limits of an expression.
const (
	maxRegex  = 1024 // bytes
	maxRegexN = 256  // parts in each other, and times of x{m,n}
)

// reKind is what a part of an expression is.
type reKind uint8

const (
	reByte reKind = iota
	reAny
	reClass
	reStart
	reEnd
	reGroup
	reWord // \b, \<, \>
)

// rePart is a part and how often it may come.
type rePart struct {
	kind     reKind
	c        byte
	class    string // "[…]" as in glob.go
	alts     [][]rePart
	group    int
	low, top int // top -1: no end
}

// regex is a compiled expression: alternatives of sequences.
type regex struct {
	alts   [][]rePart
	groups int
	fold   bool
}

type reParser struct {
	src    string
	at     int
	ext    bool
	groups int
	depth  int
}

// compile reads an expression; ext says that it is an extended one.
func compile(src string, ext bool) (*regex, error) {
	if len(src) > maxRegex {
		return nil, errRegex
	}
	p := &reParser{src: src, ext: ext}
	alts, err := p.alternatives()
	if err == nil && p.at < len(src) {
		err = errRegex
	}
	return &regex{alts: alts, groups: p.groups}, err
}

// op tells whether an operator stands here: as it is in an extended
// expression, behind a backslash in a basic one.
func (p *reParser) op(c byte) bool {
	if p.at >= len(p.src) {
		return false
	}
	if p.ext {
		return p.src[p.at] == c
	}
	return p.src[p.at] == '\\' && p.at+1 < len(p.src) && p.src[p.at+1] == c
}

func (p *reParser) skip() { p.at += 2 - b2i(p.ext) }

func (p *reParser) alternatives() (alts [][]rePart, err error) {
	if p.depth++; p.depth > maxParse {
		return nil, errRegex
	}
	defer func() { p.depth-- }()
	for {
		var seq []rePart
		for p.at < len(p.src) && !p.op('|') && !(p.depth > 1 && p.op(')')) {
			part, err := p.part(len(seq) == 0)
			if err != nil {
				return nil, err
			}
			seq = append(seq, part)
		}
		alts = append(alts, seq)
		if !p.op('|') {
			return alts, nil
		}
		p.skip()
	}
}

// part reads one part and its repetition.
func (p *reParser) part(first bool) (rePart, error) {
	r, err := p.atom(first)
	if err != nil {
		return r, err
	}
	r.low, r.top = 1, 1
	for p.at < len(p.src) {
		switch {
		case p.src[p.at] == '*' && r.kind != reStart:
			r.low, r.top = 0, -1
			p.at++
		case p.op('+'):
			r.top = -1
			p.skip()
		case p.op('?'):
			r.low = 0
			p.skip()
		case p.op('{'):
			if err := p.times(&r); err != nil {
				return r, err
			}
		default:
			return r, nil
		}
	}
	return r, nil
}

// times reads {m,n}.
func (p *reParser) times(r *rePart) error {
	p.skip()
	end := strings.IndexByte(p.src[p.at:], '}')
	if end < 0 {
		return errRegex
	}
	text := strings.TrimSuffix(p.src[p.at:p.at+end], `\`)
	p.at += end + 1
	low, high, pair := strings.Cut(text, ",")
	var ok bool
	if r.low, ok = atoi(low); !ok || r.low < 0 || r.low > maxRegexN {
		return errRegex
	}
	if r.top = r.low; pair {
		r.top = -1
		if high != "" {
			if r.top, ok = atoi(high); !ok || r.top < r.low || r.top > maxRegexN {
				return errRegex
			}
		}
	}
	return nil
}

func (p *reParser) atom(first bool) (rePart, error) {
	c := p.src[p.at]
	switch {
	case p.op('('):
		return p.group()
	case c == '.':
		p.at++
		return rePart{kind: reAny}, nil
	case c == '[':
		n, _ := matchClass(p.src[p.at:], 0)
		if n == 0 {
			return rePart{}, errRegex
		}
		p.at += n
		return rePart{kind: reClass, class: p.src[p.at-n : p.at]}, nil
	case c == '^' && (p.ext || first):
		p.at++
		return rePart{kind: reStart}, nil
	case c == '$' && (p.ext || p.at+1 == len(p.src) || strings.HasPrefix(p.src[p.at+1:], `\)`) || strings.HasPrefix(p.src[p.at+1:], `\|`)):
		p.at++
		return rePart{kind: reEnd}, nil
	case c == '\\':
		return p.escape()
	}
	p.at++
	return rePart{kind: reByte, c: c}, nil
}

func (p *reParser) escape() (rePart, error) {
	if p.at+1 == len(p.src) {
		return rePart{}, errRegex
	}
	c := p.src[p.at+1]
	p.at += 2
	switch c {
	case 'd':
		return rePart{kind: reClass, class: "[0-9]"}, nil
	case 's':
		return rePart{kind: reClass, class: "[ \t\n\r]"}, nil
	case 'S':
		return rePart{kind: reClass, class: "[^ \t\n\r]"}, nil
	case 'w':
		return rePart{kind: reClass, class: "[A-Za-z0-9_]"}, nil
	case 'b', '<', '>':
		return rePart{kind: reWord}, nil
	case 'n':
		c = '\n'
	case 't':
		c = '\t'
	}
	return rePart{kind: reByte, c: c}, nil
}

func (p *reParser) group() (rePart, error) {
	p.skip()
	p.groups++
	r := rePart{kind: reGroup, group: p.groups}
	alts, err := p.alternatives()
	if err == nil && !p.op(')') {
		err = errRegex
	}
	if err != nil {
		return r, err
	}
	p.skip()
	r.alts = alts
	return r, nil
}

// matcher is one search under way.
type matcher struct {
	s     *Shell
	re    *regex
	text  string
	marks [20]int // where groups begin and end; group 0 is the whole
	steps int
	depth int
}

// Limits of one search: its steps, and how deep it may go.
const (
	maxMatch      = 20_000
	maxMatchDepth = 1100
)

// find returns where the expression first matches, from a place on.
func (re *regex) find(s *Shell, text string, from int) (marks [20]int, ok bool) {
	m := matcher{s: s, re: re, text: text}
	defer func() { s.step(m.steps / 64) }()
	lit := re.first()
	for at := from; at <= len(text); at++ {
		if lit != 0 {
			n := strings.IndexByte(text[at:], lit)
			if n < 0 {
				break
			}
			at += n
		}
		end := -1
		if m.alternatives(re.alts, at, func(to int) bool { end = to; return true }) {
			m.marks[0], m.marks[1] = at, end
			return m.marks, true
		}
		if m.steps > maxMatch {
			break
		}
	}
	return marks, false
}

// first is the byte that every match begins with, or 0.
func (re *regex) first() byte {
	if re.fold || len(re.alts) != 1 || len(re.alts[0]) == 0 {
		return 0
	}
	if p := re.alts[0][0]; p.kind == reByte && p.low > 0 {
		return p.c
	}
	return 0
}

func (re *regex) match(s *Shell, text string) bool {
	_, ok := re.find(s, text, 0)
	return ok
}

func (m *matcher) alternatives(alts [][]rePart, at int, then func(int) bool) bool {
	for _, seq := range alts {
		if m.sequence(seq, at, then) {
			return true
		}
	}
	return false
}

func (m *matcher) sequence(seq []rePart, at int, then func(int) bool) bool {
	if m.steps++; m.steps > maxMatch || m.depth > maxMatchDepth {
		return false
	}
	if len(seq) == 0 {
		return then(at)
	}
	m.depth++
	defer func() { m.depth-- }()
	p := &seq[0]
	if p.kind == reGroup {
		return m.group(p, 0, at, func(to int) bool { return m.sequence(seq[1:], to, then) })
	}
	// As many as there are, then fewer.
	n, width := 0, 1
	if p.kind == reStart || p.kind == reEnd || p.kind == reWord { // once is as often as one likes
		width = 0
	}
	for (p.top < 0 || n < p.top) && m.one(p, at+n*width) {
		if n++; width == 0 {
			n = max(n, p.low)
			break
		}
	}
	m.steps += n / 8
	for ; n >= p.low; n-- {
		if m.sequence(seq[1:], at+n*width, then) {
			return true
		}
	}
	return false
}

// group matches a group as often as it can, at least low times.
func (m *matcher) group(p *rePart, n, at int, then func(int) bool) bool {
	if m.steps++; m.steps > maxMatch || m.depth > maxMatchDepth {
		return false
	}
	m.depth++
	defer func() { m.depth-- }()
	if p.top < 0 || n < p.top {
		ok := m.alternatives(p.alts, at, func(to int) bool {
			if to == at && n >= p.low {
				return false
			}
			var old [2]int
			if p.group < 10 {
				old = [2]int(m.marks[2*p.group:])
				m.marks[2*p.group], m.marks[2*p.group+1] = at, to
			}
			if m.group(p, n+1, to, then) {
				return true
			}
			if p.group < 10 {
				m.marks[2*p.group], m.marks[2*p.group+1] = old[0], old[1]
			}
			return false
		})
		if ok {
			return true
		}
	}
	return n >= p.low && then(at)
}

// one matches one byte, or a place between two.
func (m *matcher) one(p *rePart, at int) bool {
	switch p.kind {
	case reStart:
		return at == 0
	case reEnd:
		return at == len(m.text)
	case reWord:
		return (at > 0 && isWordByte(m.text[at-1])) != (at < len(m.text) && isWordByte(m.text[at]))
	}
	if at >= len(m.text) {
		return false
	}
	c := m.text[at]
	switch p.kind {
	case reAny:
		return true
	case reClass:
		_, ok := matchClass(p.class, c)
		if !ok && m.re.fold && isLetter(c) {
			_, ok = matchClass(p.class, c^0x20)
		}
		return ok
	}
	return p.c == c || m.re.fold && isLetter(c) && isLetter(p.c) && p.c|0x20 == c|0x20
}

func isWordByte(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }
