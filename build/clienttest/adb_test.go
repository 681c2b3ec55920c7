package clienttest

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestADB: connect, shell, push and pull with Android's own client.
func TestADB(t *testing.T) {
	h := open(t, "camera", "adb id=adb")
	path, sum := h.payload()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	t.Setenv("ANDROID_ADB_SERVER_PORT", port) // a server of our own
	device := "127.0.0.1:" + h.ports["adb"]
	adb := func(input string, args ...string) string {
		t.Helper()
		out, _ := h.run(input, "adb", args...)
		return out
	}
	defer adb("", "kill-server")
	if out := adb("", "connect", device); !strings.Contains(out, "connected to "+device) {
		t.Fatal(out)
	}
	if out := adb("", "devices", "-l"); !strings.Contains(out, "product:hi3520") {
		t.Errorf("%s", out)
	}
	if out := adb("", "-s", device, "shell", "id; wget http://203.0.113.7/bot"); !strings.Contains(out, "uid=0(root)") {
		t.Errorf("%s", out)
	}
	list := h.events()
	h.want(list, "adb.command.input", "adb.session.file_download")
	if out := adb("", "-s", device, "push", path, "/tmp/bot"); !strings.Contains(out, "1 file pushed") {
		t.Errorf("%s", out)
	}
	list = h.events()
	h.want(list, "adb.session.file_upload")
	if e := list[0]; e.text("shasum") != sum || e.text("size") != "300000" || e.text("filename") != "/tmp/bot" {
		t.Errorf("%v", e)
	}
	if out := adb("ls -l /tmp/bot\nexit\n", "-s", device, "shell"); !strings.Contains(out, "300000") {
		t.Errorf("%s", out)
	}
	back := filepath.Join(h.dir, "passwd")
	adb("", "-s", device, "pull", "/etc/passwd", back)
	if b, err := os.ReadFile(back); err != nil || !strings.HasPrefix(string(b), "root:") {
		t.Errorf("%q %v", b, err)
	}
	adb("", "-s", device, "pull", "/tmp/bot", back) // as much of it as a shell keeps
	sent, _ := os.ReadFile(path)
	if b, err := os.ReadFile(back); err != nil || len(b) < 64<<10 || !bytes.HasPrefix(sent, b) {
		t.Errorf("%d bytes of the file: %v", len(b), err)
	}
	if out := adb("", "-s", device, "exec-out", "cat /proc/cpuinfo"); !strings.Contains(out, "ARM") {
		t.Errorf("%s", out)
	}
	h.events()
}
