package shell

import "strings"

// typeOf does type, and command -v.
func typeOf(p *proc) int {
	status := 0
	for _, a := range p.args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		switch c := commandOf(a); {
		case p.funcs[a] != nil:
			p.print(a + " is a function\n")
		case c != nil && c.builtin:
			p.print(a + " is a shell builtin\n")
		default:
			if at := p.locate(a); at != "" {
				p.print(a + " is " + at + "\n")
				continue
			}
			if status = 127; p.p.Bash {
				p.complain(&p.stdio, "type: %s: not found", a)
				status = 1
			} else {
				p.errf("%s: not found\n", a)
			}
		}
	}
	return status
}

// locate returns the path under which a name would be run.
func (s *Shell) locate(name string) string {
	if strings.Contains(name, "/") {
		if f, err := s.fs.walk(name, true); err == nil && f.isReg() && f.mode()&0o111 != 0 {
			return name
		}
		return ""
	}
	for dir := range strings.SplitSeq(s.get("PATH"), ":") {
		if len(dir)+len(name) > pathMax || !s.step(1) {
			break
		}
		f, err := s.fs.walk(joinGlob(dir, name), true)
		if err == nil && f.isReg() && f.mode()&0o111 != 0 {
			return joinGlob(dir, name)
		}
	}
	return ""
}

func commandName(p *proc) int {
	if len(p.args) > 0 && (p.args[0] == "-v" || p.args[0] == "-V") {
		status := 127
		for _, a := range p.args[1:] {
			if c := commandOf(a); c != nil && c.builtin {
				p.print(a + "\n")
				status = 0
			} else if at := p.locate(a); at != "" {
				p.print(at + "\n")
				status = 0
			}
		}
		return status
	}
	return runRest(p)
}
