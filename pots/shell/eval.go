package shell

import (
	"fmt"
	"maps"
	"strings"
)

// flow is how a command left its place.
type flow uint8

const (
	flowNone flow = iota
	flowBreak
	flowContinue
	flowReturn
	flowExit
)

// complain writes what the shell itself says: "sh: " in front.
func (s *Shell) complain(std *stdio, format string, args ...any) {
	name := s.name()
	if len(s.args) > 0 && s.scripts == 0 {
		name = s.shellName()
	}
	_, _ = std.err.Write([]byte(name + ": " + fmt.Sprintf(format, args...) + "\n"))
}

// eval runs a tree and returns its status, which $? shows too.
func (s *Shell) eval(n *node, std *stdio) int {
	if n == nil || s.stopped() || s.flow != flowNone || !s.step(1) {
		return s.status
	}
	if n.kind != nodeSimple && len(n.redirs) > 0 {
		if std = s.redirect(n.redirs, std); std == nil {
			return s.status
		}
	}
	switch n.kind {
	case nodeSimple:
		s.status = s.simple(n, std)
	case nodePipe:
		s.status = s.pipeline(n, std)
	case nodeAndOr:
		s.andOr(n, std)
	case nodeList:
		s.list(n, std)
	case nodeSubshell:
		s.isolated(func() { s.eval(n.kids[0], std) })
	case nodeGroup:
		s.eval(n.kids[0], std)
	case nodeIf:
		s.ifElse(n, std)
	case nodeWhile, nodeUntil:
		s.while(n, std)
	case nodeFor:
		s.forIn(n, std)
	case nodeCase:
		s.caseIn(n, std)
	case nodeFunc:
		s.define(n)
	}
	if n.not && s.flow == flowNone {
		s.status = b2i(s.status == 0)
	}
	return s.status
}

func (s *Shell) list(n *node, std *stdio) {
	for i, kid := range n.kids {
		if s.stopped() || s.flow != flowNone {
			return
		}
		if n.ops[i] != '&' {
			s.eval(kid, std)
			continue
		}
		s.background(kid, std)
	}
}

// background runs a command of the kind "command &": at once, since nothing
// here takes long, and without what is typed.
func (s *Shell) background(n *node, std *stdio) {
	s.pids++
	s.bgPID = s.pid() + s.pids
	if s.p.Bash && !s.exec && s.scripts == 0 {
		_, _ = fmt.Fprintf(std.err, "[1] %d\n", s.bgPID)
	}
	in := *std
	in.in = &input{sh: s}
	s.isolated(func() { s.eval(n, &in) })
	s.status = 0
}

func (s *Shell) andOr(n *node, std *stdio) {
	s.eval(n.kids[0], std)
	for i, op := range n.ops {
		if s.flow != flowNone {
			return
		}
		if (op == '&') == (s.status == 0) {
			s.eval(n.kids[i+1], std)
		}
	}
}

// pipeline runs the commands one after the other: what one writes, up to
// Limits.Pipe bytes, the next reads.
func (s *Shell) pipeline(n *node, std *stdio) int {
	in := std.in
	for i, kid := range n.kids {
		part := stdio{in: in, out: std.out, err: std.err}
		var p *pipe
		if i < len(n.kids)-1 {
			p = &pipe{s: s}
			part.out = p
			defer p.close()
		}
		if kid.kind == nodeSimple && len(kid.assigns) == 0 {
			cwd := s.cwd
			s.eval(kid, &part)
			s.cwd = cwd
			if s.flow != flowNone {
				s.flow = flowNone
			}
		} else {
			s.isolated(func() { s.eval(kid, &part) })
		}
		if p == nil {
			break
		}
		in = &input{sh: s, data: p.data}
	}
	return s.status
}

// isolated runs something whose variables and directory do not outlive it.
func (s *Shell) isolated(do func()) {
	if s.depth++; s.depth > s.cfg.Limits.Depth {
		s.halt(limitDepth)
		s.depth--
		return
	}
	vars, funcs := maps.Clone(s.vars), maps.Clone(s.funcs)
	cwd, args, bytes := s.cwd, s.args, s.bytes
	s.work(bytes)
	do()
	s.vars, s.funcs, s.cwd, s.args, s.bytes = vars, funcs, cwd, args, bytes
	if s.flow != flowNone { // exit and return leave the subshell only
		s.flow = flowNone
	}
	s.depth--
}

