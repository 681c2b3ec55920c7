package persona

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a persona file.
const (
	maxFile    = 256 << 10 // bytes
	maxNodes   = 4096      // files, directories, links
	maxValues  = 512       // keys
	maxProcess = 256
	maxPath    = 255 // bytes of a path
)

var (
	errNodes   = fmt.Errorf("more than %d files", maxNodes)
	errProcess = errors.New("want PID USER VSZ STAT COMMAND")
)

func errTwice(at string) error  { return fmt.Errorf("%.80q stands there twice", at) }
func errParent(at string) error { return fmt.Errorf("%.80q is below what is no directory", at) }

// required is what no device is without.
var required = []string{"model", "hostname", "mac", "ip", "gateway", "kernel", "kernel.version", "machine", "elf",
	"telnet.login", "ssh.version", "http.server"}

// Parse reads a persona file. It is a row of sections; a line that begins with
// "== " opens one, "#" begins a comment before the first and in the sections
// that hold no text:
//
//	== set                  lines "key value"; in values \r \n \t \e \\ \xNN, and \s for a
//	                        space that an editor would take away at the end
//	== text KEY             the lines up to the next section are the value
//	== file PATH [MODE]     likewise, the content of a file
//	== bins MODE DIR        names of programs, with sizes: name=123456
//	== dirs [MODE]          paths
//	== links TARGET DIR     names of symbolic links to TARGET
//	== devs DIR             lines "c MAJOR MINOR MODE name"
//	== ps                   lines "PID USER VSZ STAT COMMAND"
//
// One empty line in front of a section belongs to nobody. A line of text that
// begins with "== " has a backslash in front. Placeholders as in Expand. The
// error names the line.
func Parse(name, text string) (*Template, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than %d bytes", maxFile)
	}
	root := &Node{Mode: ModeDir | 0o755}
	t := &Template{Name: name, values: map[string]string{}, root: root, files: map[string]*Node{"/": root}}
	for line := 1; text != ""; {
		head, body, rest := cutSection(text)
		if err := t.section(head, body); err != nil {
			return nil, fmt.Errorf("section at line %d: %w", line, err)
		}
		line += strings.Count(text[:len(text)-len(rest)], "\n")
		text = rest
	}
	sortTree(root)
	t.files = map[string]*Node{"/etc/passwd": t.files["/etc/passwd"]} // what User needs
	return t, t.check()
}

const mark = "== "

// cutSection splits the first section off. What stands before the first header
// has an empty one.
func cutSection(text string) (head, body, rest string) {
	if strings.HasPrefix(text, mark) {
		head, text, _ = strings.Cut(text[len(mark):], "\n")
		if head = strings.TrimSpace(head); head == "" {
			head = "?"
		}
	}
	if strings.HasPrefix(text, mark) {
		return head, "", text
	}
	at := strings.Index(text, "\n"+mark)
	if at < 0 {
		return head, text, ""
	}
	body, rest = text[:at+1], text[at+1:]
	if strings.HasSuffix(body, "\n\n") {
		body = body[:len(body)-1]
	} else if body == "\n" {
		body = ""
	}
	return head, body, rest
}

func (t *Template) section(head, body string) error {
	f := strings.Fields(head)
	if len(f) == 0 {
		return eachLine(body, func(string) error { return errors.New("a line before the first section") })
	}
	arg := func(i int, def string) string {
		if i < len(f) {
			return f[i]
		}
		return def
	}
	switch f[0] {
	case "set":
		return eachLine(body, t.set)
	case "text":
		return t.value(arg(1, ""), unmark(body))
	case "file":
		return t.file(arg(1, ""), arg(2, "0644"), unmark(body))
	case "bins":
		return t.names(body, func(name string) error { return t.bin(arg(1, ""), arg(2, ""), name) })
	case "dirs":
		return t.names(body, func(name string) error { return t.dir(name, arg(1, "0755")) })
	case "links":
		return t.names(body, func(name string) error { return t.link(arg(1, ""), arg(2, ""), name) })
	case "devs":
		return eachLine(body, func(line string) error { return t.dev(arg(1, ""), line) })
	case "ps":
		return eachLine(body, t.ps)
	}
	return fmt.Errorf("unknown section %.40q", f[0])
}

// eachLine calls do with the lines that say something.
func eachLine(body string, do func(string) error) error {
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		if err := do(line); err != nil {
			return fmt.Errorf("%.60q: %w", line, err)
		}
	}
	return nil
}

func (t *Template) names(body string, do func(string) error) error {
	return eachLine(body, func(line string) error {
		for name := range strings.FieldsSeq(line) {
			if err := do(name); err != nil {
				return err
			}
		}
		return nil
	})
}

func unmark(body string) string {
	body = strings.TrimPrefix(strings.ReplaceAll("\n"+body, "\n\\"+mark, "\n"+mark), "\n")
	return body
}

func (t *Template) set(line string) error {
	key, value, _ := strings.Cut(line, " ")
	value, err := unescape(strings.TrimLeft(value, " \t"))
	if err != nil {
		return err
	}
	return t.value(key, value)
}

