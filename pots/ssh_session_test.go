package pots

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"forager/pots/hassh"

	"golang.org/x/crypto/ssh"
)

// sshNode is a pot that takes any login, and a client that has one.
func sshNode(t *testing.T) (*node, *ssh.Client) {
	t.Helper()
	n := newNode(t, Config{}).run()
	return n, n.sshLogin(n.pots(sshLine + "accept=any"))
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestSSHExec(t *testing.T) {
	n, c := sshNode(t)
	for _, x := range []struct {
		command, in, out, errs string
		status                 int
		last                   string // event
	}{
		{"", "", "", "", 0, `command.input {"input":""}`},
		{"id", "", "uid=0(root) gid=0(root)\n", "", 0, `command.input {"input":"id"}`},
		{"nosuch", "", "", "sh: nosuch: not found\n", 127, `command.failed {"input":"nosuch"}`},
		{"cat; exit 3", "typed", "typed", "", 3, `command.input {"input":"cat; exit 3"}`},
		{"cat > /tmp/x && cat /tmp/x", "a\x00b", "a\x00b", "", 0,
			fmt.Sprintf(`session.file_upload {"filename":"/tmp/x","shasum":"%s","size":3,"head":"a\u0000b","cause":"end"}`, sumOf([]byte("a\x00b")))},
		{"cat /tmp/x", "", "a\x00b", "", 0, `command.input {"input":"cat /tmp/x"}`}, // the files stay with the connection
	} {
		s, err := c.NewSession()
		mustNot(t, err)
		var out, errs bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader(x.in), &out, &errs
		status := 0
		if err := s.Run(x.command); err != nil {
			exit, ok := err.(*ssh.ExitError)
			if !ok {
				t.Fatalf("%q: %v", x.command, err)
			}
			status = exit.ExitStatus()
		}
		if out.String() != x.out || errs.String() != x.errs || status != x.status {
			t.Errorf("%q: %q %q %d", x.command, out.String(), errs.String(), status)
		}
		typ, fields, _ := strings.Cut(x.last, " ")
		if typ != "command.input" {
			n.expect("ssh.command.input", fmt.Sprintf(`{"input":%q}`, x.command))
		}
		n.expect("ssh."+typ, fields)
	}
	c.Close()
	n.expect("ssh.session.closed", anyClose)
}

// TestSSHShell: a terminal, its size, and what a person types.
func TestSSHShell(t *testing.T) {
	n, c := sshNode(t)
	s, err := c.NewSession()
	mustNot(t, err)
	mustNot(t, s.Setenv("LANG", "C"))
	if s.Setenv("PATH", "/x") == nil {
		t.Error("PATH was taken")
	}
	mustNot(t, s.RequestPty("xterm", 40, 120, nil))
	mustNot(t, s.WindowChange(50, 100))
	in, _ := s.StdinPipe()
	var out bytes.Buffer
	s.Stdout = &out
	mustNot(t, s.Shell())
	_, _ = io.WriteString(in, "cd /tmp\r\nec\x7f\x7fecho a'b\rc'\rcat\rxyz\r\x04exit 4\r")
	err = s.Wait()
	if exit, ok := err.(*ssh.ExitError); !ok || exit.ExitStatus() != 4 {
		t.Errorf("%v", err)
	}
	_, shown, _ := strings.Cut(out.String(), "commands.\r\n\r\n")
	want := "# cd /tmp\r\n# ec\b \b\b \becho a'b\r\n> c'\r\nab\r\nc\r\n# cat\r\nxyz\r\nxyz\r\n# exit 4\r\n"
	if shown != want {
		t.Errorf("%q, want %q", shown, want)
	}
	n.expect("ssh.client.var", `{"name":"LANG","value":"C"}`)
	n.expect("ssh.client.var", `{"name":"PATH","value":"/x"}`)
	n.expect("ssh.client.var", `{"name":"TERM","value":"xterm"}`)
	n.expect("ssh.client.size", `{"width":120,"height":40}`)
	for _, line := range []string{"cd /tmp", "echo a'b\nc'", "cat", "exit 4"} {
		n.expect("ssh.command.input", fmt.Sprintf(`{"input":%q}`, line))
	}
}

// TestSSHScript: a shell without a terminal has neither prompt nor echo.
func TestSSHScript(t *testing.T) {
	_, c := sshNode(t)
	s, err := c.NewSession()
	mustNot(t, err)
	s.Stdin = strings.NewReader("echo one\necho two\n")
	var out bytes.Buffer
	s.Stdout = &out
	mustNot(t, s.Shell())
	if err := s.Wait(); err != nil || out.String() != "one\ntwo\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}

// TestSSHForward: asked-for connections are recorded and never made.
func TestSSHForward(t *testing.T) {
	n, c := sshNode(t)
	target := dial(t, newListener(t)) // a port that would answer
	host, port := splitAddr(t, target.RemoteAddr().String())
	ask := func(host string, port uint32) []byte {
		return ssh.Marshal(struct {
			Host  string
			Port  uint32
			From  string
			FPort uint32
		}{host, port, "10.0.0.9", 1234})
	}
	ch, reqs, err := c.OpenChannel("direct-tcpip", ask(host, port))
	mustNot(t, err)
	go ssh.DiscardRequests(reqs)
	_, _ = io.WriteString(ch, "GET / HTTP/1.0\r\n\r\n")
	if got, err := io.ReadAll(ch); len(got) > 0 || err != nil {
		t.Errorf("%q %v", got, err)
	}
	where := fmt.Sprintf(`"target_host":%q,"target_port":%d`, host, port)
	n.expect("ssh.direct-tcpip.request", "{"+where+`,"originator_ip":"10.0.0.9","originator_port":1234}`)
	n.expect("ssh.direct-tcpip.data", "{"+where+`,"length":18,"data":"GET / HTTP/1.0\r\n\r\n"}`)
	for _, bad := range []struct {
		kind  string
		extra []byte
	}{
		{"direct-tcpip", nil}, {"direct-tcpip", ask("", 1)}, {"direct-tcpip", ask("x", 70000)}, {"direct-tcpip", []byte{0, 0, 0, 200, 'x'}},
		{"x11", nil}, {"tun@openssh.com", nil},
	} {
		if _, _, err := c.OpenChannel(bad.kind, bad.extra); err == nil {
			t.Errorf("%s %q was opened", bad.kind, bad.extra)
		}
		n.expect("ssh.channel.refused", fmt.Sprintf(`{"type":%q}`, bad.kind))
	}
	if _, err := c.Listen("tcp", "0.0.0.0:8080"); err == nil {
		t.Error("a port was opened")
	}
	n.expect("ssh.tcpip-forward.request", `{"bind_host":"0.0.0.0","bind_port":8080}`)
}

// TestSSHRequests: what is no request of a session, and too much of what is.
func TestSSHRequests(t *testing.T) {
	_, c := sshNode(t)
	ch, reqs, err := c.OpenChannel("session", nil)
	mustNot(t, err)
	go ssh.DiscardRequests(reqs)
	for _, r := range []struct {
		kind    string
		payload []byte
		ok      bool
	}{
		{"auth-agent-req@openssh.com", nil, false}, {"x11-req", nil, false}, {"signal", []byte{1}, false},
		{"subsystem", []byte("\x00\x00\x00\x07netconf"), false}, {"subsystem", nil, false},
		{"pty-req", nil, true}, {"pty-req", nil, false}, {"window-change", nil, true}, {"env", nil, false},
		{"shell", nil, true}, {"shell", nil, false}, {"exec", []byte("\x00\x00\x00\x02id"), false},
	} {
		if ok, err := ch.SendRequest(r.kind, true, r.payload); ok != r.ok || err != nil {
			t.Errorf("%s: %v %v", r.kind, ok, err)
		}
	}
	if ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil); ok || err != nil {
		t.Errorf("keepalive: %v %v", ok, err)
	}
}

// TestSSHChannelLimit: so many and no more, and a place is free again only
// when the client has closed too.
func TestSSHChannelLimit(t *testing.T) {
	_, c := sshNode(t)
	var open []ssh.Channel
	for range sshChannels {
		ch, reqs, err := c.OpenChannel("session", nil)
		mustNot(t, err)
		go ssh.DiscardRequests(reqs)
		open = append(open, ch)
	}
	if _, _, err := c.OpenChannel("session", nil); err == nil {
		t.Error("one more was opened")
	}
	mustNot(t, open[0].Close())
	await(t, "a free place", func() bool {
		ch, _, err := c.OpenChannel("session", nil)
		if err == nil {
			ch.Close()
		}
		return err == nil
	})
}

// TestSSHUnread: a client that sends what nobody reads is held back, and then
// has to go.
func TestSSHUnread(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{BytesIn: 1 << 30}}).run()
	addr := n.pots(sshLine + "accept=any")
	n.m.all()[0].handler.(*sshPot).pause = time.Millisecond
	c := n.sshLogin(addr)
	total := 0
	for range 10 { // each has a window of 2 MiB
		ch, reqs, err := c.OpenChannel("session", nil)
		if err != nil {
			break
		}
		go ssh.DiscardRequests(reqs)
		k, _ := ch.Write(make([]byte, 2<<20))
		total += k
	}
	if data := n.closed(); data["reason"] != "bytes" || total > 16<<20 || data["bytes_in"].(float64) > 2*sshHeld {
		t.Errorf("%d bytes were sent, %v", total, data)
	}
}

