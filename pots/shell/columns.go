package shell

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ranges reads the list of cut: 1,3-5,7-.
func ranges(list string) (pairs [][2]int, ok bool) {
	for part := range strings.SplitSeq(list, ",") {
		a, b, dash := strings.Cut(part, "-")
		low, ok1 := atoi(a)
		high, ok2 := atoi(b)
		if !dash {
			high, ok2 = low, ok1
		}
		if a == "" && dash {
			low, ok1 = 1, true
		}
		if b == "" && dash {
			high, ok2 = 1<<30, true
		}
		if !ok1 || !ok2 || low < 1 {
			return nil, false
		}
		pairs = append(pairs, [2]int{low, high})
	}
	return pairs, true
}

func inRanges(pairs [][2]int, n int) bool {
	for _, r := range pairs {
		if n >= r[0] && n <= r[1] {
			return true
		}
	}
	return false
}

func cut(p *proc) int {
	set, files := p.flags("cbfd")
	list, isField := set['f'], has(set, "f")
	if !isField {
		if list = set['c']; list == "" {
			list = set['b']
		}
	}
	pairs, ok := ranges(list)
	if !ok {
		return p.fail("bad list")
	}
	sep, given := set['d']
	if !given || sep == "" {
		sep = "\t"
	}
	return p.inputs(files, func(_ string, data []byte) bool {
		for _, line := range linesOf(data) {
			if !p.work(len(line)*len(pairs)/4) || !p.print(cutLine(line, sep[:1], pairs, isField, has(set, "s"))) {
				return false
			}
		}
		return true
	})
}

func cutLine(line, sep string, pairs [][2]int, isField, only bool) string {
	if !isField {
		var b []byte
		for i := range len(line) {
			if inRanges(pairs, i+1) {
				b = append(b, line[i])
			}
		}
		return string(b) + "\n"
	}
	if !strings.Contains(line, sep) {
		if only {
			return ""
		}
		return line + "\n"
	}
	var kept []string
	for i, f := range strings.Split(line, sep) {
		if inRanges(pairs, i+1) {
			kept = append(kept, f)
		}
	}
	return strings.Join(kept, sep) + "\n"
}

func sortLines(p *proc) int {
	set, files := p.flags("kto")
	var lines []string
	status := p.inputs(files, func(_ string, data []byte) bool {
		lines = append(lines, linesOf(data)...)
		return true
	})
	if !p.step(len(lines) / 8) {
		return 1
	}
	key := func(s string) string { return s }
	if k, ok := set['k']; ok {
		first, _, _ := strings.Cut(k, ",")
		n, _ := atoi(strings.TrimRight(first, "nrfb"))
		key = func(s string) string { return field(s, set['t'], n) }
		if strings.Contains(k, "n") {
			set['n'] = ""
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		a, b = key(a), key(b)
		if has(set, "nh") {
			if x, y := leading(a), leading(b); x != y {
				return b2i(x > y) - b2i(x < y)
			}
		}
		return strings.Compare(a, b)
	})
	if has(set, "r") {
		slices.Reverse(lines)
	}
	if has(set, "u") {
		lines = slices.Compact(lines)
	}
	for _, l := range lines {
		if !p.print(l + "\n") {
			break
		}
	}
	return status
}

// field returns the nth field of a line.
func field(s, sep string, n int) string {
	f := strings.Fields(s)
	if sep != "" {
		f = strings.Split(s, sep)
	}
	if n < 1 || n > len(f) {
		return ""
	}
	return f[n-1]
}

func leading(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (isDigit(s[end]) || s[end] == '.' || end == 0 && s[end] == '-') {
		end++
	}
	v, _ := strconv.ParseFloat(s[:end], 64)
	return v
}

func uniq(p *proc) int {
	set, files := p.flags("fsw")
	return p.inputs(files, func(_ string, data []byte) bool {
		lines := linesOf(data)
		for i := 0; i < len(lines); {
			n := 1
			for i+n < len(lines) && lines[i+n] == lines[i] {
				n++
			}
			text := lines[i] + "\n"
			if has(set, "c") {
				text = fmt.Sprintf("%7d %s", n, text)
			}
			if !(has(set, "d") && n == 1 || has(set, "u") && n > 1) && !p.print(text) {
				return false
			}
			i += n
		}
		return true
	})
}

func wc(p *proc) int {
	set, files := p.flags("")
	if !has(set, "lwcmL") {
		set['l'], set['w'], set['c'] = "", "", ""
	}
	var total [3]int
	row := func(n [3]int, name string) {
		var cols []string
		for i, letter := range []string{"l", "w", "c"} {
			if has(set, letter) || letter == "c" && has(set, "m") {
				cols = append(cols, strconv.Itoa(n[i]))
			}
		}
		if len(cols) > 1 {
			width := 9
			if p.p.BusyBox == "" {
				width = 7
			}
			for i := range cols {
				cols[i] = strings.Repeat(" ", max(width-len(cols[i]), 0)) + cols[i]
			}
		}
		if name != "-" {
			cols = append(cols, name)
		}
		p.print(strings.Join(cols, " ") + "\n")
	}
	status := p.inputs(files, func(name string, data []byte) bool {
		n := [3]int{bytes.Count(data, []byte("\n")), len(bytes.Fields(data)), len(data)}
		for i := range n {
			total[i] += n[i]
		}
		row(n, name)
		return true
	})
	if len(files) > 1 {
		row(total, "total")
	}
	return status
}