// capture runs a command and returns what it prints, without the newlines at
// the end.
func (s *Shell) capture(src string, std *stdio) string {
	p := &pipe{s: s}
	s.work(4 * len(src))
	n, err := parse(src, true, s.cfg.Limits.Depth-s.depth)
	if err != nil {
		s.complain(std, "%v", err)
		s.status = 2
		return ""
	}
	if !s.borrow(n.cost) {
		return ""
	}
	s.isolated(func() { s.eval(n, &stdio{in: std.in, out: p, err: std.err}) })
	s.lent += p.lent // until the command around it is done
	return strings.TrimRight(strings.ReplaceAll(string(p.data), "\x00", ""), "\n")
}

func (s *Shell) ifElse(n *node, std *stdio) {
	for i := 0; i+1 < len(n.kids); i += 2 {
		if s.eval(n.kids[i], std) == 0 {
			s.eval(n.kids[i+1], std)
			return
		}
		if s.stopped() || s.flow != flowNone {
			return
		}
	}
	s.status = 0
	if len(n.kids)%2 == 1 {
		s.eval(n.kids[len(n.kids)-1], std)
	}
}

func (s *Shell) while(n *node, std *stdio) {
	last := 0
	for s.step(1) && s.flow == flowNone {
		ok := s.eval(n.kids[0], std) == 0
		if s.loopOver() || ok == (n.kind == nodeUntil) {
			break
		}
		last = s.eval(n.kids[1], std)
		if s.loopOver() {
			break
		}
	}
	s.status = last
}

// loopOver takes break and continue: it tells whether this loop ends.
func (s *Shell) loopOver() bool {
	if s.flow != flowBreak && s.flow != flowContinue {
		return s.flow != flowNone || s.stopped()
	}
	if s.flowCount--; s.flowCount > 0 {
		return true
	}
	over := s.flow == flowBreak
	s.flow = flowNone
	return over
}

func (s *Shell) forIn(n *node, std *stdio) {
	list := s.args[min(1, len(s.args)):]
	if !n.all {
		list = s.words(n.words[1:], std)
	}
	s.status = 0
	for _, v := range list {
		if !s.step(1) {
			return
		}
		s.set(n.words[0], v)
		s.eval(n.kids[0], std)
		if s.loopOver() {
			return
		}
	}
}

func (s *Shell) caseIn(n *node, std *stdio) {
	subject := s.word(n.words[0], std)
	s.status = 0
	for _, a := range n.arms {
		for _, p := range a.patterns {
			if s.match(s.pattern(p, std), subject) {
				s.eval(a.body, std)
				return
			}
		}
	}
}

// define keeps a function; it counts against Limits.Vars.
func (s *Shell) define(n *node) {
	name, size := n.words[0], n.kids[0].size()
	if old := s.funcs[name]; old != nil {
		s.bytes -= old.size()
	}
	if s.bytes+size > s.cfg.Limits.Vars {
		delete(s.funcs, name)
		s.halt(limitVars)
		return
	}
	if s.funcs == nil {
		s.funcs = make(map[string]*node)
	}
	s.bytes += size
	s.funcs[name] = n.kids[0]
	s.status = 0
}

// call runs a function.
func (s *Shell) call(body *node, args []string, std *stdio) int {
	if s.depth++; s.depth > s.cfg.Limits.Depth {
		s.halt(limitDepth)
		s.depth--
		return 1
	}
	old := s.args
	s.args = append([]string{s.name()}, args[1:]...)
	s.eval(body, std)
	s.args = old
	if s.flow == flowReturn {
		s.flow = flowNone
	}
	s.depth--
	return s.status
}

// script runs a text with arguments of its own, as sh FILE and sh -c do.
func (s *Shell) script(src string, args []string, std *stdio) int {
	if s.depth++; s.depth > s.cfg.Limits.Depth {
		s.halt(limitDepth)
		s.depth--
		return 1
	}
	defer func() { s.depth-- }()
	s.work(4 * len(src))
	defer s.tellAddresses(src) // those that no command of it has recorded
	n, err := parse(src, true, s.cfg.Limits.Depth)
	old := s.args
	if s.args = args; len(args) == 0 {
		s.args = []string{s.shellName()}
	}
	defer func() { s.args = old }()
	s.scripts++
	defer func() { s.scripts-- }()
	if err != nil {
		s.complain(std, "%v", err)
		return 2
	}
	if s.borrow(n.cost + len(src)) {
		s.isolated(func() { s.eval(n, std) })
	}
	return s.status
}
