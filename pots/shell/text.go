package shell

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

func init() { register(textCommands) }

var textCommands = []command{
	{name: "cat", run: cat}, {name: "tac", run: tac}, {name: "head", run: head}, {name: "tail", run: head}, {name: "more", run: cat}, {name: "less", run: cat},
	{name: "grep", run: grep, usage: "[-HhnlLoqvsriwFE] PATTERN [FILE]...", least: 1},
	{name: "egrep", run: grep, usage: "PATTERN [FILE]...", least: 1}, {name: "fgrep", run: grep, usage: "PATTERN [FILE]...", least: 1},
	{name: "cut", run: cut}, {name: "sort", run: sortLines}, {name: "uniq", run: uniq}, {name: "wc", run: wc},
	{name: "tr", run: tr, usage: "[-cds] STRING1 [STRING2]", least: 1}, {name: "rev", run: rev},
	{name: "tee", run: tee}, {name: "yes", run: yes}, {name: "seq", run: seq, usage: "[FIRST [INC]] LAST", least: 1},
	{name: "strings", run: stringsOf},
}

// inputs calls do with what each file holds, or with what the command reads
// if no file is named. It returns 1 if one could not be read.
func (p *proc) inputs(files []string, do func(name string, data []byte) bool) int {
	if len(files) == 0 {
		do("-", p.in.all())
		return 0
	}
	status := 0
	for _, name := range files {
		data, err := p.readInput(name)
		if err != nil {
			p.failOpen(name, err)
			status = 1
			continue
		}
		if !do(name, data) {
			break
		}
	}
	return status
}

// readInput reads a file that a command names; "-" is what it reads anyway.
func (p *proc) readInput(name string) ([]byte, error) {
	if name == "-" || isTerminalPath(name) {
		return p.in.all(), nil
	}
	data, err := p.fs.readPath(name)
	p.work(len(data))
	return data, err
}

// failOpen says that a file can't be read, as the device does.
func (p *proc) failOpen(name string, err error) {
	switch {
	case err == errIsDir && p.p.BusyBox != "":
		p.fail("read error: Is a directory")
	case p.p.BusyBox != "" && p.name == "cat" && !strings.HasPrefix(p.p.BusyBox, "1.0"):
		p.fail("can't open '%s': %v", name, err)
	default:
		p.fail("%s: %v", name, err)
	}
}

// flags cuts single-letter options off. with names the letters that take a
// value.
func (p *proc) flags(with string) (set map[byte]string, rest []string) {
	set = map[byte]string{}
	for i := 0; i < len(p.args); i++ {
		a := p.args[i]
		if a == "--" {
			return set, append(rest, p.args[i+1:]...)
		}
		if len(a) < 2 || a[0] != '-' || strings.HasPrefix(a, "--") {
			if !strings.HasPrefix(a, "--") {
				rest = append(rest, a)
			}
			continue
		}
		for j := 1; j < len(a); j++ {
			if strings.IndexByte(with, a[j]) < 0 {
				set[a[j]] = ""
				continue
			}
			v := a[j+1:]
			if v == "" && i+1 < len(p.args) {
				i++
				v = p.args[i]
			}
			set[a[j]] = v
			break
		}
	}
	return set, rest
}

func has(set map[byte]string, letters string) bool {
	for i := range len(letters) {
		if _, ok := set[letters[i]]; ok {
			return true
		}
	}
	return false
}

func cat(p *proc) int {
	set, files := p.flags("")
	n := 0
	return p.inputs(files, func(_ string, data []byte) bool {
		if !has(set, "nb") {
			return p.write(data)
		}
		for line := range bytes.Lines(data) {
			n++
			if !p.printf("%6d\t%s", n, line) {
				return false
			}
		}
		return true
	})
}

