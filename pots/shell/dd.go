package shell

import (
	"bytes"
	"strconv"
	"strings"
)

// ddArgs are what dd was told.
type ddArgs struct {
	in, out           string
	size, count, skip int
	seek              int
	keep, quiet       bool
}

func parseDD(args []string) (a ddArgs, bad string) {
	a = ddArgs{size: 512, count: -1}
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		n, isNumber := ddNumber(value)
		switch key {
		case "if":
			a.in = value
		case "of":
			a.out = value
		case "bs", "ibs":
			a.size = n
		case "count":
			a.count = n
		case "skip":
			a.skip = n
		case "seek":
			a.seek = n
		case "conv", "oflag", "iflag":
			a.keep = a.keep || strings.Contains(value, "notrunc") || strings.Contains(value, "append")
			isNumber = true
		case "obs", "cbs":
		case "status":
			a.quiet, isNumber = value == "none", true
		default:
			ok = false
		}
		if !ok || !isNumber && key != "if" && key != "of" {
			return a, arg
		}
	}
	return a, ""
}

// ddNumber reads a number with a unit: b, k, K, M, and what c does not change.
func ddNumber(s string) (int, bool) {
	unit := 1
	switch {
	case strings.HasSuffix(s, "b"):
		unit = 512
	case strings.HasSuffix(s, "k"), strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	case strings.HasSuffix(s, "G"):
		unit = 1 << 30
	}
	n, err := strconv.ParseInt(strings.TrimRight(s, "cwbkKMG"), 10, 31)
	if err != nil || n < 0 {
		return 0, false
	}
	return int(min(n*int64(unit), 1<<30)), true
}

// dd copies blocks, within the limits of what is read at once.
func dd(p *proc) int {
	a, bad := parseDD(p.args)
	switch {
	case bad != "" && p.p.BusyBox != "":
		return p.Shell.usage(p.name, &command{usage: "[if=FILE] [of=FILE] [bs=N] [count=N] [skip=N] [seek=N]"}, &p.stdio)
	case bad != "":
		return p.fail("unrecognized operand '%s'", bad)
	case a.size <= 0:
		return p.fail("bs=0: Invalid argument")
	}
	var data []byte
	if a.in == "" {
		data = p.in.all()
	} else {
		var err error
		if data, err = p.readInput(a.in); err != nil {
			if p.p.BusyBox != "" {
				return p.fail("can't open '%s': %v", a.in, err)
			}
			return p.fail("failed to open '%s': %v", a.in, err)
		}
	}
	data = data[min(a.skip*a.size, len(data)):]
	if a.count >= 0 {
		data = data[:min(int(min(int64(a.count)*int64(a.size), 1<<30)), len(data))]
	}
	if a.out == "" {
		p.write(data)
	} else if status := p.ddOut(a, data); status != 0 {
		return status
	}
	if !a.quiet {
		p.ddStatus(len(data), a.size)
	}
	return 0
}

func (p *proc) ddOut(a ddArgs, data []byte) int {
	w, err := p.writer(a.out, a.keep || a.seek > 0, &p.stdio)
	if err != nil {
		return p.fail("can't open '%s': %v", a.out, err)
	}
	if f, ok := w.(fileWriter); ok && a.seek > 0 {
		pad := a.seek*a.size - len(f.e.data)
		if pad > p.cfg.Limits.Bytes || pad > 0 && p.fs.append(f.e, make([]byte, pad)) != nil {
			return p.fail("writing '%s': %v", a.out, errSpace)
		}
		at := min(a.seek*a.size, len(f.e.data))
		n := copy(f.e.data[at:], data)
		f.e.dirty = true
		data = data[n:]
	}
	if _, err := w.Write(data); err != nil {
		return p.fail("writing '%s': %v", a.out, err)
	}
	return 0
}

func (p *proc) ddStatus(n, size int) {
	full, part := n/size, b2i(n%size != 0)
	var b bytes.Buffer
	for _, way := range []string{"in", "out"} {
		b.WriteString(strconv.Itoa(full) + "+" + strconv.Itoa(part) + " records " + way + "\n")
	}
	if p.p.BusyBox == "" {
		b.WriteString(strconv.Itoa(n) + " bytes copied, 0.000" + strconv.Itoa(137+n%700) + " s, 1.1 MB/s\n")
	} else if !p.oldBusyBox() {
		b.WriteString(strconv.Itoa(n) + " bytes (" + short(int64(n)) + "B) copied, 0.000" + strconv.Itoa(137+n%700) + " seconds, 1.1MB/s\n")
	}
	_, _ = p.err.Write(b.Bytes())
}

// short is a size as -h shows it.
func short(n int64) string {
	const units = "KMGT"
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 0, 64) + units[i:i+1]
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + units[i:i+1]
}
