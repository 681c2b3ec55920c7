package boot

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// settings is the node's file on the machines.
func settings(lines ...string) map[string]string {
	return map[string]string{"etc/forager/forager.conf": strings.Join(lines, "\n") + "\n"}
}

// TestNode boots every board with the node under BusyBox's init, attacks it
// and sees the event at Core.
func TestNode(t *testing.T) {
	needMachines(t)
	for _, b := range []*board{arm64, armhf, mipsel} {
		t.Run(b.arch, func(t *testing.T) {
			c, address := startCore(t, core.Config{})
			w := c.Watch()
			files := settings("core "+address, "pot telnet listen=:23 accept=any")
			files["etc/inittab"] = smallRoot["etc/inittab"] + "::respawn:/usr/bin/forager\n"
			began := time.Now()
			m := boot(t, recipe{board: b, ports: []int{23}, files: files})
			m.says(0, "boot: up")
			until(t, w, "NodeRegistration")
			t.Logf("registered %.1f s after power-on", time.Since(began).Seconds())
			login(t, m, 23, "root", "hunter2")
			until(t, w, "telnet.login.success", "hunter2")
		})
	}
}

// login logs in at a telnet pot that takes anything. The pot may not be there
// yet: QEMU then takes the connection and closes it.
func login(t *testing.T, m *machine, port int, user, password string) {
	t.Helper()
	limit := time.Now().Add(patience)
	for {
		err := tryLogin(m, port, user, password, limit)
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func tryLogin(m *machine, port int, user, password string, limit time.Time) error {
	c, err := m.dial(port)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(limit); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	for _, step := range []struct{ expect, say string }{{"ogin:", user}, {"assword:", password}, {"# ", "exit"}} {
		var got []byte
		for !strings.HasSuffix(string(got), step.expect) {
			b, err := r.ReadByte()
			if err != nil {
				return fmt.Errorf("no %q after %q: %w", step.expect, got, err)
			}
			got = append(got, b)
		}
		if _, err := c.Write([]byte(step.say + "\r\n")); err != nil {
			return err
		}
	}
	return nil
}