// TestSSHGarbage: a client that has logged in and then breaks the protocol.
func TestSSHGarbage(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots(sshLine + "accept=any")
	for range 3 {
		peer := dial(t, addr)
		cc, chans, reqs, err := ssh.NewClientConn(peer.Conn, addr, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.Password("x")}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		mustNot(t, err)
		go ssh.NewClient(cc, chans, reqs)
		peer.send(strings.Repeat("garbage ", 100))
		peer.rest()
		n.closed()
	}
}

// TestSSHHassh: the KEXINIT on the wire gives the hash of its lists.
func TestSSHHassh(t *testing.T) {
	n := newNode(t, Config{}).run()
	_, _ = sshTry(t, n.pots(sshLine), &ssh.ClientConfig{Config: ssh.Config{KeyExchanges: []string{"curve25519-sha256"}, Ciphers: []string{"aes128-ctr"}, MACs: []string{"hmac-sha2-256"}}})
	data := n.until("ssh.client.kex")
	lists := strings.Split(data["hasshAlgorithms"].(string), ";")
	k := hassh.KexInit{Kex: []byte(lists[0]), CipherCS: []byte(lists[1]), MACCS: []byte(lists[2]), CompressCS: []byte(lists[3])}
	if data["hassh"] != k.Hash() || !strings.HasPrefix(lists[0], "curve25519-sha256,") || lists[1] != "aes128-ctr" {
		t.Errorf("%v", data)
	}
	if got := fmt.Sprint(data["encCS"], data["macCS"]); got != "[aes128-ctr] [hmac-sha2-256]" {
		t.Error(got)
	}
}
