package shell

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"forager/pots/persona"
)

// TestLimits: each line is stopped before it costs much, says something
// plausible, is told, and leaves a shell that works.
func TestLimits(t *testing.T) {
	deep := strings.Repeat("$(echo ", 100) + "x" + strings.Repeat(")", 100)
	for name, c := range map[string]struct {
		line  string
		limit string // "": no event is due
	}{
		"endless loop":        {"while :; do :; done", "steps"},
		"endless until":       {"until false; do echo; done >/dev/null", "steps"},
		"nested loops":        {strings.Repeat("for i in 1 2 3 4 5 6 7 8 9; do ", 8) + ":" + strings.Repeat("; done", 8), "steps"},
		"recursion":           {"f() { f; }; f", "depth"},
		"two functions":       {"a() { b; }; b() { a; }; a", "depth"},
		"fork bomb":           {":(){ :|:& };:", "*"},
		"self eval":           {"x='eval $x'; eval $x", "depth"},
		"script in script":    {"echo 'sh /tmp/x' > /tmp/x; sh /tmp/x", "depth"},
		"sourced":             {"echo '. /tmp/x' > /tmp/x; . /tmp/x", "depth"},
		"deep substitution":   {"echo " + deep, ""},
		"deep parentheses":    {strings.Repeat("(", 5000) + strings.Repeat(")", 5000), ""},
		"deep braces":         {strings.Repeat("{ ", 5000), ""},
		"deep if":             {strings.Repeat("if ", 9000), ""},
		"deep arithmetic":     {"echo $((" + strings.Repeat("(", 9000) + "1" + strings.Repeat(")", 9000) + "))", ""},
		"long assignment":     {"echo $((" + strings.Repeat("a=", 9000) + "1))", ""},
		"long choice":         {"echo $((" + strings.Repeat("1?1:", 9000) + "1))", ""},
		"doubling":            {"x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done", "variables"},
		"doubling words":      {"x=a; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do x=\"$x $x\"; done; set -- $x; for i in 1 2 3 4 5; do set -- $x $x $x $x $x $x $x $x $x; done; echo $@ $@ $@ $@", "*"},
		"braces":              {"echo {1..200}{1..200}{1..200}", ""},
		"functions":           {"i=0; while :; do i=$((i+1)); eval \"f$i() { echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; }\"; done", "*"},
		"output":              {"while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done", "output"},
		"yes":                 {"yes", "*"},
		"cat zero":            {"cat /dev/zero /dev/zero", "output"},
		"pipe":                {"cat /dev/zero | cat /dev/zero - | wc -c", ""},
		"big file":            {"for i in 1 2 3 4 5 6 7 8 9; do cat /dev/zero >> /tmp/f; done", "files"},
		"growing file":        {"echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa > /tmp/f; while cat /tmp/f /tmp/f >> /tmp/f; do :; done", "files"},
		"dd seek":             {"dd if=/etc/passwd of=/tmp/f bs=1M seek=900", ""},
		"many files":          {"i=0; while [ $i -lt 400 ]; do >/tmp/f$i; i=$((i+1)); done", "files"},
		"long names":          {"n=" + strings.Repeat("n", 200) + "; for i in 1 2 3 4 5 6 7 8; do mkdir -p /tmp/$i/$n/$n/$n/$n/$n/$n/$n/$n/$n/$n/$n/$n/$n; done; ls /tmp", ""},
		"links":               {"cd /tmp; i=0; while [ $i -lt 300 ]; do ln -s " + strings.Repeat("x", 3000) + " l$i; i=$((i+1)); done", "files"},
		"glob":                {"cd /tmp; for i in 1 2 3 4 5 6 7 8 9; do >aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$i; done; while :; do echo *a*a*a*a*a*a*a*a*b; done", "*"},
		"glob of all":         {"echo /*/*/* /*/*/* /*/*/*", ""},
		"glob up and down":    {"echo /proc/*/../*/../*/../*/../*/../*", "steps"},
		"glob of long paths":  {"echo " + strings.Repeat("/*/..", 800) + "/*", "steps"},
		"case":                {"x=" + strings.Repeat("a", 8000) + "; case $x in " + strings.Repeat("*a", 500) + "b) echo;; esac", ""},
		"regex":               {"echo " + strings.Repeat("a", 3000) + " | grep -E '(a*)*(a*)*(a|aa)+b'", ""},
		"regex deep":          {"echo a | grep -E '" + strings.Repeat("(", 900) + "'", ""},
		"sed":                 {"x=" + strings.Repeat("a", 3000) + "; echo $x | sed 's/a/&&&&&&&&&&/g' | sed 's/a/&&&&&&&&&&/g' | sed 's/a/&&&&&&&&&&&&&/g' | wc -c", "*"},
		"printf width":        {"printf '%999999999d' 1 | wc -c", ""},
		"printf again":        {"printf '%s" + strings.Repeat("x", 2000) + "' $(seq 3000) | wc -c", ""},
		"seq":                 {"seq 1 100000000 | wc -l", ""},
		"trim":                {"x=" + strings.Repeat("a", 9000) + "; echo ${x%%*a*b}", "*"},
		"replace":             {"x=" + strings.Repeat("a", 9000) + "; echo ${x//[a-b]*c/y}", "*"},
		"find exec":           {"find / -exec find / \\;", "*"},
		"xargs":               {"seq 5000 | xargs -n1 echo", ""},
		"rm in a loop":        {"while rm -rf /tmp/x; do mkdir -p /tmp/x/y; done", "steps"},
		"many commands":       {strings.Repeat(":;", 30000), ""},
		"many words":          {"echo " + strings.Repeat("a ", 32000), ""},
		"many redirections":   {"echo" + strings.Repeat(" >/tmp/a", 7000), ""},
		"many documents":      {strings.Repeat("<<a ", 9000), ""},
		"xargs itself":        {"echo xargs xargs xargs xargs xargs xargs xargs xargs xargs xargs | xargs xargs xargs", ""},
		"sh itself":           {"x='sh -c \"$x\"'; export x; sh -c \"$x\"", "depth"},
		"env itself":          {strings.Repeat("env ", 9000), "depth"},
		"nohup itself":        {strings.Repeat("nohup ", 9000), "depth"},
		"busybox itself":      {strings.Repeat("busybox ", 9000), "*"},
		"expansion in a loop": {"x=" + strings.Repeat("a", 30000) + "; while :; do : $x $x $x; done", "steps"},
		"unset variables":     {"while :; do : " + strings.Repeat("$a", 30000) + "; done", "steps"},
		"assignments":         {"while :; do " + strings.Repeat("a=b ", 15000) + ":; done", "steps"},
		"many separators":     {"IFS=" + strings.Repeat("q", 20000) + "; x=" + strings.Repeat("a", 10000) + "; : $x $x $x $x", "steps"},
		"open braces":         {"echo " + strings.Repeat("{", 20000) + "a,b" + strings.Repeat("}", 20000), "steps"},
		"links in a loop":     {"ln -s " + strings.Repeat("./", 1900) + "b /tmp/a; ln -s " + strings.Repeat("./", 1900) + "a /tmp/b; cat " + strings.Repeat("/tmp/a ", 8000), "steps"},
		"seq to nowhere":      {"seq 10000000 > /dev/null", "steps"},
		"yes to nowhere":      {"yes " + strings.Repeat("y", 5000) + " > /dev/null", "steps"},
		"kill":                {"kill " + strings.Repeat("9 ", 20000), "steps"},
		"killall":             {"killall " + strings.Repeat("a ", 20000), "steps"},
		"ranges":              {"cat /bin/busybox | cut -c " + strings.Repeat("1,", 20000) + "1 > /dev/null", "steps"},
		"long awk":            {"seq 20000 | awk '" + strings.Repeat("{print $1}", 4000) + "' > /dev/null", "steps"},
		"tee":                 {"cat /bin/busybox | tee " + strings.Repeat("/dev/null ", 6000) + "> /dev/null", "steps"},
		"sets of tr":          {"while :; do tr '" + strings.Repeat("a-z", 10000) + "' b </dev/null; done", "steps"},
		"printf many widths":  {"printf '" + strings.Repeat("%9999s", 8000) + "' | wc -c", ""},
		"xargs of long words": {"seq 2000 | xargs -n1 : " + strings.Repeat("a ", 20000), "steps"},
		"shift":               {"set -- " + strings.Repeat("a ", 30000) + "; while shift; do :; done", "steps"},
		"substitution slowly": {"while :; do x=$(cat /bin/busybox); done", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, "router", func(c *Config) { c.Persona = bashToo(t, name) })
			before := allocated()
			s.run(c.line)
			s.drop()
			if n := (allocated() - before) >> 20; n > 96 {
				t.Errorf("%d MB allocated", n)
			}
			told := strings.Join(s.told("command.limit"), "\n")
			if c.limit != "*" && (c.limit == "") != (told == "") || !strings.Contains(told, fmt.Sprintf("limit=%q", c.limit)) && c.limit != "" && c.limit != "*" {
				t.Errorf("told %.300q, want %q; printed %.100q", told, c.limit, s.out.String())
			}
			if n := s.out.Len(); n > s.cfg.Limits.Output+100 {
				t.Errorf("%d bytes printed", n)
			}
			if s.fs.used > s.cfg.Limits.Bytes || s.bytes > s.cfg.Limits.Vars {
				t.Errorf("%d bytes of files, %d of variables", s.fs.used, s.bytes)
			}
			if got := s.run("echo on"); got != "on\n" {
				t.Errorf("afterwards: %q", got)
			}
			s.Close()
			if s.fs.used != 0 {
				t.Errorf("%d bytes are not given back", s.fs.used)
			}
		})
	}
}

