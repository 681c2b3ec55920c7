package boot

import (
	"strings"
	"testing"

	"forager/build/devcore/core"
)

// TestSystemdReload has systemd tell a running node that its configuration has
// changed, and asks the node, as an administrator does, whether all is well.
func TestSystemdReload(t *testing.T) {
	needMachines(t)
	c := startCore(t, core.Config{})
	w := c.Watch()
	m := boot(t, recipe{board: amd64, root: debian(t), disk: 600})
	m.comesUp()
	m.run("DEBIAN_FRONTEND=noninteractive dpkg -i /root/forager.deb")
	m.run("echo 'core " + coreAddr + "' >>/etc/forager/forager.conf; systemctl restart forager")
	until(t, w, "NodeRegistration")
	pid := m.property("MainPID")

	m.run("echo 'pot telnet listen=:23 accept=any' >>/etc/forager/forager.conf; systemctl reload forager")
	login(t, m, 23, "root", "reloaded")
	until(t, w, "telnet.login.success", "reloaded")
	if after := m.property("MainPID"); after != pid {
		t.Errorf("process %s after a reload, %s before", after, pid)
	}
	status := m.run("forager status")
	for _, part := range []string{"pot telnet: ", coreAddr, "capabilities: net_bind_service\n", "no new privileges: on\n", "fed systemd: "} {
		if !strings.Contains(status, part) {
			t.Errorf("forager status does not say %q", part)
		}
	}
	// The unit leaves the node what it wants to do to itself.
	if strings.Contains(status, "problem: ") || t.Failed() {
		t.Errorf("%s\n%s", status, m.run("journalctl -u forager --no-pager"))
	}
}
