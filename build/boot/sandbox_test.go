package boot

import (
	"strings"
	"testing"

	"forager/build/devcore/core"
)

// TestSandbox gives up root on every board's own kernel: its numbers of system
// calls, its order of bytes, its Landlock. Nothing that the node does is
// refused, over a Restart too.
func TestSandbox(t *testing.T) {
	needMachines(t)
	for _, k := range kinds(t) {
		t.Run(k.board.arch, func(t *testing.T) {
			c := startCore(t, core.Config{})
			w := c.Watch()
			m := boot(t, recipe{board: k.board, root: k.root, files: settings(
				"core "+coreAddr, "node-id 42", "node-type Agent", "user 65534:65533", "spool-size 1M", "watchdog /dev/watchdog",
				"pot telnet listen=:23 accept=any", "pot ssh listen=:22", "pot https listen=:443", "pot udp listen=:69 answer=yes", "pot catchall listen=:7777 syn=any")})
			m.comesUp()
			m.run("chmod 755 /etc/forager && chmod 644 /etc/forager/forager.conf") // for a Restart, which reads it
			for range 2 {
				until(t, w, "NodeRegistration")
				until(t, w, `"Started"`)
				login(t, m, 23, "root", "sandbox")
				until(t, w, "telnet.login.success", "sandbox")
				shown := m.status(func(shown map[string]string) bool { return shown["user"] != "" })
				for key, want := range map[string]string{
					"user": "65534:65533", "groups": "none", "capabilities": "net_bind_service net_raw", "capabilities bound": "net_bind_service net_raw",
					"no new privileges": "on", "seccomp": "agent list, a filter",
				} {
					if shown[key] != want {
						t.Errorf("%s: %s, want %s", key, shown[key], want)
					}
				}
				t.Logf("landlock: %s, seccomp: %s, cpus: %s, nice: %s", shown["landlock"], shown["seccomp"], shown["cpus"], shown["nice"])
				for line := range strings.Lines(m.run("cat /proc/$(pidof forager)/task/*/status")) {
					key, value, _ := strings.Cut(line, ":")
					if value = strings.TrimSpace(value); key == "Seccomp" && value != "2" || key == "Seccomp_filters" && value != "1" || key == "CapEff" && value != "0000000000002400" {
						t.Errorf("a thread has %s %s", key, value)
					}
				}
				w = c.WatchNew()
				must(t, c.Command(42, `"Restart"`))
			}
			if refused := m.run("dmesg | grep type=1326 || true"); refused != "" {
				t.Errorf("refused:\n%s", refused)
			}
		})
	}
}
