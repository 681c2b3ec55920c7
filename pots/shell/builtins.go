package shell

import (
	"slices"
	"strings"
)

func init() { register(shellCommands) }

var shellCommands = []command{
	{name: ":", run: succeed, builtin: true}, {name: "true", run: succeed, builtin: true}, {name: "false", run: func(*proc) int { return 1 }, builtin: true},
	{name: "cd", run: cd, builtin: true}, {name: "chdir", run: cd, builtin: true}, {name: "pwd", run: pwd, builtin: true},
	{name: "echo", run: echo, builtin: true}, {name: "printf", run: printf, builtin: true, usage: "FORMAT [ARG]...", least: 1},
	{name: "export", run: export, builtin: true}, {name: "readonly", run: export, builtin: true}, {name: "local", run: export, builtin: true},
	{name: "declare", run: export, builtin: true}, {name: "typeset", run: export, builtin: true},
	{name: "unset", run: unset, builtin: true}, {name: "set", run: set, builtin: true}, {name: "shift", run: shift, builtin: true},
	{name: "read", run: read, builtin: true}, {name: "eval", run: evalArgs, builtin: true}, {name: ".", run: source, builtin: true},
	{name: "source", run: source, builtin: true}, {name: "exit", run: exit, builtin: true}, {name: "logout", run: exit, builtin: true},
	{name: "return", run: ret, builtin: true}, {name: "break", run: loopExit, builtin: true}, {name: "continue", run: loopExit, builtin: true},
	{name: "trap", run: succeed, builtin: true}, {name: "wait", run: succeed, builtin: true}, {name: "jobs", run: succeed, builtin: true},
	{name: "fg", run: noJob, builtin: true}, {name: "bg", run: noJob, builtin: true}, {name: "disown", run: succeed, builtin: true},
	{name: "umask", run: umask, builtin: true}, {name: "ulimit", run: ulimit, builtin: true}, {name: "type", run: typeOf, builtin: true},
	{name: "command", run: commandName, builtin: true}, {name: "builtin", run: runRest, builtin: true}, {name: "alias", run: alias, builtin: true}, {name: "unalias", run: succeed, builtin: true},
	{name: "hash", run: succeed, builtin: true}, {name: "times", run: succeed, builtin: true}, {name: "getopts", run: func(*proc) int { return 1 }, builtin: true},
	{name: "test", run: test, builtin: true}, {name: "[", run: test, builtin: true}, {name: "[[", run: test, builtin: true}, {name: "let", run: let, builtin: true},
	{name: "enable", run: enable, builtin: true},
	{name: "history", run: history, builtin: true}, {name: "help", run: help, builtin: true}, {name: "shopt", run: succeed, builtin: true},
	{name: "kill", run: kill, builtin: true, usage: "[-l] [-SIG] PID...", least: 1}, {name: "bind", run: succeed, builtin: true},

	{name: "sh", run: sh}, {name: "ash", run: sh}, {name: "bash", run: sh}, {name: "dash", run: sh}, {name: "hush", run: sh}, {name: "rbash", run: sh},
	{name: "env", run: env}, {name: "printenv", run: env}, {name: "xargs", run: xargs},
	{name: "nohup", run: nohup, usage: "PROG ARGS", least: 1}, {name: "setsid", run: runRest, usage: "PROG ARGS", least: 1},
	{name: "time", run: timeRun}, {name: "nice", run: niceRun}, {name: "ionice", run: niceRun}, {name: "timeout", run: timeoutRun, usage: "[-s SIG] SECS PROG ARGS", least: 2},
	{name: "stdbuf", run: niceRun}, {name: "taskset", run: niceRun}, {name: "chroot", run: niceRun}, {name: "watch", run: niceRun}, {name: "unshare", run: niceRun},
	{name: "sudo", run: sudo, usage: "COMMAND"}, {name: "doas", run: sudo, usage: "COMMAND"}, {name: "su", run: su}, {name: "linux32", run: niceRun},
	{name: "expr", run: expr, usage: "EXPRESSION", least: 1},
}

func succeed(*proc) int { return 0 }

func noJob(p *proc) int { return p.fail("no job control in this shell") }

