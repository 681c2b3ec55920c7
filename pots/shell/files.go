package shell

import (
	"path"
	"strings"

	"forager/pots/persona"
)

func init() { register(fileCommands) }

var fileCommands = []command{
	{name: "cp", run: cp, usage: "[-arPLHpfinlsTu] SOURCE DEST", least: 1}, {name: "mv", run: mv, usage: "[-finT] SOURCE... DIRECTORY", least: 1},
	{name: "rm", run: rm, usage: "[-irf] FILE..."}, {name: "rmdir", run: rmdir, usage: "[-p] DIRECTORY...", least: 1},
	{name: "unlink", run: rm, usage: "FILE", least: 1},
	{name: "mkdir", run: mkdir, usage: "[-m MODE] [-p] DIRECTORY...", least: 1},
	{name: "ln", run: ln, usage: "[-sfnbtv] [-S SUF] TARGET... LINK|DIR", least: 1},
	{name: "touch", run: touch, usage: "[-cham] [-d DATE] [-t DATE] [-r FILE] FILE...", least: 1},
	{name: "chmod", run: chmod, usage: "[-Rcvf] MODE[,MODE]... FILE...", least: 2},
	{name: "chown", run: chown, usage: "[-Rhcvf] USER[:[GRP]] FILE...", least: 2}, {name: "chgrp", run: chown, usage: "[-Rhcvf] GROUP FILE...", least: 2},
	{name: "chattr", run: chattr}, {name: "lsattr", run: succeed}, {name: "sync", run: succeed}, {name: "mknod", run: mknod, usage: "[-m MODE] NAME TYPE [MAJOR MINOR]", least: 2},
	{name: "dd", run: dd},
	{name: "truncate", run: touch}, {name: "mktemp", run: mktemp}, {name: "readlink", run: readlink, usage: "[-fnv] FILE", least: 1},
	{name: "realpath", run: readlink, usage: "FILE...", least: 1}, {name: "basename", run: pathPart, usage: "FILE [SUFFIX]", least: 1},
	{name: "dirname", run: pathPart, usage: "FILENAME", least: 1}, {name: "install", run: cp},
	{name: "tar", run: tar, usage: "-[cxtzhvO] [-f TARFILE] [-C DIR] [FILE]...", least: 1},
}

// rm removes; like the real one it refuses directories without -r.
func rm(p *proc) int {
	set, files := p.flags("")
	force, deep, status := has(set, "f"), has(set, "rR"), 0
	if len(files) == 0 && !force {
		return p.Shell.usage(p.name, commandOf("rm"), &p.stdio)
	}
	for _, name := range files {
		f, err := p.fs.walk(name, false)
		switch {
		case err != nil && force:
			continue
		case err == nil && f.isDir() && !deep:
			err = errIsDir
			if p.p.BusyBox != "" {
				status = p.fail("'%s' is a directory", name)
				continue
			}
		case err == nil && (f.path == "/" || name == "." || name == ".."):
			status = p.wipe(f)
			continue
		case err == nil:
			err = p.fs.remove(f)
		}
		if err == nil {
			continue
		}
		if p.p.BusyBox != "" {
			status = p.fail("can't remove '%s': %v", name, err)
		} else {
			status = p.fail("cannot remove '%s': %v", name, err)
		}
	}
	return status
}

// wipe is rm -rf /: what the attacker's session shows is gone.
func (p *proc) wipe(dir file) int {
	if p.p.BusyBox == "" {
		return p.fail("it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe")
	}
	for _, k := range p.fs.list(dir) {
		if p.fs.remove(k) != nil || !p.step(1) {
			break
		}
	}
	return 0
}

func rmdir(p *proc) int {
	_, files := p.flags("")
	status := 0
	for _, name := range files {
		f, err := p.fs.walk(name, false)
		if err == nil && !f.isDir() {
			err = errNotDir
		}
		if err == nil && len(p.fs.list(f)) > 0 {
			err = errEmpty
		}
		if err == nil {
			err = p.fs.remove(f)
		}
		if err != nil {
			status = p.fail("'%s': %v", name, err)
		}
	}
	return status
}

