package nodetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"forager/board"
	"forager/build/devcore/core"
)

// secureCore runs a Core that speaks TLS, and returns the file with its
// certificate.
func secureCore(t *testing.T, dir string) (*core.Core, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := core.Start(core.Config{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS13}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, file
}

// talks have an attacker do at each pot what its event tells of.
var talks = []struct {
	pot, options, event string
	talk                func(t *testing.T, address string)
}{
	{"telnet", "accept=any", "telnet.command.input", func(t *testing.T, address string) {
		converse(t, address, "login:", "root\n", "assword:", "root\n", "#", "cat /proc/version\n", "#")
	}},
	{"ssh", "accept=any keys=ed25519", "ssh.command.input", func(t *testing.T, address string) {
		cfg := &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.Password("x")}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: patience}
		client, err := ssh.Dial("tcp", address, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		s, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := s.CombinedOutput("echo hello"); err != nil || !strings.Contains(string(out), "hello") {
			t.Errorf("ssh: %q, %v", out, err)
		}
	}},
	{"http", "", "http.request", func(t *testing.T, address string) { get(t, "http://"+address+"/.env") }},
	{"https", "", "https.request", func(t *testing.T, address string) { get(t, "https://"+address+"/.env") }},
	{"adb", "", "adb.session.closed", func(t *testing.T, address string) { attack(t, address, "GET / HTTP/1.0\r\n") }},
	{"catchall", "wait=1s", "catchall.session.closed", func(t *testing.T, address string) { attack(t, address, "\x03\x00\x00\x13") }},
	{"udp", "answer=yes", "udp.session.data", func(t *testing.T, address string) {
		c, err := net.Dial("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("\x00\x01/firmware/a.bin\x00octet\x00")); err != nil { // TFTP, which is answered
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if n, err := c.Read(make([]byte, 512)); n == 0 {
			t.Errorf("no answer: %v", err)
		}
	}},
}

// converse reads until a text comes, then says the next, by turns.
func converse(t *testing.T, address string, turns ...string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	heard := ""
	for i := 0; i < len(turns); i += 2 {
		for !strings.Contains(heard, turns[i]) {
			var b [512]byte
			n, err := c.Read(b[:])
			if n == 0 && err != nil {
				t.Fatalf("before %q: %v, heard %q", turns[i], err, heard)
			}
			heard += string(b[:n])
		}
		heard = ""
		if i+1 < len(turns) {
			if _, err := io.WriteString(c, turns[i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func get(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// Every pot, TLS, codes, the spool, commands, restarts: in the sandbox, of
// either type of node, as nobody.
func TestSandbox(t *testing.T) {
	needRoot(t)
	for _, typ := range []string{"Agent", "Full"} {
		t.Run(typ, func(t *testing.T) {
			dir := openDir(t)
			c, ca := secureCore(t, dir)
			w := c.Watch()
			path, file := filepath.Join(dir, "forager"), filepath.Join(dir, "f.conf")
			install(t, program, path)
			conf := fmt.Sprintf("core %s\nnode-id 42\nnode-type %s\nuser nobody\ntls\ntls-ca %s\ntls-server-name localhost\ntotp\nspool-size 1M\nheartbeat-file %s\n",
				c.Addr(), typ, ca, filepath.Join(dir, "beat"))
			for _, talk := range talks {
				conf += fmt.Sprintf("pot %s listen=127.0.0.1:0 %s\n", talk.pot, talk.options)
			}
			write := func(text string) {
				if err := os.WriteFile(file+".new", []byte(conf+text), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(file+".new", file); err != nil { // as editors do
					t.Fatal(err)
				}
			}
			state := "state-dir " + filepath.Join(dir, "state") + "\n"
			write(state)
			n := start(t, path, "-c", file)
			for life := range 3 {
				until(t, w, `"node_type":"`+typ+`"`)
				until(t, w, `"NodeEvent":"Started"`)
				n.confined(typ)
				for _, talk := range talks {
					talk.talk(t, n.address(talk.pot))
					until(t, w, `"event_type":"`+talk.event+`"`)
				}
				if life == 2 {
					break
				}
				w = c.WatchNew()
				install(t, upgrade, path)
				if err := c.Command(42, `"Restart"`); err != nil {
					t.Fatal(err)
				}
				until(t, w, `"NodeDrop"`)
			}
			if v := n.status("version"); v != upgradeVersion {
				t.Errorf("version %s runs", v)
			}
			low := lowAddress(t)
			write(state + "pot tcp id=low listen=" + low + "\n")
			if err := c.Command(42, `"UpdateConfig"`); err != nil {
				t.Fatal(err)
			}
			until(t, w, `"pot_id":"low","pot_type":"tcp","status":"Running"`)
			attack(t, low, "at a low port")
			until(t, w, "at a low port")

			// What the sandbox forbids is asked for.
			write("state-dir " + filepath.Join(dir, "elsewhere") + "\n")
			if err := c.Command(42, `"Restart"`); err != nil {
				t.Fatal(err)
			}
			if landlocked() {
				until(t, w, filepath.Join(dir, "elsewhere"))
				n.says("no restart, the node goes on as it is")
				attack(t, low, "all the same")
				until(t, w, "all the same")
			}
			n.signal(syscall.SIGTERM)
			if code := n.ended(); code != 0 {
				t.Errorf("exit %d", code)
			}
			for line := range strings.Lines(n.said()) {
				if strings.Contains(line, "wears the flash") {
					continue // no tmpfs here
				}
				if strings.HasPrefix(line, "error:") || strings.Contains(line, "denied") || strings.Contains(line, "not permitted") {
					t.Errorf("the node said %q", line)
				}
			}
		})
	}
}

// confined checks what a node is under, on every thread and once only.
func (n *node) confined(typ string) {
	n.t.Helper()
	n.unprivileged("0000000000002400") // the udp pot keeps CAP_NET_RAW
	if landlocked() && !strings.HasPrefix(n.status("landlock"), "ABI ") {
		n.t.Errorf("landlock: %s", n.status("landlock"))
	}
	if n.status("seccomp") != strings.ToLower(typ)+" list, a filter" {
		n.t.Errorf("seccomp: %s", n.status("seccomp"))
		return
	}
	n.threads("Seccomp", "2")
	n.threads("Seccomp_filters", "1") // since Linux 5.9
}

func landlocked() bool {
	_, err := board.LandlockABI()
	return !errors.Is(err, board.ErrNoLandlock)
}

// Off is off, and on the word of the status.
func TestSandboxOff(t *testing.T) {
	c := startCore(t)
	n := start(t, program, "-core", c.Addr(), "-node-id", "42", "-state-dir", t.TempDir(), "-sandbox", "off")
	until(t, c.Watch(), `"NodeEvent":"Started"`)
	n.threads("NoNewPrivs", "0")
	n.threads("Seccomp", "0")
	for key, want := range map[string]string{"landlock": "off (-sandbox)", "seccomp": "off (-sandbox), no filter", "no new privileges": "off"} {
		if got := n.status(key); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// A service manager has given up what there is: nothing is asked for that it
// may forbid, and nothing is missed.
func TestStartedAsNobody(t *testing.T) {
	needRoot(t)
	dir := openDir(t)
	wrapper := filepath.Join(dir, "start")
	script := "#!/bin/sh\nexec nice -n 3 setpriv --reuid " + nobody + " --regid " + nobody + " --clear-groups --inh-caps=-all,+net_bind_service" +
		" --ambient-caps=-all,+net_bind_service --bounding-set=-all,+net_bind_service --no-new-privs -- " + program + ` "$@"` + "\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(state, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	c := startCore(t)
	low := lowAddress(t)
	control := filepath.Join(state, "control")
	n := start(t, wrapper, "-control", control, "-core", c.Addr(), "-node-id", "42", "-state-dir", state, "-user", nobody, "-pot", "tcp id=low listen="+low)
	n.control = control
	until(t, c.Watch(), `"NodeEvent":"Started"`)
	n.says("pot low: tcp on " + low)
	n.unprivileged("0000000000000400")
	if n.status("nice") == "0" {
		t.Error("the node is less nice than it was started")
	}
	if strings.Contains(n.said(), "error:") {
		t.Error("something is missed")
	}
}