func cd(p *proc) int {
	args := p.args
	for len(args) > 0 && (args[0] == "--" || args[0] == "-P" || args[0] == "-L") {
		args = args[1:]
	}
	to := p.get("HOME")
	if len(args) > 0 {
		to = args[0]
	}
	if to == "-" {
		to = p.get("OLDPWD")
		p.print(to + "\n")
	}
	if to == "" {
		return 0
	}
	f, err := p.fs.walk(to, true)
	if err == nil && !f.isDir() {
		err = errNotDir
	}
	if err != nil {
		if p.p.Bash {
			p.complain(&p.stdio, "cd: %s: %v", to, err)
			return 1
		}
		p.complain(&p.stdio, "cd: can't cd to %s"+(": " + err.Error())[b2i(p.oldBusyBox())*(len(err.Error())+2):], to)
		return 2
	}
	p.set("OLDPWD", p.cwd)
	p.cwd = p.fs.abs(to) // not f.path: shells keep the links they came through
	return 0
}

// oldBusyBox tells whether messages are those of before 1.26 or so.
func (s *Shell) oldBusyBox() bool {
	minor, _, _ := strings.Cut(strings.TrimPrefix(s.p.BusyBox, "1."), ".")
	n, ok := atoi(minor)
	return ok && n < 30
}

func pwd(p *proc) int {
	p.print(p.cwd + "\n")
	return 0
}

func export(p *proc) int {
	for _, a := range p.args {
		if name, value, ok := strings.Cut(a, "="); ok && isName(name) {
			p.set(name, value)
		} else if !strings.HasPrefix(a, "-") && !isName(a) {
			p.complain(&p.stdio, "%s: %s: bad variable name", p.name, a)
			return 2
		}
	}
	if p.name == "export" && (len(p.args) == 0 || p.args[0] == "-p") {
		prefix := "export "
		if p.p.Bash {
			prefix = "declare -x "
		}
		for _, v := range p.environ() {
			name, value, _ := strings.Cut(v, "=")
			if p.p.Bash {
				p.print(prefix + name + "=\"" + value + "\"\n")
			} else {
				p.print(prefix + name + "='" + value + "'\n")
			}
		}
	}
	return 0
}

// environ returns the environment, sorted.
func (s *Shell) environ() []string {
	var list []string
	for _, name := range []string{"HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "SHLVL", "TERM", "USER"} {
		if _, own := s.vars[name]; own {
			continue
		}
		if v, ok := s.lookup(name); ok {
			list = append(list, name+"="+v)
		}
	}
	for name, v := range s.vars {
		if isName(name) {
			list = append(list, name+"="+v)
		}
	}
	slices.Sort(list)
	return list
}

func unset(p *proc) int {
	for _, a := range p.args {
		if !strings.HasPrefix(a, "-") {
			p.unset(a)
			if f := p.funcs[a]; f != nil {
				p.bytes -= f.size()
				delete(p.funcs, a)
			}
		}
	}
	return 0
}

func set(p *proc) int {
	if len(p.args) == 0 {
		for _, v := range p.environ() {
			name, value, _ := strings.Cut(v, "=")
			p.print(name + "='" + value + "'\n")
		}
		return 0
	}
	for i, a := range p.args {
		if a == "--" || len(a) > 0 && a[0] != '-' && a[0] != '+' {
			p.Shell.args = append([]string{p.Shell.name()}, p.args[i+b2i(a == "--"):]...)
			break
		}
		if a == "-o" || a == "+o" {
			break
		}
	}
	return 0
}

func shift(p *proc) int {
	n := 1
	if len(p.args) > 0 {
		n, _ = atoi(p.args[0])
	}
	if args := p.Shell.args; n >= 0 && n < len(args) {
		p.work(16 * len(args))
		p.Shell.args = append([]string{args[0]}, args[1+n:]...)
		return 0
	}
	return 1
}

