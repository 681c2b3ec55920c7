package shell

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"forager/pots/persona"
)

func init() { register(listCommands) }

var listCommands = []command{
	{name: "ls", run: ls}, {name: "dir", run: ls}, {name: "vdir", run: ls}, {name: "stat", run: stat, usage: "[-ltf] FILE...", least: 1},
	{name: "find", run: find}, {name: "du", run: du}, {name: "which", run: which, usage: "[COMMAND]..."}, {name: "whereis", run: whereis},
}

type listing struct {
	p      *proc
	set    map[byte]string
	long   bool
	status int
}

func ls(p *proc) int {
	set, files := p.flags("wI")
	l := listing{p: p, set: set, long: has(set, "lno") || p.name == "vdir"}
	if len(files) == 0 {
		files = []string{"."}
	}
	var dirs []string
	var plain []file
	var names []string
	for _, name := range files {
		f, err := p.fs.walk(name, !l.long || strings.HasSuffix(name, "/"))
		switch {
		case err != nil && p.p.BusyBox == "":
			l.status = p.fail("cannot access '%s': %v", name, err) + 1
		case err != nil:
			l.status = p.fail("%s: %v", name, err)
		case f.isDir() && !has(set, "d"):
			dirs = append(dirs, name)
		default:
			plain, names = append(plain, f), append(names, name)
		}
	}
	l.show(plain, names)
	for i, name := range dirs {
		if i > 0 || len(plain) > 0 {
			p.print("\n")
		}
		l.dir(name, len(files) > 1 || has(set, "R"), 0)
	}
	return l.status
}

func (l *listing) dir(name string, head bool, depth int) {
	f, err := l.p.fs.walk(name, true)
	if err != nil || depth > 12 || !l.p.step(1) {
		return
	}
	if head {
		l.p.print(name + ":\n")
	}
	kids := l.p.fs.list(f)
	var names []string
	if has(l.set, "a") {
		up, _ := l.p.fs.walk(path.Dir(f.path), true)
		kids = append([]file{f, up}, kids...)
		names = append(names, ".", "..")
	} else if !has(l.set, "A") {
		kids = slices.DeleteFunc(kids, func(k file) bool { return k.name()[0] == '.' })
	}
	for _, k := range kids[len(names):] {
		names = append(names, k.name())
	}
	if l.long {
		l.p.printf("total %d\n", l.blocks(kids))
	}
	l.show(kids, names)
	if !has(l.set, "R") {
		return
	}
	for i, k := range kids {
		if k.isDir() && names[i] != "." && names[i] != ".." {
			l.p.print("\n")
			l.dir(joinGlob(strings.TrimSuffix(name, "/"), names[i]), true, depth+1)
		}
	}
}

func (l *listing) blocks(kids []file) int64 {
	total := int64(0)
	for _, k := range kids {
		if !k.isLink() && !k.isDev() {
			total += (l.p.fs.size(k) + 4095) / 4096 * 4
		}
	}
	return total
}

func (l *listing) show(files []file, names []string) {
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	if has(l.set, "tS") {
		key := func(i int) int64 {
			if has(l.set, "S") {
				return l.p.fs.size(files[i])
			}
			return l.p.fs.mtime(files[i]).Unix()
		}
		slices.SortStableFunc(order, func(a, b int) int { return b2i(key(a) < key(b)) - b2i(key(a) > key(b)) })
	}
	if has(l.set, "r") {
		slices.Reverse(order)
	}
	if l.long {
		l.rows(files, names, order)
		return
	}
	var list []string
	for _, i := range order {
		list = append(list, names[i]+l.mark(files[i]))
	}
	if len(list) == 0 {
		return
	}
	_, screen := l.p.out.(*screen)
	if !screen || has(l.set, "1") || !l.p.cfg.TTY {
		l.p.print(strings.Join(list, "\n") + "\n")
		return
	}
	l.p.print(columns(list, l.p.p.BusyBox == ""))
}

func (l *listing) mark(f file) string {
	switch {
	case !has(l.set, "F") && !(has(l.set, "p") && f.isDir()):
		return ""
	case f.isDir():
		return "/"
	case f.isLink():
		return "@"
	case f.isReg() && f.mode()&0o111 != 0:
		return "*"
	}
	return ""
}

// termWidth is the width of the terminal, in columns.
const termWidth = 80

