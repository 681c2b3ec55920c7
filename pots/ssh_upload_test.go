package pots

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"

	"golang.org/x/crypto/ssh"
)

// newListener is a server that only takes connections.
func newListener(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	mustNot(t, err)
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

func splitAddr(t *testing.T, addr string) (string, uint32) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	mustNot(t, err)
	p, err := strconv.Atoi(port)
	mustNot(t, err)
	return host, uint32(p)
}

// TestSSHScp: the old scp, in both directions.
func TestSSHScp(t *testing.T) {
	n, c := sshNode(t)
	data := bytes.Repeat([]byte("\x7fELF \x00\xff"), 100_000) // more than a shell keeps
	for _, x := range []struct {
		command, say, hear, event string
	}{
		{"scp -t /tmp", "C0755 700000 bot\n" + string(data) + "\x00", "\x00\x00\x00",
			fmt.Sprintf(`{"filename":"/tmp/bot","shasum":%q,"size":700000,"head_escaped":"*","cause":"scp"}`, sumOf(data))},
		{"scp -t /proc/x", "C0755 3 bot\nabc\x00", "\x00\x00\x00",
			fmt.Sprintf(`{"filename":"/proc/x","shasum":%q,"size":3,"head":"abc","cause":"scp"}`, sumOf([]byte("abc")))},
		{"scp -t /tmp/cut", "C0755 9 bot\nabc", "\x00\x00",
			fmt.Sprintf(`{"filename":"/tmp/cut","shasum":%q,"size":3,"head":"abc","cause":"scp","announced":9,"state":"cut off"}`, sumOf([]byte("abc")))},
		{"scp -f /etc/nothing", "\x00", "\x01scp: /etc/nothing: No such file or directory\n", ""},
		{"scp -f /tmp/cut", "\x00\x00\x00", "C0755 3 cut\nabc\x00", ""},
	} {
		s, err := c.NewSession()
		mustNot(t, err)
		s.Stdin = bytes.NewReader([]byte(x.say))
		out, _ := s.Output(x.command)
		if string(out) != x.hear {
			t.Errorf("%s: %q, want %q", x.command, out, x.hear)
		}
		n.expect("ssh.command.input", fmt.Sprintf(`{"input":%q}`, x.command))
		if x.event != "" {
			if x.command == "scp -t /tmp" {
				n.expect("ssh.command.limit", `{"limit":"files","input":""}`)
			}
			n.expect("ssh.session.file_upload", x.event)
		}
	}
	s, err := c.NewSession()
	mustNot(t, err)
	if out, err := s.Output("ls -l /tmp/cut; head -c 4 /tmp/bot"); err != nil || !bytes.Contains(out, []byte("-rwxr-xr-x")) || !bytes.HasSuffix(out, []byte("\x7fELF")) {
		t.Errorf("%q %v", out, err)
	}
}

// TestSSHLargeInput: a file that comes through cat is hashed, however large.
func TestSSHLargeInput(t *testing.T) {
	n, c := sshNode(t)
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	s, err := c.NewSession()
	mustNot(t, err)
	s.Stdin = bytes.NewReader(data)
	mustNot(t, s.Run("cat > /tmp/bot"))
	for {
		if e := n.until("ssh.session.file_upload"); e["cause"] == "stdin" {
			if e["shasum"] != sumOf(data) || e["size"] != 500_000.0 {
				t.Errorf("%v", e)
			}
			return
		}
	}
}

// sftpClient speaks packets.
type sftpClient struct {
	t  *testing.T
	ch ssh.Channel
	id uint32
}

// ask sends a packet with the next id and returns the type and rest of the
// answer.
func (c *sftpClient) ask(kind byte, fields ...any) (byte, []byte) {
	c.t.Helper()
	c.id++
	b := binary.BigEndian.AppendUint32([]byte{kind}, c.id)
	for _, f := range fields {
		switch f := f.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(f))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, f)
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
	}
	_, err := c.ch.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	mustNot(c.t, err)
	kind, body := c.next()
	if len(body) < 4 || binary.BigEndian.Uint32(body) != c.id {
		c.t.Fatalf("answer %d %q to %d", kind, body, c.id)
	}
	return kind, body[4:]
}

