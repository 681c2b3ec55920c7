package shell

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"forager/pots/persona"
)

// proc is a command that runs.
type proc struct {
	*Shell
	stdio
	name string   // as it complains: the applet's
	args []string // behind the name
	full []string // with it
	lost error    // why its output did not arrive; nobody reading is none
}

// command is an entry of the table.
type command struct {
	name    string
	run     func(*proc) int
	builtin bool   // the shell knows it, whatever the device has
	usage   string // behind "Usage: NAME "
	least   int    // arguments without which it shows its usage
}

// commands is the table, sorted by name. The files that group them add theirs
// in init: commands like sh lead back to the table.
var commands []*command

func register(list []command) {
	for i := range list {
		at, twice := slices.BinarySearchFunc(commands, list[i].name, byName)
		if twice {
			panic("BUG: command registered twice: " + list[i].name)
		}
		commands = slices.Insert(commands, at, &list[i])
	}
}

func byName(c *command, name string) int { return strings.Compare(c.name, name) }

// commandOf returns the command of a name, or nil.
func commandOf(name string) *command {
	if at, ok := slices.BinarySearchFunc(commands, name, byName); ok {
		return commands[at]
	}
	return nil
}

// print writes to the command's output. It is false when nobody reads on.
func (p *proc) print(text string) bool {
	_, err := io.WriteString(p.out, text)
	return p.wrote(len(text), err)
}

func (p *proc) printf(format string, args ...any) bool {
	n, err := fmt.Fprintf(p.out, format, args...)
	return p.wrote(n, err)
}

// write is print for bytes.
func (p *proc) write(b []byte) bool {
	_, err := p.out.Write(b)
	return p.wrote(len(b), err)
}

func (p *proc) wrote(n int, err error) bool {
	p.work(n)
	if err != nil && err != errPipe && p.lost == nil {
		p.lost = err
	}
	return err == nil && !p.stopped()
}

// fail says what is wrong: "NAME: " in front.
func (p *proc) fail(format string, args ...any) int {
	_, _ = fmt.Fprintf(p.err, p.name+": "+format+"\n", args...)
	return 1
}

// simple runs a simple command.
func (s *Shell) simple(n *node, std *stdio) int {
	defer s.release(s.lent)
	args := s.words(n.words, std)
	if s.stopped() {
		return s.status
	}
	to := s.redirect(n.redirs, std)
	if to == nil {
		return 1
	}
	if len(args) == 0 {
		if len(n.words) == 0 {
			s.status = 0
		}
		for _, a := range n.assigns {
			s.assign(a, std)
		}
		return s.status
	}
	if len(n.assigns) > 0 {
		defer s.temporary(n.assigns, std)()
	}
	if args[0] == "exec" {
		if len(args) == 1 {
			*std = *to
			return 0
		}
		status := s.runArgs(args[1:], to)
		s.flow = flowExit
		return status
	}
	return s.runArgs(args, to)
}

// temporary does the assignments in front of a command and returns how to take
// them back.
func (s *Shell) temporary(assigns []string, std *stdio) func() {
	type kept struct {
		name, value string
		set         bool
	}
	var old []kept
	for _, a := range assigns {
		name, _, _ := strings.Cut(a, "=")
		name = strings.TrimSuffix(name, "+")
		v, ok := s.vars[name]
		old = append(old, kept{name, v, ok})
		s.assign(a, std)
	}
	return func() {
		for i := len(old) - 1; i >= 0; i-- {
			if s.unset(old[i].name); old[i].set {
				s.set(old[i].name, old[i].value)
			}
		}
	}
}

