package shell

import (
	"strings"
	"time"
)

func id(p *proc) int {
	set, args := p.flags("")
	u := p.user
	if len(args) > 0 {
		if u = p.p.User(args[0]); u.UID == 0 && args[0] != "root" && p.userName(0) != args[0] {
			if p.p.BusyBox == "" {
				return p.fail("‘%s’: no such user", args[0])
			}
			return p.fail("unknown user %s", args[0])
		}
	}
	group := p.groupName(u.GID)
	switch {
	case has(set, "u") && has(set, "n"):
		p.print(u.Name + "\n")
	case has(set, "u"):
		p.printf("%d\n", u.UID)
	case has(set, "g") && has(set, "n"):
		p.print(group + "\n")
	case has(set, "gG"):
		p.printf("%d\n", u.GID)
	case p.p.BusyBox == "" || !p.oldBusyBox():
		p.printf("uid=%d(%s) gid=%d(%s) groups=%d(%s)\n", u.UID, u.Name, u.GID, group, u.GID, group)
	default:
		p.printf("uid=%d(%s) gid=%d(%s)\n", u.UID, u.Name, u.GID, group)
	}
	return 0
}

// loggedIn is when the session began, about: what who shows.
func (s *Shell) loggedIn() time.Time { return s.cfg.Now().Add(-time.Minute).UTC() }

func who(p *proc) int {
	from := p.cfg.Client
	at := p.loggedIn()
	switch {
	case p.name == "w":
		uptimeLine(p, 1)
		p.print("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT\n")
		p.printf("%-8s pts/0    %-16s %s    0.00s  0.03s  0.00s w\n", p.user.Name, clip(from, 16), at.Format("15:04"))
	case p.p.BusyBox != "":
		p.print("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
		p.printf("%-15s pts/0           00:00   %s %s\n", p.user.Name, at.Format("Jan _2 15:04"), from)
	default:
		p.printf("%-8s pts/0        %s (%s)\n", p.user.Name, at.Format("2006-01-02 15:04"), from)
	}
	return 0
}

func last(p *proc) int {
	at := p.loggedIn()
	p.printf("%-8s pts/0        %-16s %s   still logged in\n", p.user.Name, clip(p.cfg.Client, 16), at.Format("Mon Jan _2 15:04"))
	boot := p.p.Boot(p.cfg.Now()).UTC()
	p.printf("reboot   system boot  %-16s %s   still running\n\nwtmp begins %s\n", clip(p.p.Kernel, 16), boot.Format("Mon Jan _2 15:04"), boot.Format("Mon Jan _2 15:04:05 2006"))
	return 0
}

// askSecret asks for a password and returns it; ok is false at the end.
func (p *proc) askSecret(prompt string) (string, bool) {
	p.print(prompt)
	line, ok := p.in.line()
	if p.in.isTerminal() {
		p.print("\n")
	}
	return strings.TrimRight(string(line), "\r"), ok
}

// passwd asks for a new password and records it.
func passwd(p *proc) int {
	_, args := p.flags("ax")
	name := p.user.Name
	if len(args) > 0 {
		name = args[0]
	}
	p.print("Changing password for " + name + "\n")
	first, ok := p.askSecret("New password: ")
	if !ok {
		return 1
	}
	second, _ := p.askSecret("Retype password: ")
	p.tell("command.password", text("username", name), text("password", first))
	if first != second {
		return p.fail("passwords don't match") + 0*len(second)
	}
	if p.p.BusyBox != "" {
		p.fail("password for %s changed by %s", name, p.user.Name)
	} else {
		p.fail("password updated successfully")
	}
	return 0
}

func chpasswd(p *proc) int {
	for _, line := range linesOf(p.in.all()) {
		if name, pass, ok := strings.Cut(line, ":"); ok {
			p.tell("command.password", text("username", name), text("password", strings.TrimRight(pass, "\r")))
			if p.p.BusyBox != "" {
				p.fail("password for '%s' changed", name)
			}
		}
	}
	return 0
}

// crontab lists, replaces and removes the table of jobs.
func crontab(p *proc) int {
	set, args := p.flags("uc")
	at := "/var/spool/cron/crontabs/" + p.user.Name
	switch {
	case has(set, "l"):
		data, err := p.fs.readPath(at)
		if err == nil {
			p.write(data)
			return 0
		}
		if p.p.BusyBox == "" {
			_, _ = p.err.Write([]byte("no crontab for " + p.user.Name + "\n"))
			return 1
		}
		return p.fail("can't open '%s': %v", p.user.Name, err)
	case has(set, "r"):
		if f, err := p.fs.walk(at, false); err == nil {
			_ = p.fs.remove(f)
		}
		return 0
	case has(set, "e"):
		return 0
	}
	var data []byte
	if len(args) == 0 || args[0] == "-" {
		data = p.in.all()
	} else {
		var err error
		if data, err = p.fs.readPath(args[0]); err != nil {
			return p.fail("%s: %v", args[0], err)
		}
	}
	p.tellAddresses(string(data))
	_ = p.makeDir("/var/spool/cron/crontabs", true)
	if err := p.fs.writeFile(at, data); err != nil {
		return p.fail("%s: %v", at, err)
	}
	return 0
}
