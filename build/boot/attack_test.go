package boot

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"
)

// settings is the node's file on the machines.
func settings(lines ...string) map[string]string {
	return map[string]string{"etc/forager/forager.conf": strings.Join(lines, "\n") + "\n"}
}

// login logs in at a telnet pot that takes anything. The pot may not be there
// yet.
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
