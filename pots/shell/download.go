package shell

import (
	"path"
	"strings"

	"forager/pots/persona"
)

func init() { register(downloadCommands) }

var downloadCommands = []command{
	{name: "wget", run: wget, usage: "[-cqS] [-O FILE] [--header STR] [--post-data STR] [-P DIR] [-U AGENT] URL...", least: 1},
	{name: "curl", run: curl}, {name: "tftp", run: tftp, usage: "[OPTIONS] HOST [PORT]\n\nTransfer a file from/to tftp server\n\n\t-l FILE\tLocal FILE\n\t-r FILE\tRemote FILE\n\t-g\tGet file\n\t-p\tPut file", least: 1},
	{name: "ftpget", run: ftpget, usage: "[OPTIONS] HOST [LOCAL_FILE] REMOTE_FILE", least: 1},
	{name: "ftpput", run: ftpget, usage: "[OPTIONS] HOST [REMOTE_FILE] LOCAL_FILE", least: 1},
	{name: "lwp-download", run: lwp}, {name: "GET", run: lwp}, {name: "fetch", run: lwp}, {name: "aria2c", run: lwp}, {name: "axel", run: lwp}, {name: "lynx", run: lwp},
	{name: "ftp", run: ftp, usage: "HOST", least: 1}, {name: "scp", run: scp, usage: "SOURCE... TARGET", least: 1}, {name: "rsync", run: scp}, {name: "sftp", run: scp},
	{name: "git", run: lwp}, {name: "pip", run: succeed}, {name: "pip3", run: succeed},
}

// fetch is what a downloader was told: where from, where to.
type fetch struct {
	url, host string
	file      string // "": to its output
	quiet     bool
}

// tellFetch records the addresses that a command names which the device does
// not have.
func (s *Shell) tellFetch(args []string) {
	if len(args) == 0 {
		return
	}
	name := path.Base(args[0])
	if name == "busybox" && len(args) > 1 {
		args = args[1:]
		name = args[0]
	}
	for _, f := range fetches(name, args[1:]) {
		s.tellDownload(download{url: f.url, tool: name, file: f.file})
	}
}

// webValues are the options of wget and curl that take a value.
const (
	wgetValues = "OoPUtTwQaiBedlADRIX"
	curlValues = "oAeHdXuTbcmxFKrYyzECDPQtw"
)

// fetch is where an address comes from and goes to.
func (w *webArgs) fetch(u string) fetch {
	f := fetch{url: webURL(u), host: hostOf(u), quiet: w.quiet}
	switch {
	case w.out == "-" || w.out == "" && !w.remote:
	case w.out != "":
		f.file = w.out
	default:
		f.file = remoteName(u)
	}
	if w.dir != "" && f.file != "" && !strings.HasPrefix(f.file, "/") {
		f.file = joinGlob(strings.TrimSuffix(w.dir, "/"), f.file)
	}
	return f
}

// Sizes of what a faked download leaves, in bytes.
const (
	fakeLeast = 58 << 10
	fakeSpan  = 60 << 10
)

// fakeFile leaves a file as if a download had worked.
func (p *proc) fakeFile(f fetch) (size int64, err error) {
	h := uint64(2166136261)
	for i := range len(f.url) {
		h = (h ^ uint64(f.url[i])) * 16777619
	}
	size = fakeLeast + int64(h>>8%fakeSpan)&^3
	name := strings.ToLower(remoteName(f.url))
	script := strings.HasSuffix(name, ".sh") || strings.HasSuffix(name, ".txt") || strings.HasSuffix(name, ".html")
	if f.file == "" {
		if script {
			p.print("#!/bin/sh\n")
			return 10, nil
		}
		p.write(p.p.AppendProgram(nil, f.url, size, p.cfg.Limits.Pipe))
		return size, nil
	}
	at, e, err := p.fs.create(f.file, false)
	if err != nil {
		return 0, err
	}
	_ = at
	e.url, e.dirty = clip(f.url, maxURL), false
	if !p.fs.grow(len(e.url)) {
		return 0, errSpace
	}
	if script {
		err = p.fs.append(e, []byte("#!/bin/sh\n"))
		e.dirty = false
		return 10, err
	}
	e.fake, e.mode = size, persona.ModeFile|0o644
	return size, nil
}

// target is where a fetch is told to go: the file's path, for the event.
func (p *proc) target(f fetch) string {
	if f.file == "" {
		return ""
	}
	return p.fs.abs(f.file)
}

// each records all fetches and calls do for those that the device tries.
func (p *proc) each(list []fetch, do func(fetch) int) int {
	status := 0
	for _, f := range list {
		if !p.step(1) {
			break
		}
		p.tellDownload(download{url: f.url, tool: p.name, file: p.target(f)})
		if st := do(f); st != 0 {
			status = st
		}
	}
	return status
}

func wget(p *proc) int {
	list := webFetches("wget", p.args)
	if len(list) == 0 {
		if p.p.BusyBox == "" {
			return p.fail("missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.")
		}
		return p.Shell.usage("wget", commandOf("wget"), &p.stdio)
	}
	return p.each(list, func(f fetch) int {
		if p.p.BusyBox == "" {
			return p.wgetGNU(f)
		}
		show := func(format string, args ...any) {
			if !f.quiet {
				p.say(format, args...)
			}
		}
		show("Connecting to %s (%s:%s)\n", hostAndPort(f.url), f.host, portOf(f.url))
		p.wait(connectTime)
		if !p.cfg.Fake {
			return p.fail("can't connect to remote host (%s): Connection timed out", f.host)
		}
		size, err := p.fakeFile(f)
		if err != nil {
			return p.fail("can't open '%s': %v", f.file, err)
		}
		name := clip(path.Base(f.file), 20)
		show("%-20s 100%% |*******************************| %5s  0:00:00 ETA\n", name, short(size))
		return 0
	})
}

