package pots

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// passwords tries these one after the other.
func passwords(list ...string) ssh.AuthMethod {
	i := 0
	return ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
		if i++; i > len(list) {
			return "", errEnough
		}
		return list[i-1], nil
	}), len(list))
}

// answers does the same when it is asked.
func answers(list ...string) ssh.AuthMethod {
	i := 0
	return ssh.RetryableAuthMethod(ssh.KeyboardInteractive(func(_, _ string, asked []string, echo []bool) ([]string, error) {
		if i++; i > len(list) || len(asked) != 1 || asked[0] != "Password: " || echo[0] {
			return nil, errEnough
		}
		return list[i-1 : i], nil
	}), len(list))
}

func TestSSHLogin(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	mustNot(t, err)
	key, err := ssh.NewSignerFromKey(private)
	mustNot(t, err)
	keys := []ssh.AuthMethod{ssh.PublicKeys(key)}
	failed := func(p string) string { return fmt.Sprintf(`ssh.login.failed {"username":"root","password":%q}`, p) }
	success := func(p string) string { return fmt.Sprintf(`ssh.login.success {"username":"root","password":%q}`, p) }
	keyed := func(what string) string {
		return fmt.Sprintf(`ssh.login.%s {"username":"root","method":"publickey","type":"ssh-ed25519","fingerprint":%q}`, what, ssh.FingerprintSHA256(key.PublicKey()))
	}
	for _, c := range []struct {
		name, options string
		auth          []ssh.AuthMethod
		in            bool
		events        []string
	}{
		{"none", "", []ssh.AuthMethod{}, false, nil},
		{"never", "", []ssh.AuthMethod{passwords("a", "", "c")}, false, []string{failed("a"), failed(""), failed("c")}},
		{"more than allowed", "tries=2", []ssh.AuthMethod{passwords("a", "b", "c")}, false, []string{failed("a"), failed("b")}},
		{"asked", "", []ssh.AuthMethod{answers("a", "b")}, false, []string{failed("a"), failed("b")}},
		{"asked, then right", "accept=root:b", []ssh.AuthMethod{answers("a", "b")}, true, []string{failed("a"), success("b")}},
		{"a pair", "accept=admin:x,root:b", []ssh.AuthMethod{passwords("a", "b")}, true, []string{failed("a"), success("b")}},
		{"after", "accept=after:2", []ssh.AuthMethod{passwords("a", "b", "c")}, true, []string{failed("a"), failed("b"), success("c")}},
		{"any", "accept=any", []ssh.AuthMethod{passwords("")}, true, []string{success("")}},
		{"a key", "accept=root:b", keys, false, []string{keyed("failed")}},
		{"a key, any", "accept=any", keys, true, []string{keyed("success")}},
		{"a key, then a password", "accept=root:b", append(keys, passwords("b")), true, []string{keyed("failed"), success("b")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{}).run()
			conn, err := sshTry(t, n.pots(sshLine+c.options), &ssh.ClientConfig{Auth: c.auth, ClientVersion: "SSH-2.0-test"})
			if (err == nil) != c.in {
				t.Errorf("%v", err)
			}
			n.expect("ssh.session.connect", `{}`)
			n.expect("ssh.client.version", `{"version":"SSH-2.0-test"}`)
			n.expect("ssh.client.kex", `{"hassh":"*","hasshAlgorithms":"*","kexAlgs":"*","keyAlgs":"*","encCS":"*","macCS":"*","compCS":["none"],"langCS":[""]}`)
			for _, e := range c.events {
				typ, fields, _ := strings.Cut(e, " ")
				n.expect(typ, fields)
			}
			if conn != nil {
				conn.Close()
			}
			n.expect("ssh.session.closed", anyClose)
			p, _ := n.m.Info("ssh")
			if int(p.Counters.Logins) != len(c.events) {
				t.Errorf("%d logins counted", p.Counters.Logins)
			}
		})
	}
}

// TestSSHBytes: names and passwords come through as they were.
func TestSSHBytes(t *testing.T) {
	n := newNode(t, Config{}).run()
	_, _ = sshTry(t, n.pots(sshLine), &ssh.ClientConfig{User: "r\xff\\", Auth: []ssh.AuthMethod{passwords("\x00\n\xfe")}})
	data := n.until("ssh.login.failed")
	if data["username_escaped"] != `r\xff\\` || fieldBytes(t, data, "password") != "\x00\n\xfe" {
		t.Errorf("%v", data)
	}
}

// TestSSHEnd: who ended the session stands in its last event.
func TestSSHEnd(t *testing.T) {
	n := newNode(t, Config{}).run()
	addr := n.pots(sshLine + "accept=root:x tries=1")
	n.sshLogin(addr).Close()
	if data := n.closed(); data["reason"] != "client" {
		t.Errorf("%v", data)
	}
	_, _ = sshTry(t, addr, &ssh.ClientConfig{Auth: []ssh.AuthMethod{passwords("y")}})
	if data := n.closed(); data["reason"] != "done" {
		t.Errorf("%v", data)
	}
	n.sshLogin(addr)
	mustNot(t, n.m.Stop("ssh"))
	if data := n.closed(); data["reason"] != "stopped" {
		t.Errorf("%v", data)
	}
}

// closed takes events up to the end of a session.
func (n *node) closed() map[string]any {
	n.t.Helper()
	for {
		if _, typ, data := n.event(); strings.HasSuffix(typ, ".session.closed") {
			return data
		}
	}
}

// TestSSHPersonas: every persona's server lets today's clients in, and two
// nodes are not alike.
func TestSSHPersonas(t *testing.T) {
	for _, name := range []string{"router", "camera", "nas", "ubuntu"} {
		n := newNode(t, Config{Persona: name, NodeID: 7}).run()
		c, err := sshTry(t, n.pots(sshLine+"accept=any"), &ssh.ClientConfig{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := c.NewSession()
		mustNot(t, err)
		out, err := s.Output("uname")
		if string(out) != "Linux\n" || err != nil || !strings.HasPrefix(string(c.ServerVersion()), "SSH-2.0-") {
			t.Errorf("%s: %q %v %s", name, out, err, c.ServerVersion())
		}
		c.Close()
		n.closed()
	}
}