func mkdir(p *proc) int {
	set, files := p.flags("m")
	status := 0
	for _, name := range files {
		err := p.makeDir(name, has(set, "p"))
		if err != nil && p.p.BusyBox != "" {
			status = p.fail("can't create directory '%s': %v", name, err)
		} else if err != nil {
			status = p.fail("cannot create directory ‘%s’: %v", name, err)
		}
	}
	return status
}

func (p *proc) makeDir(name string, parents bool) error {
	if !parents {
		return p.fs.mkdir(name)
	}
	at := p.fs.abs(name)
	for i := 1; i <= len(at); i++ {
		if i < len(at) && at[i] != '/' || !p.step(1) {
			continue
		}
		if f, err := p.fs.walk(at[:i], true); err == nil {
			if !f.isDir() {
				return errNotDir
			}
			continue
		}
		if err := p.fs.mkdir(at[:i]); err != nil {
			return err
		}
	}
	return nil
}

func ln(p *proc) int {
	set, files := p.flags("St")
	to := "."
	if len(files) > 1 {
		to, files = files[len(files)-1], files[:len(files)-1]
	}
	status := 0
	for _, target := range files {
		name := to
		if f, err := p.fs.walk(to, true); err == nil && f.isDir() {
			name = joinGlob(to, path.Base(target))
		}
		if old, err := p.fs.walk(name, false); err == nil && has(set, "f") {
			_ = p.fs.remove(old)
		}
		var err error
		if has(set, "s") {
			err = p.fs.symlink(target, name)
		} else {
			err = p.copyFile(target, name)
		}
		if err != nil {
			status = p.fail("%s: %v", name, err)
		}
	}
	return status
}

// into is where a file goes that is copied or moved to a path.
func (p *proc) into(from, to string) (string, error) {
	f, err := p.fs.walk(to, true)
	if err == nil && f.isDir() {
		return joinGlob(f.path, path.Base(p.fs.abs(from))), nil
	}
	if err != nil && (err != errNoEnt || f.path == "" || strings.HasSuffix(to, "/")) {
		return "", err
	}
	return p.fs.abs(to), nil
}

// copyFile makes another file of the same content. What is the persona's stays
// its: a copy of busybox costs nothing and still works as busybox.
func (p *proc) copyFile(from, to string) error {
	f, err := p.fs.walk(from, true)
	if err != nil {
		return err
	}
	if f.isDir() {
		return errIsDir
	}
	to, err = p.into(from, to)
	if err != nil {
		return err
	}
	if to == f.path {
		return errExist
	}
	if old, err := p.fs.walk(to, true); err == nil && old.isDev() {
		return nil
	}
	if base := f.base(); base != nil && base.Binary > 0 {
		at, _, err := p.fs.create(to, false)
		if err != nil {
			return err
		}
		e := p.fs.changed[at]
		e.base, e.mode, e.dirty = base, persona.ModeFile|f.mode()&0o777, false
		return nil
	}
	data, err := p.fs.read(f)
	if err != nil {
		return err
	}
	at, e, err := p.fs.create(to, false)
	if err != nil {
		return err
	}
	e.mode = persona.ModeFile | f.mode()&0o777
	if f.e != nil && f.e.fake > 0 {
		e.fake, e.url, e.dirty = f.e.fake, f.e.url, false
		return nil
	}
	if f.e == nil {
		e.dirty = false
	}
	dirty := e.dirty
	err = p.fs.append(p.fs.changed[at], data)
	e.dirty = dirty
	return err
}