func (t *Template) value(key, value string) error {
	if key == "" || strings.ContainsAny(key, ":}%") {
		return fmt.Errorf("want a key, not %.40q", key)
	}
	if _, twice := t.values[key]; twice {
		return fmt.Errorf("key %.40q stands there twice", key)
	}
	if len(t.values) >= maxValues {
		return fmt.Errorf("more than %d keys", maxValues)
	}
	t.values[key] = value
	return nil
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		if i++; i == len(s) {
			return "", errors.New("a backslash at the end")
		}
		if at := strings.IndexByte(`rntes\`, s[i]); at >= 0 {
			b = append(b, "\r\n\t\x1b \\"[at])
			continue
		}
		n, err := strconv.ParseUint(s[min(i+1, len(s)):min(i+3, len(s))], 16, 8)
		if s[i] != 'x' || err != nil {
			return "", errors.New(`want \r, \n, \t, \e, \s, \\ or \xNN`)
		}
		b = append(b, byte(n))
		i += 2
	}
	return string(b), nil
}

// file adds a regular file.
func (t *Template) file(at, mode, body string) error {
	return t.node(at, mode, &Node{Mode: ModeFile, Body: body})
}

func (t *Template) dir(at, mode string) error { return t.node(at, mode, &Node{Mode: ModeDir}) }

func (t *Template) link(target, dir, name string) error {
	if target == "" {
		return errors.New("want links TARGET DIR")
	}
	return t.node(dir+"/"+name, "0777", &Node{Mode: ModeLink, Target: target})
}

// bin adds a program: NAME=SIZE.
func (t *Template) bin(mode, dir, word string) error {
	name, size, _ := strings.Cut(word, "=")
	n, err := strconv.ParseInt(size, 10, 32)
	if err != nil || n < 512 {
		return errors.New("want NAME=SIZE, at least 512")
	}
	return t.node(dir+"/"+name, mode, &Node{Mode: ModeFile, Binary: n})
}

// dev adds a device: "c MAJOR MINOR MODE name".
func (t *Template) dev(dir, line string) error {
	f := strings.Fields(line)
	if len(f) != 5 || f[0] != "c" && f[0] != "b" {
		return errors.New("want c or b, MAJOR, MINOR, MODE, name")
	}
	major, err1 := strconv.ParseUint(f[1], 10, 16)
	minor, err2 := strconv.ParseUint(f[2], 10, 16)
	if err1 != nil || err2 != nil {
		return errors.New("want numbers for MAJOR and MINOR")
	}
	n := &Node{Mode: ModeChar, Major: uint16(major), Minor: uint16(minor)}
	if f[0] == "b" {
		n.Mode = ModeBlk
	}
	return t.node(dir+"/"+f[4], f[3], n)
}

func (t *Template) node(at, mode string, n *Node) error {
	perm, err := strconv.ParseUint(mode, 8, 12)
	if err != nil {
		return fmt.Errorf("want a mode like 0755, not %.20q", mode)
	}
	if at = path.Clean(at); len(at) > maxPath || !strings.HasPrefix(at, "/") || at == "/" {
		return fmt.Errorf("want an absolute path, not %.80q", at)
	}
	n.Mode |= uint32(perm)
	n.Name = path.Base(at)
	return t.add(at, n)
}

func (t *Template) ps(line string) error {
	l, err := parseProcess(line)
	if err != nil {
		return err
	}
	if len(t.process) >= maxProcess {
		return fmt.Errorf("more than %d processes", maxProcess)
	}
	t.process = append(t.process, l)
	return nil
}

// check finds what would only show when an attacker looks.
func (t *Template) check() error {
	for _, key := range required {
		if t.values[key] == "" {
			return fmt.Errorf("key %s is missing", key)
		}
	}
	p := &Persona{t: t}
	now := time.Unix(1e9, 0)
	for key, text := range t.values {
		if err := p.try(text, now); err != nil {
			return fmt.Errorf("key %.40q: %w", key, err)
		}
	}
	for _, l := range t.process {
		if err := p.try(l.command, now); err != nil {
			return fmt.Errorf("process %.40q: %w", l.command, err)
		}
	}
	for _, key := range []string{"ip", "gateway"} {
		if _, err := netip.ParseAddr(p.Get(key)); err != nil {
			return fmt.Errorf("key %s: want an address, not %.40q", key, p.Get(key))
		}
	}
	if _, ok := machines[p.Get("elf")]; !ok {
		return fmt.Errorf("key elf: want mips, mipsel, arm, armhf, arm64 or x86_64, not %.40q", p.Get("elf"))
	}
	if !slices.IsSortedFunc(t.process, func(a, b processLine) int { return a.pid - b.pid }) {
		return errors.New("ps: want the processes sorted by pid")
	}
	return t.checkTree(p, t.root, now)
}

func (t *Template) checkTree(p *Persona, n *Node, now time.Time) error {
	if err := p.try(n.Body, now); err != nil {
		return fmt.Errorf("file %.80q: %w", n.Name, err)
	}
	for _, k := range n.Kids {
		if err := t.checkTree(p, k, now); err != nil {
			return err
		}
	}
	return nil
}

func (p *Persona) try(text string, now time.Time) error {
	x := expansion{p: p, now: now}
	_, err := x.append(nil, text, 0)
	return err
}