// linesOf cuts text into lines without their newlines.
func linesOf(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func tac(p *proc) int {
	return p.inputs(p.args, func(_ string, data []byte) bool {
		lines := linesOf(data)
		slices.Reverse(lines)
		return p.print(strings.Join(append(lines, ""), "\n"))
	})
}

// head is head and tail: -n LINES, -LINES, -c BYTES, tail's -n +LINE.
func head(p *proc) int {
	n, count, isBytes := "10", "", false
	var files []string
	for i := 0; i < len(p.args); i++ {
		a := p.args[i]
		switch {
		case (a == "-n" || a == "-c") && i+1 < len(p.args):
			i++
			count, isBytes = p.args[i], a == "-c"
		case strings.HasPrefix(a, "-n"), strings.HasPrefix(a, "-c"):
			count, isBytes = a[2:], a[1] == 'c'
		case len(a) > 1 && a[0] == '-' && isDigit(a[1]):
			count = a[1:]
		case len(a) > 1 && a[0] == '-':
		default:
			files = append(files, a)
		}
	}
	if count == "" {
		count = n
	}
	status, several := 0, 0
	status = p.inputs(files, func(name string, data []byte) bool {
		if len(files) > 1 {
			p.print("\n"[b2i(several == 0):] + "==> " + name + " <==\n")
			several++
		}
		return p.write(portion(data, count, isBytes, p.name == "tail"))
	})
	return status
}

// portion returns the first or last count lines or bytes of data.
func portion(data []byte, count string, isBytes, last bool) []byte {
	fromStart := strings.HasPrefix(count, "+")
	n, _ := strconv.Atoi(strings.TrimLeft(strings.TrimRight(count, "bkKmM"), "+-"))
	if k := count; k != "" && (k[len(k)-1] == 'k' || k[len(k)-1] == 'K') {
		n *= 1024
	}
	ends := []int{0}
	if isBytes {
		n = min(n, len(data))
		switch {
		case last && fromStart:
			return data[max(n-1, 0):]
		case last:
			return data[len(data)-n:]
		}
		return data[:n]
	}
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if ends[len(ends)-1] != len(data) {
		ends = append(ends, len(data))
	}
	lines := len(ends) - 1
	switch {
	case last && fromStart:
		return data[ends[min(max(n-1, 0), lines)]:]
	case last:
		return data[ends[max(lines-n, 0)]:]
	case strings.HasPrefix(count, "-"):
		return data[:ends[max(lines-n, 0)]]
	}
	return data[:ends[min(n, lines)]]
}

// set of bytes that tr names.
func trSet(s string) []byte {
	raw, _ := appendEscapes(nil, s, escapesQuote)
	s = string(raw)
	var set []byte
	for i := 0; i < len(s) && len(set) <= 4096; i++ {
		if strings.HasPrefix(s[i:], "[:") {
			if end := strings.Index(s[i+2:], ":]"); end >= 0 {
				for c := range 256 {
					if inNamedClass(s[i+2:i+2+end], byte(c)) {
						set = append(set, byte(c))
					}
				}
				i += end + 3
				continue
			}
		}
		if i+2 < len(s) && s[i+1] == '-' && s[i+2] >= s[i] {
			for c := int(s[i]); c <= int(s[i+2]); c++ {
				set = append(set, byte(c))
			}
			i += 2
			continue
		}
		set = append(set, s[i])
	}
	return set
}

func tr(p *proc) int {
	set, rest := p.flags("")
	if len(rest) == 0 {
		return p.fail("missing operand")
	}
	p.workOn(rest)
	from, to := trSet(rest[0]), []byte(nil)
	if len(rest) > 1 {
		to = trSet(rest[1])
	}
	if has(set, "cC") {
		var other []byte
		for c := range 256 {
			if bytes.IndexByte(from, byte(c)) < 0 {
				other = append(other, byte(c))
			}
		}
		from = other
	}
	var table [256]int
	for i := range table {
		table[i] = i
	}
	for i, c := range from {
		switch {
		case has(set, "d"):
			table[c] = -1
		case len(to) > 0:
			table[c] = int(to[min(i, len(to)-1)])
		}
	}
	var out []byte
	squeeze := has(set, "s")
	for _, c := range p.in.all() {
		v := table[c]
		if v < 0 || squeeze && len(out) > 0 && out[len(out)-1] == byte(v) && (bytes.IndexByte(to, byte(v)) >= 0 || to == nil && bytes.IndexByte(from, c) >= 0) {
			continue
		}
		out = append(out, byte(v))
	}
	p.write(out)
	return 0
}

func rev(p *proc) int {
	return p.inputs(p.args, func(_ string, data []byte) bool {
		for _, line := range linesOf(data) {
			b := []byte(line)
			slices.Reverse(b)
			if !p.print(string(b) + "\n") {
				return false
			}
		}
		return true
	})
}

func tee(p *proc) int {
	set, files := p.flags("")
	data := p.in.all()
	status := 0
	for _, name := range files {
		w, err := p.writer(name, has(set, "a"), &p.stdio)
		if !p.work(256 + len(data)) {
			break
		}
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			status = p.fail("%s: %v", name, err)
		}
	}
	p.write(data)
	return status
}

func yes(p *proc) int {
	text := "y\n"
	if len(p.args) > 0 {
		text = strings.Join(p.args, " ") + "\n"
	}
	for p.step(1) && p.print(text) {
	}
	return 1
}

func seq(p *proc) int {
	low, step, high := 1, 1, 0
	last, ok := atoi(p.args[len(p.args)-1])
	high = last
	if len(p.args) > 1 {
		low, _ = atoi(p.args[0])
	}
	if len(p.args) > 2 {
		step, _ = atoi(p.args[1])
	}
	if !ok || step == 0 {
		return p.fail("invalid argument")
	}
	for i := low; (step > 0 && i <= high || step < 0 && i >= high) && p.printf("%d\n", i) && p.work(32); i += step {
	}
	return 0
}

func stringsOf(p *proc) int {
	_, files := p.flags("n")
	return p.inputs(files, func(_ string, data []byte) bool {
		run := []byte(nil)
		for _, c := range append(data[:len(data):len(data)], 0) {
			if c >= ' ' && c < 0x7f || c == '\t' {
				run = append(run, c)
				continue
			}
			if len(run) >= 4 && !p.print(string(run)+"\n") {
				return false
			}
			run = run[:0]
		}
		return true
	})
}