func cp(p *proc) int {
	set, files := p.flags("tSm")
	if len(files) < 2 {
		return p.Shell.usage(p.name, commandOf("cp"), &p.stdio)
	}
	to := files[len(files)-1]
	status := 0
	for _, name := range files[:len(files)-1] {
		var err error
		if f, e := p.fs.walk(name, true); e == nil && f.isDir() && has(set, "raR") {
			err = p.copyDir(f, to, 0)
		} else if e == nil && f.isDir() {
			status = p.fail([]string{"omitting directory '%s'", "-r not specified; omitting directory '%s'"}[b2i(p.p.BusyBox == "")], name)
			continue
		} else {
			err = p.copyFile(name, to)
		}
		if err == nil {
			continue
		}
		status = 1
		switch {
		case p.p.BusyBox == "" && err == errNoEnt:
			p.fail("cannot stat '%s': %v", name, err)
		case p.p.BusyBox == "":
			p.fail("cannot create regular file '%s': %v", to, err)
		case err == errNoEnt:
			p.fail("can't stat '%s': %v", name, err)
		default:
			p.fail("can't create '%s': %v", to, err)
		}
	}
	return status
}

func (p *proc) copyDir(f file, to string, depth int) error {
	if depth > 8 || !p.step(1) {
		return errSpace
	}
	to, err := p.into(f.path, to)
	if err != nil {
		return err
	}
	if strings.HasPrefix(to+"/", f.path+"/") {
		return errInval
	}
	if err := p.fs.mkdir(to); err != nil && err != errExist {
		return err
	}
	for _, k := range p.fs.list(f) {
		if k.isDir() {
			err = p.copyDir(k, to, depth+1)
		} else if k.isReg() {
			err = p.copyFile(k.path, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func mv(p *proc) int {
	_, files := p.flags("tS")
	if len(files) < 2 {
		return p.Shell.usage(p.name, commandOf("mv"), &p.stdio)
	}
	to := files[len(files)-1]
	status := 0
	for _, name := range files[:len(files)-1] {
		f, err := p.fs.walk(name, false)
		if err != nil && p.p.BusyBox != "" {
			status = p.fail("can't rename '%s': %v", name, err)
			continue
		}
		if err != nil {
			status = p.fail("cannot stat '%s': %v", name, err)
			continue
		}
		at, err := p.into(name, to)
		if err == nil {
			if old, e := p.fs.walk(at, false); e == nil && old.isDev() {
				err = p.fs.remove(f) // mv x /dev/null
			} else {
				err = p.fs.move(f, at)
			}
		}
		if err != nil {
			status = p.fail("can't rename '%s': %v", name, err)
		}
	}
	return status
}

func readlink(p *proc) int {
	set, args := p.flags("")
	status := 0
	for _, name := range args {
		full := has(set, "fem") || p.name == "realpath"
		f, err := p.fs.walk(name, full)
		switch {
		case full && (err == nil || err == errNoEnt && f.path != ""):
			p.print(f.path + "\n")
		case err == nil && f.isLink():
			p.print(f.target() + "\n")
		case p.name == "realpath":
			status = p.fail("%s: %v", name, err)
		default:
			status = 1
		}
	}
	return status
}

func pathPart(p *proc) int {
	if p.name == "dirname" {
		p.print(path.Dir(p.args[0]) + "\n")
		return 0
	}
	name := path.Base(p.args[0])
	if len(p.args) > 1 && name != p.args[1] {
		name = strings.TrimSuffix(name, p.args[1])
	}
	p.print(name + "\n")
	return 0
}

// tar unpacks nothing: a file of the session's is recorded as one that is
// used, and the command says what a cut archive gets.
func tar(p *proc) int {
	for i, a := range p.args {
		if i == 0 || strings.HasPrefix(a, "-") {
			continue
		}
		f, err := p.fs.walk(a, true)
		if err == nil && f.isOwn() {
			p.tellUpload(f.path, f.e, "unpacked")
			return p.fail("short read")
		}
		if err != nil && strings.ContainsAny(p.args[0], "xt") {
			return p.fail("can't open '%s': %v", a, err)
		}
		break
	}
	return 0
}
