package shell

import (
	"slices"
	"strings"
)

// runRest runs what stands behind the command's own options.
func runRest(p *proc) int {
	args := p.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	return p.runArgs(args, &p.stdio)
}

// niceRun skips options and their numbers as well.
func niceRun(p *proc) int {
	args := p.args
	for len(args) > 0 && (strings.HasPrefix(args[0], "-") || strings.Trim(args[0], "0123456789xXabcdefABCDEF-") == "") {
		args = args[1:]
	}
	if len(args) == 0 {
		if p.name == "nice" {
			p.print("0\n")
		}
		return 0
	}
	return p.runArgs(args, &p.stdio)
}

func timeoutRun(p *proc) int {
	args := p.args
	for len(args) > 0 && (strings.HasPrefix(args[0], "-") || args[0] != "" && isDigit(args[0][0]) || args[0] == "KILL" || args[0] == "TERM") {
		args = args[1:]
	}
	if len(args) == 0 {
		return 1
	}
	return p.runArgs(args, &p.stdio)
}

func nohup(p *proc) int {
	if p.out != nil {
		if _, ok := p.out.(*screen); ok && !p.exec {
			_, _ = p.err.Write([]byte("nohup: ignoring input and appending output to 'nohup.out'\n"))
			if w, err := p.writer("nohup.out", true, &p.stdio); err == nil {
				p.stdio.out, p.stdio.err = w, w
			}
		}
	}
	return runRest(p)
}

func timeRun(p *proc) int {
	if len(p.args) == 0 {
		return 0
	}
	status := p.runArgs(p.args, &p.stdio)
	_, _ = p.err.Write([]byte("real\t0m 0.01s\nuser\t0m 0.00s\nsys\t0m 0.00s\n"))
	return status
}

func sudo(p *proc) int {
	args := p.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-i" || args[0] == "-s" {
			args = append([]string{p.shellName()}, args[1:]...)
			break
		}
		if (args[0] == "-u" || args[0] == "-p") && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "su" {
		p.become("root")
	}
	if len(args) == 0 {
		return p.fail("a command is required")
	}
	old := p.user
	p.become("root")
	status := p.runArgs(args, &p.stdio)
	if args[0] != "su" {
		p.user = old
	}
	return status
}

// become makes the shell another user's.
func (s *Shell) become(name string) { s.user = s.p.User(name) }

func su(p *proc) int {
	name, line := "root", ""
	for i := 0; i < len(p.args); i++ {
		switch a := p.args[i]; {
		case a == "-c" && i+1 < len(p.args):
			i++
			line = p.args[i]
		case !strings.HasPrefix(a, "-"):
			name = a
		}
	}
	if line != "" {
		return p.script(line, nil, &p.stdio)
	}
	if p.user.UID != 0 && p.in.isTerminal() {
		p.print("Password: ")
		pass, _ := p.in.line()
		p.tell("login.success", text("username", name), Field{Key: "password", Bytes: pass})
		p.print("\n")
	}
	p.become(name)
	p.level++
	return 0
}

// sh starts another shell: one that is typed to, one with a script, one that
// reads its commands from a pipe.
func sh(p *proc) int {
	args := p.args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		flag := args[0]
		args = args[1:]
		if strings.HasPrefix(flag, "--") {
			continue
		}
		if strings.Contains(flag, "c") {
			if len(args) == 0 {
				return p.fail("-c: option requires an argument")
			}
			name := append([]string{p.name}, args[1:]...)
			if len(args) > 1 {
				name = args[1:]
			}
			return p.script(args[0], name, &p.stdio)
		}
		if strings.Contains(flag, "s") {
			args = nil
		}
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return p.shellOn()
	}
	return p.shellFile(args)
}

// shellOn runs a shell on what is typed or piped.
func (p *proc) shellOn() int {
	if p.in.live && !p.exec {
		p.level++
		if p.BusyBoxGreets() {
			p.print(p.p.Get("shell.greeting"))
		}
		return 0
	}
	return p.script(string(p.in.all()), []string{p.name}, &p.stdio)
}

// BusyBoxGreets tells whether a new ash shows its banner.
func (p *proc) BusyBoxGreets() bool { return !p.p.Bash && p.p.Has("shell.greeting") }

func (p *proc) shellFile(args []string) int {
	if args[0] == "/dev/fd/63" || args[0] == "/dev/stdin" {
		return 0
	}
	f, err := p.fs.walk(args[0], true)
	var data []byte
	if err == nil {
		data, err = p.fs.read(f)
	}
	switch {
	case err == errNoEnt && p.name == "sh" && p.p.BusyBox == "": // dash
		return p.fail("0: Can't open %s", args[0]) + 126
	case err == errNoEnt && p.p.Bash:
		return p.fail("%s: No such file or directory", args[0]) + 126
	case err != nil && !p.p.Bash:
		return p.fail("can't open '%s'", args[0]) + 1
	case err != nil:
		return p.fail("%s: %v", args[0], err) + 125
	case !f.isOwn():
		return 0
	case f.e.fake > 0 || strings.HasPrefix(string(data), "\x7fELF"):
		p.tellRun(f.path, f.e, p.full)
		return p.fail("%s: cannot execute binary file", args[0]) + 125
	}
	p.tellRun(f.path, f.e, p.full)
	return p.script(string(data), args, &p.stdio)
}

func env(p *proc) int {
	args := p.args
	for len(args) > 0 && (strings.HasPrefix(args[0], "-") || isAssign(args[0])) {
		if args[0] == "-u" && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) > 0 && p.name == "env" {
		return p.runArgs(args, &p.stdio)
	}
	if len(args) > 0 {
		v, ok := p.lookup(args[0])
		if ok {
			p.print(v + "\n")
		}
		return b2i(!ok)
	}
	for _, v := range p.environ() {
		p.print(v + "\n")
	}
	return 0
}

// xargs runs a command with what it reads as arguments.
func xargs(p *proc) int {
	args, each, replace := p.args, 0, ""
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag := args[0]
		args = args[1:]
		value := ""
		if len(flag) > 2 {
			value = flag[2:]
		} else if strings.IndexByte("nLIPsde", flag[len(flag)-1]) >= 0 && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		switch {
		case strings.HasPrefix(flag, "-n"), strings.HasPrefix(flag, "-L"):
			each, _ = atoi(value)
		case strings.HasPrefix(flag, "-I"):
			replace, each = value, 1
		}
	}
	if len(args) == 0 {
		args = []string{"echo"}
	}
	fields := strings.FieldsFunc(string(p.in.all()), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == 0 })
	p.stdio.in = &input{sh: p.Shell}
	if len(fields) == 0 && replace != "" {
		return 0
	}
	if each <= 0 {
		each = max(len(fields), 1)
	}
	status := 0
	for ok := true; ok; ok = len(fields) > 0 && p.step(1) {
		n := min(each, len(fields))
		line := withFields(args, fields[:n], replace)
		if !p.workOn(line) {
			break
		}
		if st := p.runArgs(line, &p.stdio); st != 0 {
			status = 123
		}
		fields = fields[n:]
	}
	return status
}

func withFields(args, fields []string, replace string) []string {
	line := slices.Clone(args)
	if replace == "" {
		return append(line, fields...)
	}
	for i := range line {
		line[i] = strings.ReplaceAll(line[i], replace, strings.Join(fields, " "))
	}
	return line
}
