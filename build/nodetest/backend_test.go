package nodetest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// backend is a program that commands nodes through Core, as Core's own user
// interface does.
type backend struct {
	t    *testing.T
	core *core.Core
	conn net.Conn
	r    *bufio.Reader

	stall func() time.Duration
}

func startBackend(t *testing.T, c *core.Core) *backend {
	t.Helper()
	conn, err := net.Dial("tcp", c.BackendAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	b := &backend{t: t, core: c, conn: conn, r: bufio.NewReader(conn), stall: stalls(t)}
	b.say(`{"BackendRegistration":{"backend_name":"test","backend_type":"Cli"}}`)
	return b
}

// say sends one message and takes its BackendResponse, which must be Success.
func (b *backend) say(message string) {
	b.t.Helper()
	_ = b.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(b.conn, `{"version":2,"message":`+message+"}\n"); err != nil {
		b.t.Fatal(err)
	}
	if line, err := b.r.ReadString('\n'); err != nil || !strings.Contains(line, `"Success"`) {
		b.t.Fatalf("%s: Core answers %q, %v", message, line, err)
	}
}

// command sends a command to node 42.
func (b *backend) command(command string) {
	b.t.Helper()
	b.say(`{"BackendCommand":{"NodeCommand":{"node_id":42,"command":` + command + `}}}`)
}

// ask sends a command and waits for the next frame that holds text.
func (b *backend) ask(command, text string) core.Message {
	b.t.Helper()
	w := b.core.WatchNew()
	b.command(command)
	return until(b.t, w, text)
}

// install is an InstallPot command.
func installCommand(id, typ, url string, config map[string]string, start bool) string {
	content := map[string]any{"pot_id": id, "honeypot_type": typ, "git_url": url, "config": config, "auto_start": start}
	j, err := json.Marshal(map[string]any{"InstallPot": content})
	if err != nil {
		panic(err)
	}
	return string(j)
}

// freePorts finds ports that nobody has. They are below those that the kernel
// gives to outgoing connections (ip_local_port_range begins at 32768), or one
// of these could take them before the pot does.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for tries := 0; len(ports) < n; tries++ {
		port := fmt.Sprint(20000 + rand.IntN(12000))
		l, err := net.Listen("tcp", ":"+port)
		switch {
		case err == nil:
			defer l.Close()
			ports = append(ports, port)
		case tries > 100:
			t.Fatal(err)
		}
	}
	return ports
}

// away is an address where nobody listens.
func away(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + freePorts(t, 1)[0]
}