// read reads a line into variables; the last takes the rest.
func read(p *proc) int {
	names, raw := p.args, false
	for len(names) > 0 && strings.HasPrefix(names[0], "-") {
		flag := names[0]
		names = names[1:]
		raw = raw || strings.Contains(flag, "r")
		if last := flag[len(flag)-1]; strings.IndexByte("pndtuNa", last) >= 0 && len(names) > 0 {
			if last == 'p' && p.in.isTerminal() {
				p.print(names[0])
			}
			names = names[1:]
		}
	}
	line, ok := p.in.line()
	text := strings.TrimRight(string(line), "\r")
	if !raw {
		text = strings.ReplaceAll(text, `\`, "")
	}
	if len(names) == 0 {
		names = []string{"REPLY"}
	}
	ifs := " \t"
	if set, ok := p.lookup("IFS"); ok {
		ifs = set
	}
	text = strings.Trim(text, " \t")
	for i, name := range names {
		if !isName(name) {
			p.complain(&p.stdio, "read: '%s': bad variable name", name)
			return 2
		}
		v := text
		p.work(len(text) * (1 + len(ifs)/64))
		if at := strings.IndexAny(text, ifs); at >= 0 && i < len(names)-1 && ifs != "" {
			v, text = text[:at], strings.TrimLeft(text[at+1:], " \t")
		} else if i < len(names)-1 {
			text = ""
		}
		p.set(name, v)
	}
	return b2i(!ok)
}

func evalArgs(p *proc) int {
	return p.evalText(strings.Join(p.args, " "), &p.stdio)
}

// evalText runs a text in the shell itself.
func (s *Shell) evalText(src string, std *stdio) int {
	if s.depth++; s.depth > s.cfg.Limits.Depth {
		s.halt(limitDepth)
		s.depth--
		return 1
	}
	defer func() { s.depth-- }()
	s.work(4 * len(src))
	n, err := parse(src, true, s.cfg.Limits.Depth)
	if err != nil {
		s.complain(std, "%v", err)
		return 2
	}
	if s.status = 0; !s.borrow(n.cost) {
		return 1
	}
	return s.eval(n, std)
}

func source(p *proc) int {
	if len(p.args) == 0 {
		p.complain(&p.stdio, "%s: filename argument required", p.name)
		return 2
	}
	f, err := p.fs.walk(p.args[0], true)
	var data []byte
	if err == nil {
		data, err = p.fs.read(f)
	}
	if err != nil {
		p.complain(&p.stdio, "%s: can't open '%s': %v", p.name, p.args[0], err)
		return 2
	}
	if !f.isOwn() {
		return 0
	}
	p.tellRun(f.path, f.e, p.full)
	defer p.tellAddresses(string(data))
	return p.evalText(string(data), &p.stdio)
}

func exit(p *proc) int {
	status := p.status
	if len(p.args) > 0 {
		status, _ = atoi(p.args[0])
	}
	p.flow = flowExit
	p.status = status & 255
	return p.status
}

func ret(p *proc) int {
	status := p.status
	if len(p.args) > 0 {
		status, _ = atoi(p.args[0])
	}
	p.flow = flowReturn
	return status & 255
}

func loopExit(p *proc) int {
	p.flow, p.flowCount = flowBreak, 1
	if p.name == "continue" {
		p.flow = flowContinue
	}
	if len(p.args) > 0 {
		if n, ok := atoi(p.args[0]); ok && n > 0 {
			p.flowCount = n
		}
	}
	return 0
}

func umask(p *proc) int {
	if len(p.args) == 0 {
		p.print("0022\n")
	}
	return 0
}

func ulimit(p *proc) int {
	if len(p.args) == 0 {
		p.print("unlimited\n")
	} else if len(p.args) == 1 && p.args[0] == "-n" {
		p.print("1024\n")
	}
	return 0
}

// enable is a builtin of bash. Bots try it first: on many devices it leads from
// a menu to a shell.
func enable(p *proc) int {
	if !p.p.Bash {
		p.notFound(p.full, &p.stdio)
		return 127
	}
	return 0
}

func alias(p *proc) int { return 0 }

func history(p *proc) int {
	if p.p.Bash && len(p.args) == 0 {
		p.printf("    1  %s\n", p.Shell.input)
	}
	return 0
}

func help(p *proc) int {
	if !p.p.Bash {
		p.print("\nBuilt-in commands:\n-------------------\n\t. : alias bg break cd chdir continue eval exec exit export false fg\n" +
			"\thash help jobs kill let local pwd read readonly return set shift\n\ttimes trap true type ulimit umask unalias unset wait\n\n")
		return 0
	}
	p.print("GNU bash, version " + p.p.Get("bash.version") + " (" + p.p.Machine + "-pc-linux-gnu)\n" +
		"These shell commands are defined internally.  Type `help' to see this list.\n")
	return 0
}

func let(p *proc) int {
	var v int64
	for _, a := range p.args {
		v, _ = p.arith(a)
	}
	return b2i(v == 0)
}

// expr does the few things that scripts use it for.
func expr(p *proc) int {
	if len(p.args) == 3 && (p.args[1] == ":" || p.args[0] == "length") {
		p.printf("%d\n", len(p.args[2]))
		return 0
	}
	if len(p.args) == 3 && p.args[1] == "=" {
		same := p.args[0] == p.args[2]
		p.printf("%d\n", b2i(same))
		return b2i(!same)
	}
	v, err := p.arith(strings.Join(p.args, " "))
	if err != nil {
		return p.fail("syntax error") + 1
	}
	p.printf("%d\n", v)
	return b2i(v == 0)
}
