package boot

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// debianFiles are what the small Debian needs beside its packages: the network
// and the tests' way in.
var debianFiles = map[string]string{
	"etc/hostname": "emulated\n",
	"etc/systemd/system/emulated-network.service": `[Unit]
Before=network-online.target
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/usr/local/bin/busybox ifconfig lo 127.0.0.1 up
ExecStart=/usr/local/bin/busybox ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
RemainAfterExit=yes
[Install]
WantedBy=network-online.target multi-user.target
`,
	"etc/systemd/system/emulated-control.service": `[Unit]
After=emulated-network.service
[Service]
ExecStart=/usr/local/bin/busybox httpd -f -p 81 -h /control
KillMode=process
[Install]
WantedBy=multi-user.target
`,
	"control/cgi-bin/run": control,
}

// debian makes a root with systemd and the package, not installed, in /root.
func debian(t *testing.T) func(root string) {
	return func(root string) {
		t.Helper()
		command(t, nil, "tar", "-C", root, "-xf", filepath.Join(cache, "debian.tar"))
		install(t, amd64.cached(cache, "busybox"), filepath.Join(root, "usr/local/bin/busybox"))
		install(t, packaged(t, "forager_*_amd64.deb"), filepath.Join(root, "root/forager.deb"))
		must(t, putFiles(root, debianFiles))
		wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants")
		must(t, os.MkdirAll(wants, 0o755))
		for _, unit := range []string{"emulated-network.service", "emulated-control.service"} {
			must(t, os.Symlink("/etc/systemd/system/"+unit, filepath.Join(wants, unit)))
		}
	}
}

// systemdTime is WatchdogSec of the unit, what it takes systemd to end a
// process that can't end by itself (TimeoutAbortSec), RestartSec, and a start.
const systemdTime = 60*time.Second + 20*time.Second + 5*time.Second + 30*time.Second

// TestSystemd installs the .deb on a running machine with systemd, which
// restarts the node when it is stopped with SIGSTOP.
func TestSystemd(t *testing.T) {
	needMachines(t)
	c := startCore(t, core.Config{})
	w := c.Watch()
	m := boot(t, recipe{board: amd64, root: debian(t), disk: 600})
	m.comesUp()
	m.run("DEBIAN_FRONTEND=noninteractive dpkg -i /root/forager.deb")
	m.run("printf '%s\\n' 'core " + coreAddr + "' 'pot telnet listen=:23 accept=any' 'spool-size 1M' >>/etc/forager/forager.conf; forager check -c /etc/forager/forager.conf")
	m.run("systemctl restart forager")
	until(t, w, "NodeRegistration")
	login(t, m, 23, "root", "before")
	until(t, w, "telnet.login.success", "before")
	m.unit("ActiveState", "active")
	m.unit("StatusText", "registered at Core")
	m.unit("NRestarts", "0")
	// Whom systemd has made up for it: DynamicUser= takes 61184 to 65519.
	uid, err := strconv.Atoi(strings.TrimSpace(m.run("stat -c %u /proc/$(systemctl show -P MainPID forager)")))
	if err != nil || uid < 61184 || uid > 65519 {
		t.Errorf("the node runs as user %d: %v", uid, err)
	}

	w = c.WatchNew()
	began := time.Now()
	m.run("kill -STOP $(systemctl show -P MainPID forager)")
	for m.property("NRestarts") != "1" {
		if time.Since(began) > systemdTime {
			t.Fatalf("not restarted: %s", m.run("systemctl status forager || true"))
		}
		time.Sleep(time.Second)
	}
	t.Logf("restarted %.0f s after SIGSTOP", time.Since(began).Seconds())
	if journal := m.run("journalctl -u forager"); !strings.Contains(journal, "Watchdog timeout") {
		t.Errorf("it was not the watchdog:\n%s", journal)
	}
	until(t, w, "Alarm", "last run: killed or crashed")
	login(t, m, 23, "root", "after")
	until(t, w, "telnet.login.success", "after")
	m.unit("ActiveState", "active")

	m.run("systemctl stop forager")
	until(t, w, "NodeDrop")
	m.unit("ActiveState", "inactive")
	m.unit("Result", "success")
	m.run("dpkg --purge forager; ! test -e /var/lib/private/forager && ! test -e /etc/forager/forager.conf")
	if failed := m.run("systemctl --failed --no-legend --plain"); strings.TrimSpace(failed) != "" {
		t.Errorf("units that failed: %s", failed)
	}
	if n := m.qmp.count("RESET"); n != 0 {
		t.Errorf("the machine was reset %d times", n)
	}
}

// property is one of the unit's.
func (m *machine) property(name string) string {
	m.t.Helper()
	return strings.TrimSpace(m.run("systemctl show -P " + name + " forager"))
}

// unit expects a property of the unit to be, or soon become, as wanted.
func (m *machine) unit(name, want string) {
	m.t.Helper()
	got := ""
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(200 * time.Millisecond) {
		if got = m.property(name); got == want {
			return
		}
	}
	m.t.Errorf("%s is %q, want %q", name, got, want)
}
