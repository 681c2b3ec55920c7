package nodetest

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// wheel packs a directory as a Python package, in the form of PEP 427, which
// pip installs without asking a registry.
func wheel(t *testing.T, to, name, version, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(to, name+"-"+version+"-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, record := zip.NewWriter(f), ""
	add := func(path string, text []byte) {
		w, err := z.Create(path)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		record += fmt.Sprintf("%s,sha256=%s,%d\n", path, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.py"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(name+"/"+filepath.Base(file), text)
	}
	info := name + "-" + version + ".dist-info/"
	add(info+"METADATA", []byte("Metadata-Version: 2.1\nName: "+name+"\nVersion: "+version+"\n"))
	add(info+"WHEEL", []byte("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"))
	record += info + "RECORD,,\n"
	w, err := z.Create(info + "RECORD")
	if err == nil {
		_, err = io.WriteString(w, record)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// potstore is a repository with the Potstore's own manifest, and programs that
// read and open what Cowrie and HonnyPotter do.
func potstore(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	manifest, err := os.ReadFile("../../pots/manifest/testdata/potstore.json")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS("testdata/realstore"))
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "potstore.json"), manifest, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	wheel(t, filepath.Join(dir, "cowrie"), "twisted", "24.11.0", "testdata/twisted")
	return repository(t, dir)
}

// The Potstore's recipes at work: an environment of Python with what pip
// installs, Cowrie's files and directories, PHP's own server; and both again
// after a restart of the node.
func TestPotstore(t *testing.T) {
	store := potstore(t)
	p := startProgramNode(t, store)
	ports := freePorts(t, 3)
	w := p.core.WatchNew()
	m := p.installed("trap-1", "cowrie", store, map[string]string{"ssh_port": ports[0], "telnet_port": ports[1], "hostname": "mail.example"}, true)
	if !strings.Contains(m.Raw, `"status":"Running"`) {
		t.Fatalf("cowrie: %s", m.Raw)
	}
	until(t, w, "dependencies: ")
	m = p.installed("wp-1", "honnypotter", store, map[string]string{"http_port": ports[2]}, true)
	if !strings.Contains(m.Raw, `"status":"Running"`) {
		t.Fatalf("honnypotter: %s", m.Raw)
	}
	p.says("no WordPress here") // its installer failed, and is not needed
	p.says("they will be lost") // by the real one, which has its port fixed
	p.attackStore(ports)
	watchers := map[string]*core.Watcher{"trap-1": p.core.WatchNew(), "wp-1": p.core.WatchNew()}
	p.back.command(`"Restart"`)
	for pot, w := range watchers {
		until(t, w, `"NodeDrop"`)
		if m := p.settles(w, pot); !strings.Contains(m.Raw, `"status":"Running"`) {
			t.Fatalf("pot %s did not come back: %s", pot, m.Raw)
		}
	}
	p.attackStore(ports)
}

// attackStore connects to both doors of Cowrie and logs into HonnyPotter.
func (p *programNode) attackStore(ports []string) {
	t := p.t
	t.Helper()
	for i, want := range []struct{ banner, protocol string }{{"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "ssh"}, {"mail.example login:\r\n", "telnet"}} {
		w := p.core.WatchNew()
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+ports[i], patience)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || got != want.banner {
			t.Errorf("%s says %q, %v", want.protocol, got, err)
		}
		c.Close()
		p.event(w, "trap-1", `"protocol": "`+want.protocol+`"`)
	}
	w := p.core.WatchNew()
	r, err := http.PostForm("http://127.0.0.1:"+ports[2]+"/wp-login.php", url.Values{"log": {"admin"}, "pwd": {"a&b"}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	p.event(w, "wp-1", `"password":"a&b"`)
}
