package shell

import (
	"errors"
	"strconv"
	"strings"
)

// maxDigits is more than a number has; what is longer is none, and its error
// would hold a copy of it.
const maxDigits = 80

var errArith = errors.New("arithmetic syntax error")

// arithmetic reads an expression of $((…)): C's operators on 64 bits.
type arithmetic struct {
	s     *Shell
	src   string
	at    int
	depth int
}

func (s *Shell) arith(src string) (int64, error) {
	if strings.TrimSpace(src) == "" {
		return 0, nil
	}
	s.work(8 * len(src))
	a := arithmetic{s: s, src: src}
	v, err := a.choice()
	if err == nil && a.peek() != 0 {
		err = errArith
	}
	return v, err
}

// peek returns the next byte that is no blank, 0 at the end.
func (a *arithmetic) peek() byte {
	for a.at < len(a.src) && strings.IndexByte(" \t\n\r", a.src[a.at]) >= 0 {
		a.at++
	}
	if a.at == len(a.src) {
		return 0
	}
	return a.src[a.at]
}

func (a *arithmetic) take(op string) bool {
	a.peek()
	if !strings.HasPrefix(a.src[a.at:], op) {
		return false
	}
	a.at += len(op)
	return true
}

// choice reads a ? b : c.
func (a *arithmetic) choice() (int64, error) {
	if a.depth++; a.depth > maxParse {
		return 0, errArith
	}
	defer func() { a.depth-- }()
	v, err := a.binary(0)
	if err != nil || !a.take("?") {
		return v, err
	}
	yes, err := a.choice()
	if err != nil {
		return 0, err
	}
	if !a.take(":") {
		return 0, errArith
	}
	no, err := a.choice()
	if v == 0 {
		return no, err
	}
	return yes, err
}

// arithOps are the binary operators by rising precedence; a longer one stands
// before those that begin it.
var arithOps = [][]string{
	{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<=", ">=", "<", ">"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"},
}

func (a *arithmetic) binary(level int) (int64, error) {
	if level == len(arithOps) {
		return a.unary()
	}
	v, err := a.binary(level + 1)
	for err == nil {
		op := a.operator(level)
		if op == "" {
			return v, nil
		}
		var w int64
		if w, err = a.binary(level + 1); err == nil {
			v, err = calculate(op, v, w)
		}
	}
	return 0, err
}

// operator takes an operator of a level, unless a longer one stands there.
func (a *arithmetic) operator(level int) string {
	c := a.peek()
	rest := a.src[a.at:]
	for _, op := range arithOps[level] {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		if len(op) == 1 && len(rest) > 1 && (rest[1] == c && strings.IndexByte("|&<>", c) >= 0 || rest[1] == '=') {
			continue
		}
		a.at += len(op)
		return op
	}
	return ""
}

func calculate(op string, v, w int64) (int64, error) {
	yes := func(b bool) (int64, error) { return int64(b2i(b)), nil }
	switch op {
	case "||":
		return yes(v != 0 || w != 0)
	case "&&":
		return yes(v != 0 && w != 0)
	case "|":
		return v | w, nil
	case "^":
		return v ^ w, nil
	case "&":
		return v & w, nil
	case "==":
		return yes(v == w)
	case "!=":
		return yes(v != w)
	case "<=":
		return yes(v <= w)
	case ">=":
		return yes(v >= w)
	case "<":
		return yes(v < w)
	case ">":
		return yes(v > w)
	case "<<":
		return v << (uint64(w) & 63), nil
	case ">>":
		return v >> (uint64(w) & 63), nil
	case "+":
		return v + w, nil
	case "-":
		return v - w, nil
	case "*":
		return v * w, nil
	}
	if w == 0 {
		return 0, errors.New("divide by zero")
	}
	if op == "/" {
		return v / w, nil
	}
	return v % w, nil
}

func (a *arithmetic) unary() (int64, error) {
	if a.depth++; a.depth > maxParse {
		return 0, errArith
	}
	defer func() { a.depth-- }()
	switch a.peek() {
	case '-', '+', '!', '~':
		return a.signed()
	case '(':
		a.at++
		v, err := a.choice()
		if err == nil && !a.take(")") {
			err = errArith
		}
		return v, err
	}
	return a.operand()
}

func (a *arithmetic) signed() (int64, error) {
	op := a.src[a.at]
	a.at++
	v, err := a.unary()
	switch op {
	case '-':
		v = -v
	case '!':
		v = int64(b2i(v == 0))
	case '~':
		v = ^v
	}
	return v, err
}

// operand reads a number or a variable, which may be assigned to.
func (a *arithmetic) operand() (int64, error) {
	start := a.at
	for a.at < len(a.src) && (isLetter(a.src[a.at]) || isDigit(a.src[a.at]) || a.src[a.at] == '_') {
		a.at++
	}
	word := a.src[start:a.at]
	if word == "" {
		return 0, errArith
	}
	if isDigit(word[0]) {
		n, err := strconv.ParseInt(word, 0, 64)
		if err != nil {
			return 0, errArith
		}
		return n, nil
	}
	n, _ := strconv.ParseInt(clip(strings.TrimSpace(a.s.get(word)), maxDigits), 0, 64)
	return a.assigned(word, n)
}

// assigned does name=…, name+=… and name++.
func (a *arithmetic) assigned(name string, n int64) (int64, error) {
	for _, op := range []string{"+=", "-=", "*=", "++", "--", "="} {
		if op == "=" && strings.HasPrefix(a.src[a.at:], "==") || !a.take(op) {
			continue
		}
		old := n
		switch op {
		case "++":
			n++
		case "--":
			n--
		default:
			v, err := a.choice()
			if err != nil {
				return 0, err
			}
			if n = v; op != "=" {
				n, _ = calculate(op[:1], old, v)
			}
		}
		a.s.set(name, formatInt(n))
		if op == "++" || op == "--" {
			return old, nil
		}
		return n, nil
	}
	return n, nil
}