// columns lays names out as ls does: down, then across.
func columns(names []string, coreutils bool) string {
	widest := 0
	for _, n := range names {
		widest = max(widest, len(n))
	}
	width := widest + 2
	cols := max(termWidth/width, 1)
	if coreutils && len(names)*width <= termWidth+2 {
		return strings.Join(names, "  ") + "\n"
	}
	rows := (len(names) + cols - 1) / cols
	var b strings.Builder
	for r := range rows {
		for i := r; i < len(names); i += rows {
			b.WriteString(names[i])
			if i+rows < len(names) {
				b.WriteString(strings.Repeat(" ", width-len(names[i])))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// modeText is "drwxr-xr-x".
func modeText(mode uint32) string {
	b := []byte("?rwxrwxrwx")
	switch mode & persona.ModeType {
	case persona.ModeDir:
		b[0] = 'd'
	case persona.ModeLink:
		b[0] = 'l'
	case persona.ModeChar:
		b[0] = 'c'
	case persona.ModeBlk:
		b[0] = 'b'
	default:
		b[0] = '-'
	}
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			b[i+1] = '-'
		}
	}
	for _, s := range []struct {
		bit  uint32
		at   int
		with byte
	}{{0o4000, 3, 's'}, {0o2000, 6, 's'}, {0o1000, 9, 't'}} {
		if mode&s.bit != 0 {
			if b[s.at] == '-' {
				b[s.at] = s.with &^ 0x20
			} else {
				b[s.at] = s.with
			}
		}
	}
	return string(b)
}

// links is how many names a file has: each directory below counts.
func (l *listing) links(f file) int {
	if !f.isDir() {
		return 1
	}
	n := 2
	for _, k := range l.p.fs.list(f) {
		n += b2i(k.isDir())
	}
	return n
}

// rows prints the lines of ls -l: BusyBox has fixed columns, coreutils those
// that fit.
func (l *listing) rows(files []file, names []string, order []int) {
	widths := [4]int{4, 8, 8, 9}
	if l.p.p.BusyBox == "" {
		widths = [4]int{}
	}
	list := make([][6]string, len(order))
	for k, i := range order {
		list[k] = l.row(files[i])
		for c := range widths {
			widths[c] = max(widths[c], len(list[k][c+1]))
		}
	}
	for k, i := range order {
		r := list[k]
		name := names[i] + l.mark(files[i])
		if files[i].isLink() {
			name = names[i] + " -> " + files[i].target()
		}
		if !l.p.printf("%s %*s %-*s %-*s %*s %s %s\n", r[0], widths[0], r[1], widths[1], r[2], widths[2], r[3], widths[3], r[4], r[5], name) {
			return
		}
	}
}

// row is a line of ls -l but for the name.
func (l *listing) row(f file) [6]string {
	uid, gid := f.owner()
	user, group := l.p.userName(uid), l.p.groupName(gid)
	if has(l.set, "n") {
		user, group = strconv.Itoa(uid), strconv.Itoa(gid)
	}
	size := strconv.FormatInt(l.p.fs.size(f), 10)
	if has(l.set, "h") {
		size = short(l.p.fs.size(f))
	}
	if f.isDev() && f.n != nil {
		size = fmt.Sprintf("%d, %3d", f.n.Major, f.n.Minor)
	}
	when := l.p.fs.mtime(f)
	stamp := when.Format("Jan _2 15:04")
	if age := l.p.cfg.Now().Sub(when).Hours() / 24; age > 182 || age < -1 {
		stamp = when.Format("Jan _2  2006")
	}
	return [6]string{modeText(f.mode()), strconv.Itoa(l.links(f)), user, group, size, stamp}
}

// dirSize is what a directory shows as its size.
func (s *Shell) dirSize() int64 {
	if s.p.BusyBox == "" {
		return 4096
	}
	if v, ok := atoi(s.p.Get("dirsize")); ok {
		return int64(v)
	}
	return 0
}

// userName is the name of a uid.
func (s *Shell) userName(uid int) string { return s.nameOf("/etc/passwd", uid) }

func (s *Shell) groupName(gid int) string { return s.nameOf("/etc/group", gid) }

func (s *Shell) nameOf(at string, id int) string {
	want := strconv.Itoa(id)
	if data, err := s.fs.readPath(at); err == nil {
		for line := range strings.Lines(string(data)) {
			f := strings.Split(line, ":")
			if len(f) > 2 && strings.TrimSpace(f[2]) == want {
				return f[0]
			}
		}
	}
	if id == 0 {
		return "root"
	}
	return want
}

func stat(p *proc) int {
	_, files := p.flags("cf")
	status := 0
	for _, name := range files {
		f, err := p.fs.walk(name, false)
		if err != nil {
			status = p.fail("cannot stat '%s': %v", name, err)
			continue
		}
		uid, gid := f.owner()
		kind := "regular file"
		if f.isDir() {
			kind = "directory"
		} else if f.isLink() {
			kind = "symbolic link"
		} else if f.isDev() {
			kind = "character special file"
		}
		size := p.fs.size(f)
		when := p.fs.mtime(f).Format("2006-01-02 15:04:05.000000000")
		p.printf("  File: %s\n  Size: %-10d\tBlocks: %-10d IO Block: 4096   %s\n", name, size, (size+4095)/4096*8, kind)
		p.printf("Device: 1f02h/7938d\tInode: %-10d  Links: 1\n", 100+len(f.path)*37)
		p.printf("Access: (%04o/%s)  Uid: (%5d/%8s)   Gid: (%5d/%8s)\n", f.mode()&0o7777, modeText(f.mode()), uid, p.userName(uid), gid, p.groupName(gid))
		p.printf("Access: %s\nModify: %s\nChange: %s\n", when, when, when)
	}
	return status
}