// runArgs finds what a name means and runs it.
func (s *Shell) runArgs(args []string, std *stdio) int {
	name := args[0]
	if body := s.funcs[name]; body != nil {
		return s.call(body, args, std)
	}
	if c := commandOf(name); c != nil && c.builtin {
		return s.runCommand(c, name, args, std)
	}
	if name == "" {
		s.notFound(args, std)
		return 127
	}
	if strings.IndexByte(name, '/') < 0 {
		f, ok := s.which(name)
		if !ok {
			s.notFound(args, std)
			return 127
		}
		return s.runFile(f, args, std)
	}
	f, err := s.fs.walk(name, true)
	if err != nil {
		s.tellFailed(args)
		s.tellFetch(args)
		if s.p.Bash || err != errNoEnt {
			s.complain(std, "%s: %v", name, err)
		} else {
			s.complain(std, "%s: not found", name)
		}
		return 127
	}
	return s.runFile(f, args, std)
}

// notFound is what a command that the device lacks leads to. Addresses in it
// count all the same.
func (s *Shell) notFound(args []string, std *stdio) {
	s.tellFailed(args)
	s.tellFetch(args)
	if s.p.Bash {
		s.complain(std, "%s: command not found", args[0])
		return
	}
	s.complain(std, "%s: not found", args[0])
}

// which looks for a program along PATH.
func (s *Shell) which(name string) (file, bool) {
	for dir := range strings.SplitSeq(s.get("PATH"), ":") {
		if dir == "" {
			dir = s.cwd
		}
		if len(dir)+len(name) > pathMax || !s.step(1) {
			break
		}
		f, err := s.fs.walk(joinGlob(dir, name), true)
		if err == nil && f.isReg() && f.mode()&0o111 != 0 {
			return f, true
		}
	}
	return file{}, false
}

// runFile runs a file of the device, or pretends to run one of the session.
func (s *Shell) runFile(f file, args []string, std *stdio) int {
	switch {
	case f.isDir() || !f.isReg() || f.mode()&0o111 == 0:
		s.complain(std, "%s: %s", args[0], deniedText(s, f))
		if f.e != nil {
			s.tellUpload(f.path, f.e, "run")
		}
		return 126
	case f.e != nil && f.e.base == nil:
		return s.runDropped(f, args, std)
	}
	base := f.n
	if base == nil {
		base = f.e.base
	}
	if base.Binary == 0 {
		return 0 // a script of the device's: it works and says nothing
	}
	if base.Name == "busybox" {
		return s.busybox(args, std)
	}
	if called := path.Base(args[0]); f.e == nil && commandOf(called) != nil {
		return s.runApplet(called, args, std) // pkill is a link to pgrep
	}
	return s.runApplet(base.Name, args, std)
}

func deniedText(s *Shell, f file) string {
	if s.p.Bash && f.isDir() {
		return "Is a directory"
	}
	return "Permission denied"
}

// runApplet runs a program by its own name. One that the table lacks does
// nothing and succeeds.
func (s *Shell) runApplet(name string, args []string, std *stdio) int {
	if c := commandOf(name); c != nil {
		return s.runCommand(c, name, args, std)
	}
	if cut := strings.TrimRight(name, "0123456789."); cut != "" && cut != name { // python3, perl5.36
		if c := commandOf(cut); c != nil {
			return s.runCommand(c, name, args, std)
		}
	}
	s.tellFetch(args)
	return 0
}

func (s *Shell) runCommand(c *command, name string, args []string, std *stdio) int {
	if len(args)-1 < c.least {
		return s.usage(name, c, std)
	}
	if s.depth++; s.depth > s.cfg.Limits.Depth*2 {
		s.halt(limitDepth)
		s.depth--
		return 1
	}
	p := proc{Shell: s, stdio: *std, name: name, args: args[1:], full: args}
	status := c.run(&p)
	if s.depth--; p.lost != nil {
		return p.fail("write error: %v", p.lost)
	}
	return status
}

// usage is what a program shows that was called wrongly.
func (s *Shell) usage(name string, c *command, std *stdio) int {
	if s.p.BusyBox == "" {
		_, _ = fmt.Fprintf(std.err, "%s: missing operand\nTry '%s --help' for more information.\n", name, name)
		return 1
	}
	_, _ = fmt.Fprintf(std.err, "%s multi-call binary.\n\nUsage: %s %s\n\n", s.banner(), name, c.usage)
	return 1
}