// say writes to the error output.
func (p *proc) say(format string, args ...any) { p.errf(format, args...) }

func hostAndPort(u string) string {
	if port := portOf(u); port != "80" {
		return hostOf(u) + ":" + port
	}
	return hostOf(u)
}

func (p *proc) wgetGNU(f fetch) int {
	now := p.cfg.Now().UTC().Format("2006-01-02 15:04:05")
	show := func(format string, args ...any) {
		if !f.quiet {
			p.say(format, args...)
		}
	}
	show("--%s--  %s\n", now, f.url)
	show("Connecting to %s:%s... ", f.host, portOf(f.url))
	p.wait(connectTime)
	if !p.cfg.Fake {
		show("failed: Connection timed out.\nGiving up.\n\n")
		return 4
	}
	size, err := p.fakeFile(f)
	if err != nil {
		p.say("%s: %v\n\nCannot write to ‘%s’ (%v).\n", f.file, err, f.file, err)
		return 3
	}
	show("connected.\nHTTP request sent, awaiting response... 200 OK\nLength: %d (%s)\nSaving to: ‘%s’\n\n", size, short(size), f.file)
	show("%s - ‘%s’ saved [%d/%d]\n\n", now, f.file, size, size)
	return 0
}

func curl(p *proc) int {
	list := webFetches("curl", p.args)
	if len(list) == 0 {
		p.say("curl: try 'curl --help' or 'curl --manual' for more information\n")
		return 2
	}
	return p.each(list, func(f fetch) int {
		p.wait(connectTime)
		if !p.cfg.Fake {
			p.say("curl: (28) Failed to connect to %s port %s: Connection timed out\n", f.host, portOf(f.url))
			return 28
		}
		size, err := p.fakeFile(f)
		if err != nil {
			p.say("curl: (23) Failed writing body (0 != %d)\n", size)
			return 23
		}
		if f.file != "" && !f.quiet {
			p.say("  %% Total    %% Received %% Xferd  Average Speed   Time    Time     Time  Current\n")
			p.say("                                 Dload  Upload   Total   Spent    Left  Speed\n")
			p.say("100 %5d  100 %5d    0     0   117k      0 --:--:-- --:--:-- --:--:--  117k\n", size, size)
		}
		return 0
	})
}

func tftp(p *proc) int {
	list := tftpFetches(p.args)
	if len(list) == 0 {
		return p.Shell.usage("tftp", commandOf("tftp"), &p.stdio)
	}
	return p.each(list, func(f fetch) int {
		p.wait(connectTime)
		if !p.cfg.Fake {
			return p.fail("timeout")
		}
		if _, err := p.fakeFile(f); err != nil {
			return p.fail("can't open '%s': %v", f.file, err)
		}
		return 0
	})
}

func ftpget(p *proc) int {
	list := ftpFetches(p.name, p.args)
	if len(list) == 0 {
		return p.Shell.usage(p.name, commandOf(p.name), &p.stdio)
	}
	return p.each(list, func(f fetch) int {
		if own, err := p.fs.walk(f.file, true); p.name == "ftpput" && err == nil && own.isOwn() {
			p.tellUpload(own.path, own.e, "sent")
		}
		p.wait(connectTime)
		if !p.cfg.Fake || p.name == "ftpput" {
			return p.fail("can't connect to remote host (%s): Connection timed out", f.host)
		}
		if _, err := p.fakeFile(f); err != nil {
			return p.fail("can't open '%s': %v", f.file, err)
		}
		return 0
	})
}

// lwp is a downloader that few devices have.
func lwp(p *proc) int {
	return p.each(webFetches(p.name, p.args), func(f fetch) int {
		p.wait(connectTime)
		return p.fail("%s: Connection timed out", f.host)
	})
}

// ftp reads its commands: what it gets is recorded.
func ftp(p *proc) int {
	_, args := p.flags("")
	if len(args) == 0 {
		return 0
	}
	host := strings.TrimPrefix(args[0], "ftp://")
	p.tellDownload(download{url: "ftp://" + host, tool: "ftp"})
	for _, line := range linesOf(p.in.all()) {
		f := strings.Fields(line)
		if len(f) > 1 && (f[0] == "get" || f[0] == "recv" || f[0] == "mget") {
			p.tellDownload(download{url: "ftp://" + host + "/" + strings.TrimPrefix(f[1], "/"), tool: "ftp", file: f[len(f)-1]})
		}
	}
	p.wait(connectTime)
	return p.fail("connect: Connection timed out")
}

// scp records HOST:PATH arguments.
func scp(p *proc) int {
	for _, a := range p.args {
		host, at, ok := strings.Cut(a, ":")
		if ok && host != "" && !strings.ContainsAny(host, "/-") {
			p.tellDownload(download{url: "scp://" + host + "/" + strings.TrimPrefix(at, "/"), tool: p.name})
			p.wait(connectTime)
			p.say("ssh: connect to host %s port 22: Connection timed out\n", host[strings.LastIndexByte(host, '@')+1:])
			return 1
		}
	}
	return 1
}
