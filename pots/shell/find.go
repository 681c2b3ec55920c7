package shell

import (
	"path"
	"strings"
)

// find walks the tree: -name, -type, -maxdepth, -perm are looked at, -exec is
// not done.
func find(p *proc) int {
	var roots []string
	i := 0
	for ; i < len(p.args) && !strings.HasPrefix(p.args[i], "-") && p.args[i] != "!" && p.args[i] != "("; i++ {
		roots = append(roots, p.args[i])
	}
	if len(roots) == 0 {
		roots = []string{"."}
	}
	w := finding{p: p, depth: 16}
	for ; i < len(p.args); i++ {
		value := ""
		if i+1 < len(p.args) {
			value = p.args[i+1]
		}
		switch p.args[i] {
		case "-name", "-iname":
			w.name = value
			i++
		case "-type":
			w.kind = value
			i++
		case "-maxdepth":
			w.depth, _ = atoi(value)
			i++
		case "-delete", "-exec", "-ok":
			w.act = p.args[i:]
			i = len(p.args)
		case "-perm", "-user", "-size", "-mtime", "-newer", "-path", "-mmin", "-mindepth":
			i++
			w.narrow = w.narrow || p.args[i-1] == "-perm" || p.args[i-1] == "-newer"
		}
	}
	status := 0
	for _, r := range roots {
		f, err := p.fs.walk(r, false)
		if err != nil {
			status = p.fail("%s: %v", r, err)
			continue
		}
		w.walk(f, r, 0)
	}
	return status
}

type finding struct {
	p          *proc
	name, kind string
	depth      int
	narrow     bool // by something that few files have
	act        []string
	acted      int
}

func (w *finding) walk(f file, at string, depth int) {
	if !w.p.step(1) {
		return
	}
	ok := w.name == "" || w.p.match(w.name, path.Base(at))
	switch w.kind {
	case "f":
		ok = ok && f.isReg()
	case "d":
		ok = ok && f.isDir()
	case "l":
		ok = ok && f.isLink()
	}
	if ok && !w.narrow {
		w.found(f, at)
	}
	if !f.isDir() || depth >= w.depth {
		return
	}
	for _, k := range w.p.fs.list(f) {
		w.walk(k, joinGlob(strings.TrimSuffix(at, "/"), k.name()), depth+1)
	}
}

// found prints a path or does what -exec and -delete say.
func (w *finding) found(f file, at string) {
	switch {
	case len(w.act) == 0:
		w.p.print(at + "\n")
	case w.act[0] == "-delete":
		_ = w.p.fs.remove(f)
	default:
		var args []string
		for _, a := range w.act[1:] {
			if a == ";" || a == "+" {
				break
			}
			args = append(args, strings.ReplaceAll(a, "{}", at))
		}
		if w.acted++; len(args) > 0 && w.acted < maxGlob {
			w.p.runArgs(args, &w.p.stdio)
		}
	}
}

func du(p *proc) int {
	set, files := p.flags("d")
	if len(files) == 0 {
		files = []string{"."}
	}
	status := 0
	for _, name := range files {
		f, err := p.fs.walk(name, true)
		if err != nil {
			status = p.fail("%s: %v", name, err)
			continue
		}
		kb := p.usedBy(f, 0)
		if has(set, "h") {
			p.print(short(kb<<10) + "\t" + name + "\n")
		} else {
			p.printf("%d\t%s\n", kb, name)
		}
	}
	return status
}

func (p *proc) usedBy(f file, depth int) int64 {
	if !f.isDir() {
		return (p.fs.size(f) + 1023) / 1024
	}
	total := p.dirSize() / 1024
	for _, k := range p.fs.list(f) {
		if depth < 16 && p.step(1) {
			total += p.usedBy(k, depth+1)
		}
	}
	return total
}

func which(p *proc) int {
	status := 0
	for _, a := range p.args {
		at := p.locate(a)
		if at == "" {
			status = 1
			continue
		}
		p.print(at + "\n")
	}
	return status
}

func whereis(p *proc) int {
	for _, a := range p.args {
		if at := p.locate(a); at != "" {
			p.print(a + ": " + at + "\n")
		} else {
			p.print(a + ":\n")
		}
	}
	return 0
}
