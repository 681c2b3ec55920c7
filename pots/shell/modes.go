package shell

import (
	"strconv"
	"strings"

	"forager/pots/persona"
)

func touch(p *proc) int {
	set, files := p.flags("drts")
	status := 0
	for _, name := range files {
		f, err := p.fs.walk(name, true)
		var e *entry
		switch {
		case err == nil && f.isDev():
			continue
		case err == nil:
			if err = p.fs.writable(f.path); err == nil {
				e, err = p.fs.own(f)
			}
		case err == errNoEnt && has(set, "c"):
			continue
		default:
			if _, e, err = p.fs.create(name, true); err == nil {
				e.dirty = false // it holds nothing
			}
		}
		if err != nil {
			status = p.fail("%s: %v", name, err)
			continue
		}
		e.mtime = p.cfg.Now().Unix()
	}
	return status
}

func chmod(p *proc) int {
	args := p.args
	deep := false
	for len(args) > 2 && strings.HasPrefix(args[0], "-") && strings.Trim(args[0], "-Rcvf") == "" {
		deep = deep || strings.Contains(args[0], "R")
		args = args[1:]
	}
	status := 0
	for _, name := range args[1:] {
		f, err := p.fs.walk(name, true)
		if err == nil {
			err = p.chmodFile(f, args[0], deep)
		}
		switch {
		case err == errInval:
			return p.fail("invalid mode '%s'", args[0])
		case err != nil && p.p.BusyBox == "" && err == errNoEnt:
			status = p.fail("cannot access '%s': %v", name, err)
		case err != nil:
			status = p.fail("%s: %v", name, err)
		}
	}
	return status
}

func (p *proc) chmodFile(f file, mode string, deep bool) error {
	if deep && f.isDir() {
		for _, k := range p.fs.list(f) {
			if !p.step(1) {
				break
			}
			if !k.isLink() {
				_ = p.chmodFile(k, mode, deep)
			}
		}
	}
	bits, ok := parseMode(mode, f.mode(), f.isDir())
	if !ok {
		return errInval
	}
	if f.isDev() || inProc(f.path) {
		return nil
	}
	if err := p.fs.writable(f.path); err != nil {
		return err
	}
	if bits == f.mode() {
		return nil
	}
	e, err := p.fs.own(f)
	if err == nil {
		e.mode = bits
	}
	return err
}

// parseMode reads 0755, +x, u=rwx,go-w.
func parseMode(text string, old uint32, dir bool) (uint32, bool) {
	if n, err := strconv.ParseUint(text, 8, 12); err == nil {
		return old&^0o7777 | uint32(n), true
	}
	mode := old
	for part := range strings.SplitSeq(text, ",") {
		who := uint32(0)
		for part != "" && strings.IndexByte("ugoa", part[0]) >= 0 {
			who |= map[byte]uint32{'u': 0o4700, 'g': 0o2070, 'o': 0o1007, 'a': 0o7777}[part[0]]
			part = part[1:]
		}
		if who == 0 {
			who = 0o7777
		}
		if part == "" || strings.IndexByte("+-=", part[0]) < 0 {
			return 0, false
		}
		op, bits := part[0], uint32(0)
		for _, c := range []byte(part[1:]) {
			b, ok := map[byte]uint32{'r': 0o444, 'w': 0o222, 'x': 0o111, 's': 0o6000, 't': 0o1000}[c]
			if c == 'X' {
				ok = true
				b = 0o111 * uint32(b2i(dir || old&0o111 != 0))
			}
			if !ok {
				return 0, false
			}
			bits |= b
		}
		switch op {
		case '+':
			mode |= bits & who
		case '-':
			mode &^= bits & who
		default:
			mode = mode&^(who&0o777) | bits&who
		}
	}
	return mode, true
}

func chown(p *proc) int {
	_, args := p.flags("")
	if len(args) < 2 {
		return p.Shell.usage(p.name, commandOf("chown"), &p.stdio)
	}
	status := 0
	user, _, _ := strings.Cut(args[0], ":")
	for _, name := range args[1:] {
		f, err := p.fs.walk(name, true)
		if err == nil {
			err = p.fs.writable(f.path)
		}
		var e *entry
		if err == nil {
			e, err = p.fs.own(f)
		}
		if err != nil {
			status = p.fail("%s: %v", name, err)
			continue
		}
		if n, ok := atoi(user); ok {
			e.uid = uint16(n)
		} else if user != "" && p.name == "chown" {
			e.uid = uint16(p.p.User(user).UID)
		}
	}
	return status
}

func chattr(p *proc) int {
	status := 0
	for _, a := range p.args {
		if strings.HasPrefix(a, "-") || strings.HasPrefix(a, "+") || strings.HasPrefix(a, "=") {
			continue
		}
		if _, err := p.fs.walk(a, true); err != nil {
			status = p.fail("%v while trying to stat %s", err, a)
		}
	}
	return status
}

func mknod(p *proc) int {
	_, args := p.flags("m")
	if len(args) == 0 {
		return 1
	}
	f, err := p.fs.walk(args[0], false)
	if err == nil {
		return p.fail("%s: File exists", args[0])
	}
	if err == errNoEnt && f.path != "" {
		if err = p.fs.writable(f.path); err == nil {
			err = p.fs.put(f.path, &entry{mode: persona.ModeChar | 0o644})
		}
	}
	if err != nil {
		return p.fail("%s: %v", args[0], err)
	}
	return 0
}

func mktemp(p *proc) int {
	set, args := p.flags("p")
	name := "/tmp/tmp.XXXXXXXXXX"
	if p.p.BusyBox != "" {
		name = "/tmp/tmp.XXXXXX"
	}
	if len(args) > 0 {
		name = args[0]
	}
	p.pids++
	seed := uint64(p.pid()+p.pids) * 0x9e3779b97f4a7c15
	b := []byte(name)
	for i := len(b) - 1; i >= 0 && b[i] == 'X'; i-- {
		b[i] = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[seed%57]
		seed = seed/57 ^ seed<<7
	}
	err := error(nil)
	if has(set, "d") {
		err = p.fs.mkdir(string(b))
	} else if _, e, e2 := p.fs.create(string(b), true); e2 != nil {
		err = e2
	} else {
		e.mode, e.dirty = persona.ModeFile|0o600, false
	}
	if err != nil {
		return p.fail("%s: %v", name, err)
	}
	p.print(string(b) + "\n")
	return 0
}
