package shell

import (
	"strconv"
	"strings"
)

// condition evaluates the arguments of test, [ and [[.
type condition struct {
	p     *proc
	args  []string
	depth int
	bad   string
}

func test(p *proc) int {
	c := condition{p: p, args: p.args}
	if p.name != "test" {
		end := p.name[:1]
		end = strings.Repeat("]", len(p.name)*len(end))
		if len(c.args) == 0 || c.args[len(c.args)-1] != end {
			return p.fail("missing %s", end) + 1
		}
		c.args = c.args[:len(c.args)-1]
	}
	ok := c.or()
	if c.bad == "" && len(c.args) > 0 {
		c.bad = c.args[0] + ": unknown operand"
	}
	if c.bad != "" {
		p.complain(&p.stdio, "%s", c.bad)
		return 2
	}
	return b2i(!ok)
}

func (c *condition) take(words ...string) bool {
	for _, w := range words {
		if len(c.args) > 0 && c.args[0] == w {
			c.args = c.args[1:]
			return true
		}
	}
	return false
}

func (c *condition) or() bool {
	v := c.and()
	for c.take("-o", "||") {
		w := c.and()
		v = v || w
	}
	return v
}

func (c *condition) and() bool {
	v := c.not()
	for c.take("-a", "&&") {
		w := c.not()
		v = v && w
	}
	return v
}

func (c *condition) not() bool {
	if c.depth++; c.depth > maxParse {
		c.bad = "too many operators"
		return false
	}
	defer func() { c.depth-- }()
	if len(c.args) > 1 && c.take("!") {
		return !c.not()
	}
	if len(c.args) > 2 && c.args[0] == "(" && !isBinary(c.args[1]) {
		c.args = c.args[1:]
		v := c.or()
		if !c.take(")") {
			c.bad = "missing )"
		}
		return v
	}
	return c.primary()
}

func (c *condition) primary() bool {
	a := c.args
	switch {
	case len(a) == 0:
		return false
	case len(a) >= 3 && isBinary(a[1]):
		c.args = a[3:]
		return c.binary(a[0], a[1], a[2])
	case len(a) >= 2 && len(a[0]) == 2 && a[0][0] == '-' && isLetter(a[0][1]):
		c.args = a[2:]
		return c.unary(a[0][1], a[1])
	}
	c.args = a[1:]
	return a[0] != ""
}

func isBinary(op string) bool {
	switch op {
	case "=", "==", "!=", "<", ">", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef":
		return true
	}
	return false
}

func (c *condition) binary(a, op, b string) bool {
	switch op {
	case "=", "==":
		if c.p.name == "[[" {
			return c.p.match(b, a)
		}
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case ">":
		return a > b
	case "=~":
		re, err := compile(b, true)
		return err == nil && re.match(c.p.Shell, a)
	case "-nt", "-ot", "-ef":
		return c.files(a, op, b)
	}
	x, y := c.number(a), c.number(b)
	switch op {
	case "-eq":
		return x == y
	case "-ne":
		return x != y
	case "-lt":
		return x < y
	case "-le":
		return x <= y
	case "-gt":
		return x > y
	}
	return x >= y
}

func (c *condition) files(a, op, b string) bool {
	f, err1 := c.p.fs.walk(a, true)
	g, err2 := c.p.fs.walk(b, true)
	if err1 != nil || err2 != nil {
		return op == "-nt" && err1 == nil || op == "-ot" && err2 == nil
	}
	switch op {
	case "-nt":
		return c.p.fs.mtime(f).After(c.p.fs.mtime(g))
	case "-ot":
		return c.p.fs.mtime(f).Before(c.p.fs.mtime(g))
	}
	return f.path == g.path
}

func (c *condition) number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		c.bad = s + ": bad number"
	}
	return n
}

func (c *condition) unary(op byte, a string) bool {
	switch op {
	case 'n':
		return a != ""
	case 'z':
		return a == ""
	case 't':
		return !c.p.exec && c.p.cfg.TTY
	case 'v':
		_, ok := c.p.lookup(a)
		return ok
	}
	f, err := c.p.fs.walk(a, op != 'h' && op != 'L')
	if err != nil {
		return false
	}
	switch op {
	case 'd':
		return f.isDir()
	case 'f':
		return f.isReg()
	case 'h', 'L':
		return f.isLink()
	case 's':
		return c.p.fs.size(f) > 0
	case 'x':
		return f.isDir() || f.mode()&0o111 != 0
	case 'w':
		return c.p.fs.writable(f.path) == nil
	case 'b', 'c':
		return f.isDev()
	case 'p', 'S', 'g', 'u', 'k':
		return false
	}
	return true
}