func (c *sftpClient) next() (byte, []byte) {
	c.t.Helper()
	var head [5]byte
	_, err := io.ReadFull(c.ch, head[:])
	mustNot(c.t, err)
	body := make([]byte, binary.BigEndian.Uint32(head[:])-1)
	_, err = io.ReadFull(c.ch, body)
	mustNot(c.t, err)
	return head[4], body
}

func TestSSHSftp(t *testing.T) {
	n, conn := sshNode(t)
	ch, reqs, err := conn.OpenChannel("session", nil)
	mustNot(t, err)
	go ssh.DiscardRequests(reqs)
	ok, err := ch.SendRequest("subsystem", true, []byte("\x00\x00\x00\x04sftp"))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	n.expect("ssh.session.subsystem", `{"name":"sftp"}`)
	_, _ = ch.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3})
	c := &sftpClient{t: t, ch: ch}
	if kind, body := c.next(); kind != 2 || body[3] != 3 {
		t.Fatalf("%d %q", kind, body)
	}
	status := func(want byte, kind byte, body []byte) {
		t.Helper()
		if kind != 101 || body[3] != want {
			t.Errorf("%d %q, want status %d", kind, body, want)
		}
	}
	open := func(path string, flags int) string {
		t.Helper()
		kind, body := c.ask(3, path, flags, 0)
		if kind != 102 {
			t.Fatalf("%s: %d %q", path, kind, body)
		}
		return string(body[4:])
	}
	check := func(want byte) func(byte, []byte) {
		return func(kind byte, body []byte) { t.Helper(); status(want, kind, body) }
	}
	check(2)(c.ask(3, "/none/x", 2, 0))
	check(4)(c.ask(3, "/proc/x", 2|8|16, 0))
	h := open("/tmp/up", 2|8|16)
	check(0)(c.ask(6, h, uint64(0), "first"))
	check(0)(c.ask(6, h, uint64(5), "second"))
	check(0)(c.ask(4, h))
	n.expect("ssh.session.file_upload", fmt.Sprintf(`{"filename":"/tmp/up","shasum":%q,"size":11,"head":"firstsecond","cause":"sftp"}`, sumOf([]byte("firstsecond"))))
	h = open("/tmp/up", 1)
	if kind, body := c.ask(5, h, uint64(5), 100); kind != 103 || string(body[4:]) != "second" {
		t.Errorf("%d %q", kind, body)
	}
	check(0)(c.ask(4, h))
	if kind, body := c.ask(16, "."); kind != 104 || !bytes.Contains(body, []byte("/root")) {
		t.Errorf("%d %q", kind, body)
	}
	kind, body := c.ask(11, "/etc")
	if kind != 102 {
		t.Fatal(kind)
	}
	if kind, body := c.ask(12, string(body[4:])); kind != 104 || !bytes.Contains(body, []byte("passwd")) || !bytes.Contains(body, []byte("-rw-r--r--")) {
		t.Errorf("%d %q", kind, body)
	}
	check(0)(c.ask(14, "/tmp/d", 0))
	check(0)(c.ask(18, "/tmp/up", "/tmp/d/down"))
	check(2)(c.ask(17, "/tmp/up"))
	check(4)(c.ask(15, "/tmp/d"))
	check(0)(c.ask(20, "d/down", "/tmp/link"))
	if kind, body := c.ask(19, "/tmp/link"); kind != 104 || !bytes.Contains(body, []byte("d/down")) {
		t.Errorf("%d %q", kind, body)
	}
	check(0)(c.ask(9, "/tmp/d/down", 4, 0o755))
	if kind, body := c.ask(17, "/tmp/link"); kind != 105 || binary.BigEndian.Uint32(body[20:]) != 0o100755 {
		t.Errorf("%d %q", kind, body)
	}
	check(0)(c.ask(13, "/tmp/d/down"))
	check(0)(c.ask(15, "/tmp/d"))
	h = open("/tmp/mixed", 2|8)
	check(0)(c.ask(6, h, uint64(5), "second"))
	check(0)(c.ask(6, h, uint64(0), "first"))
	ch.Close()
	n.expect("ssh.session.file_upload", fmt.Sprintf(`{"filename":"/tmp/mixed","shasum":%q,"size":11,"head":"secondfirst","cause":"sftp","state":"cut off","order":"mixed"}`, sumOf([]byte("secondfirst"))))
}