// allocated is all that was ever allocated, in bytes.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// bashToo chooses the device: braces mean something to bash alone.
func bashToo(t *testing.T, name string) *persona.Persona {
	device := "camera"
	if strings.Contains(name, "braces") && name != "deep braces" {
		device = "ubuntu"
	}
	tm, err := persona.Load(device, "")
	if err != nil {
		t.Fatal(err)
	}
	return tm.For(1)
}

// TestHeld: an unfinished command does not grow for ever.
func TestHeld(t *testing.T) {
	for name, lines := range map[string][]string{
		"quote":         {`echo "`, "a"},
		"here-document": {"cat <<E", strings.Repeat("x", 1000)},
		"loop":          {"while true; do", "echo"},
		"backslash":     {`a\`, `a\`},
		"long":          {`echo "` + strings.Repeat("a", 60000), strings.Repeat("b", 60000)},
	} {
		s := open(t, "router")
		s.run(lines[0])
		for range 600 {
			s.run(lines[1])
			if len(s.held) > s.cfg.Limits.Line {
				t.Fatalf("%s: %d bytes held", name, len(s.held))
			}
		}
		s.drop()
		if got := s.run("echo on"); got != "on\n" {
			t.Errorf("%s: afterwards %q", name, got)
		}
	}
}

// TestBudget: shells share it, and give back what they took.
func TestBudget(t *testing.T) {
	const all = 128 << 10
	b := NewBudget(all)
	one := open(t, "router", func(c *Config) { c.Budget = b })
	two := open(t, "router", func(c *Config) { c.Budget = b })
	line := "echo " + strings.Repeat("x", 40_000) + " > /tmp/a"
	if got := one.run(line); got != "" {
		t.Errorf("the first: %q", got)
	}
	if got := two.run(line); !strings.Contains(got, "No space left") {
		t.Errorf("the second took more than there is: %q", got)
	}
	two.Close()
	one.Close()
	if left := b.left.Load(); left != all {
		t.Errorf("%d left of %d", left, all)
	}
}

// TestLoans: what a line needs while it runs is the budget's, too, and all of
// it comes back.
func TestLoans(t *testing.T) {
	b := NewBudget(64 << 10)
	s := open(t, "router", func(c *Config) { c.Budget = b })
	for _, line := range []string{
		"cat /dev/zero | wc -c", "x=$(cat /bin/busybox | head -c 9000); echo ${#x}", strings.Repeat(":;", 3000), "cat /bin/busybox >/dev/null",
		"echo $(head -c 40000 /dev/zero | tr '\\000' a) | cat | wc -c", "for i in 1 2 3; do head -c 20000 /dev/zero | wc -c; done",
	} {
		s.run(line)
		if left := b.left.Load(); left != 64<<10 {
			t.Errorf("%.40s: %d left of %d", line, left, 64<<10)
		}
	}
	if len(s.told("command.limit")) == 0 {
		t.Error("no line was too large")
	}
	if got := s.run("echo on"); got != "on\n" {
		t.Errorf("afterwards: %q", got)
	}
}

// TestLoansOfABug: they come back, too, when the line ends in a panic that
// whoever runs the shell recovers from.
func TestLoansOfABug(t *testing.T) {
	b := NewBudget(1 << 20)
	s := open(t, "router", func(c *Config) {
		c.Budget = b
		c.Sleep = func(time.Duration) { panic("a bug") }
	})
	func() {
		defer func() { _ = recover() }()
		s.run("sleep 1" + strings.Repeat(";:", 1000))
		t.Error("no panic")
	}()
	if left := b.left.Load(); left != 1<<20 {
		t.Errorf("%d left", left)
	}
}

// TestDelay: time passes as on a device, but not for ever.
func TestDelay(t *testing.T) {
	s := open(t, "router")
	s.run("sleep 2; usleep 500000")
	if s.slept != 2500*time.Millisecond {
		t.Errorf("slept %v", s.slept)
	}
	for range 100 {
		s.run("sleep 9999; wget http://198.51.100.1/a")
	}
	if s.slept != s.cfg.Limits.Delay {
		t.Errorf("slept %v, want %v", s.slept, s.cfg.Limits.Delay)
	}
}

// TestOutsideIsNotTouched: no path and no name of this machine shows.
func TestOutsideIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "router")
	s.run("echo x > "+dir+"/y", "ls "+dir, "cat ../../../../../../.."+dir, "cat /proc/self/environ /proc/1/cmdline /etc/hostname")
	if strings.Contains(s.out.String(), dir+"/y") && !strings.Contains(s.out.String(), "nonexistent") {
		t.Errorf("%q", s.out.String())
	}
}

// TestIdleMemory: an idle shell costs less than 8 KiB, one that has worked a
// little not much more.
func TestIdleMemory(t *testing.T) {
	tm, err := persona.Load("router", "")
	if err != nil {
		t.Fatal(err)
	}
	p := tm.For(1)
	const n = 1000
	measure := func(lines ...string) int {
		shells := make([]*Shell, n)
		before := heap()
		for i := range shells {
			shells[i] = New(Config{Persona: p})
			for _, l := range lines {
				shells[i].Run([]byte(l), &bytes.Buffer{})
			}
		}
		per := int(heap()-before) / n
		runtime.KeepAlive(shells)
		return per
	}
	fresh, used := measure(), measure("cd /tmp; x=1; echo a > f", "wget http://198.51.100.1/a; ls -la /etc")
	t.Logf("%d bytes fresh, %d after two lines", fresh, used)
	if fresh > 2<<10 || used > 8<<10 {
		t.Errorf("%d bytes fresh, %d after two lines", fresh, used)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
