package shell

import (
	"strconv"
	"strings"
)

// grep searches; its status is 0 if a line was found.
func grep(p *proc) int {
	set, rest := p.flags("efmABC")
	pattern, given := set['e']
	if !given {
		if len(rest) == 0 {
			return p.Shell.usage(p.name, commandOf("grep"), &p.stdio)
		}
		pattern, rest = rest[0], rest[1:]
	}
	fixed := has(set, "F") || p.name == "fgrep"
	var alts []*regex
	for pat := range strings.SplitSeq(pattern, "\n") {
		re := &regex{alts: [][]rePart{literal(pat)}}
		if !fixed {
			var err error
			if re, err = compile(pat, has(set, "EP") || p.name == "egrep"); err != nil {
				return p.fail("%s: %v", pat, err) + 1
			}
		}
		re.fold = has(set, "i")
		if alts = append(alts, re); len(alts) > 64 {
			break
		}
	}
	if has(set, "rR") && len(rest) == 0 {
		rest = []string{"."}
	}
	g := grepping{p: p, set: set, alts: alts, names: (len(rest) > 1 || has(set, "rRH")) && !has(set, "h")}
	for _, name := range rest {
		g.file(name, 0)
	}
	if len(rest) == 0 {
		g.search("(standard input)", p.in.all())
	}
	if g.failed && !has(set, "s") && !g.found {
		return 2
	}
	return b2i(!g.found)
}

func literal(s string) []rePart {
	var seq []rePart
	for i := range len(s) {
		seq = append(seq, rePart{kind: reByte, c: s[i], low: 1, top: 1})
	}
	return seq
}

type grepping struct {
	p             *proc
	set           map[byte]string
	alts          []*regex
	names         bool
	found, failed bool
}

func (g *grepping) file(name string, depth int) {
	if !g.p.step(1) || depth > 20 {
		return
	}
	f, err := g.p.fs.walk(name, true)
	if err == nil && f.isDir() && has(g.set, "rR") {
		if inProc(f.path) && depth > 0 {
			return
		}
		for _, k := range g.p.fs.list(f) {
			if !k.isDev() && !k.isLink() {
				g.file(strings.TrimSuffix(name, "/")+"/"+k.name(), depth+1)
			}
		}
		return
	}
	data, err := g.p.readInput(name)
	if err != nil {
		g.failed = true
		if !has(g.set, "s") {
			g.p.fail("%s: %v", name, err)
		}
		return
	}
	g.search(name, data)
}

func (g *grepping) search(name string, data []byte) {
	prefix, count, most := "", 0, -1
	if g.names {
		prefix = name + ":"
	}
	if m, ok := g.set['m']; ok {
		most, _ = atoi(m)
	}
	for i, line := range linesOf(data) {
		marks, ok := g.find(line)
		if ok == has(g.set, "v") {
			continue
		}
		g.found = true
		count++
		switch {
		case has(g.set, "q") || g.p.stopped():
			return
		case has(g.set, "lLc"):
		default:
			if has(g.set, "n") {
				g.p.print(prefix + strconv.Itoa(i+1) + ":" + line + "\n")
			} else if has(g.set, "o") && ok {
				g.each(prefix, line)
			} else {
				g.p.print(prefix + line + "\n")
			}
		}
		_ = marks
		if count == most {
			break
		}
	}
	if has(g.set, "c") {
		g.p.printf("%s%d\n", prefix, count)
	} else if has(g.set, "l") && count > 0 || has(g.set, "L") && count == 0 {
		g.p.print(name + "\n")
	}
}

// each prints all matches of a line.
func (g *grepping) each(prefix, line string) {
	for at := 0; at <= len(line); {
		var marks [20]int
		ok := false
		for _, re := range g.alts {
			if marks, ok = re.find(g.p.Shell, line, at); ok {
				break
			}
		}
		if !ok || !g.p.step(1) {
			return
		}
		if marks[1] > marks[0] {
			g.p.print(prefix + line[marks[0]:marks[1]] + "\n")
		}
		at = max(marks[1], marks[0]+1)
	}
}

func (g *grepping) find(line string) (marks [20]int, ok bool) {
	if !g.p.work(len(line)) {
		return marks, false
	}
	for _, re := range g.alts {
		for at := 0; at <= len(line); {
			if marks, ok = re.find(g.p.Shell, line, at); !ok {
				break
			}
			switch {
			case has(g.set, "x") && marks[1]-marks[0] != len(line):
			case has(g.set, "w") && !wordAt(line, marks[0], marks[1]):
			default:
				return marks, true
			}
			at = marks[0] + 1
		}
	}
	return marks, false
}

func wordAt(line string, from, to int) bool {
	return (from == 0 || !isWordByte(line[from-1])) && (to == len(line) || !isWordByte(line[to]))
}