// banner is BusyBox's name and version.
func (s *Shell) banner() string {
	if s.p.BusyBox == "" {
		return "BusyBox v" + s.p.Get("busybox.extra")
	}
	return "BusyBox v" + s.p.BusyBox + " (" + s.p.BusyBoxDate + ")"
}

// busybox runs BusyBox under the name in args[0].
func (s *Shell) busybox(args []string, std *stdio) int {
	name := path.Base(args[0])
	if applet := strings.TrimPrefix(name, "-"); applet != "busybox" && s.hasApplet(applet) {
		return s.runApplet(applet, args, std)
	}
	if len(args) == 1 || args[1] == "--help" || args[1] == "--list" {
		s.listApplets(args, std)
		return 0
	}
	if !s.hasApplet(args[1]) {
		s.tellFailed(args)
		s.tellFetch(args[1:])
		_, _ = fmt.Fprintf(std.err, "%s: applet not found\n", args[1])
		return 127
	}
	return s.runApplet(args[1], args[1:], std)
}

func (s *Shell) hasApplet(name string) bool {
	for a := range strings.FieldsSeq(s.p.Get("applets")) {
		if a == name {
			return true
		}
	}
	return false
}

// listApplets is what busybox prints without an applet: its banner and their
// names, wrapped.
func (s *Shell) listApplets(args []string, std *stdio) {
	var b bytes.Buffer
	if len(args) > 1 && args[1] == "--list" {
		for a := range strings.FieldsSeq(s.p.Get("applets")) {
			b.WriteString(a + "\n")
		}
		_, _ = std.out.Write(b.Bytes())
		return
	}
	b.WriteString(s.banner() + " multi-call binary.\n" + s.p.Get("busybox.about") + "\nCurrently defined functions:\n")
	line := ""
	for a := range strings.FieldsSeq(s.p.Get("applets")) {
		if line != "" && len(line)+len(a) > 62 {
			b.WriteString("\t" + line + ",\n")
			line = ""
		}
		if line != "" {
			line += ", "
		}
		line += a
	}
	b.WriteString("\t" + line + "\n\n")
	_, _ = std.out.Write(b.Bytes())
}

// runDropped runs what the session brought: a script is interpreted, a program
// does nothing, and both are told.
func (s *Shell) runDropped(f file, args []string, std *stdio) int {
	s.work(len(f.e.data))
	s.tellRun(f.path, f.e, args)
	data, err := s.fs.read(f)
	if err != nil || len(data) == 0 {
		return 0
	}
	if bytes.HasPrefix(data, []byte("\x7fELF")) {
		return s.runELF(f, data, args, std)
	}
	if bytes.IndexByte(data[:min(len(data), 256)], 0) >= 0 {
		s.complain(std, "%s: %s", args[0], "cannot execute binary file: Exec format error"[b2i(!s.p.Bash)*28:])
		return 126
	}
	return s.script(string(data), args, std)
}

// runELF pretends to run a program: one of another machine fails as it would.
func (s *Shell) runELF(f file, data []byte, args []string, std *stdio) int {
	if len(data) < 20 {
		s.complain(std, "%s: %s", args[0], "cannot execute binary file: Exec format error"[b2i(!s.p.Bash)*28:])
		return 126
	}
	machine, big := s.p.ELFMachine()
	var got uint16
	if data[5] == 2 {
		got = binary.BigEndian.Uint16(data[18:])
	} else {
		got = binary.LittleEndian.Uint16(data[18:])
	}
	if got == machine && (data[5] == 2) == big {
		s.pids++
		return 0
	}
	if s.p.Bash {
		s.complain(std, "%s: cannot execute binary file: Exec format error", args[0])
		return 126
	}
	s.complain(std, "%s: line 1: syntax error: unexpected \"(\"", args[0])
	return 2
}

// isOwn tells whether a file is the session's own.
func (f file) isOwn() bool {
	return f.e != nil && f.e.base == nil && f.e.mode&persona.ModeType == persona.ModeFile
}
