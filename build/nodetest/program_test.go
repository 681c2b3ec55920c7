package nodetest

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// repository makes a git repository of a directory's files, and returns its
// address. It lies where the users of pots can read it.
func repository(t *testing.T, files string) (url string) {
	t.Helper()
	dir := filepath.Join(commonDir(t), "store.git")
	if err := os.CopyFS(dir, os.DirFS(files)); err != nil {
		t.Fatal(err)
	}
	commit(t, dir)
	return "file://" + dir
}

// commit makes a repository of dir, of all that is there.
func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "-A"},
		{"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "x"},
	} {
		git := exec.Command("git", args...)
		git.Dir = dir
		git.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

// commonDir is a temporary directory that other users may enter.
func commonDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// programNode is a node that installs programs.
type programNode struct {
	*node
	core  *core.Core
	back  *backend
	state string
	args  []string
}

// startProgramNode starts one, whose state directory is in a place that is
// closed to others, unless it becomes another user.
func startProgramNode(t *testing.T, allow string, args ...string) *programNode {
	t.Helper()
	c := startCore(t)
	p := &programNode{core: c, back: startBackend(t, c), state: filepath.Join(t.TempDir(), "closed", "state")}
	if slices.Contains(args, "-user") {
		p.state = filepath.Join(commonDir(t), "state")
	} else if err := os.Mkdir(filepath.Dir(p.state), 0o700); err != nil {
		t.Fatal(err)
	}
	p.args = append([]string{
		"-core", c.Addr(), "-core-dialect", "spec", "-node-id", "42", "-state-dir", p.state, "-pots-allow", allow,
		"-intake", away(t),
	}, args...)
	t.Cleanup(func() { // after the node's end
		p.nothingRuns()
		if dir, err := os.Readlink(filepath.Join(p.state, "pots")); err == nil {
			_ = os.RemoveAll(dir) // elsewhere, for the state directory's own is closed to the pots
		}
	})
	p.node = start(t, program, p.args...)
	until(t, c.Watch(), `"NodeEvent":"Started"`)
	return p
}

// installed waits for the end of an install, and returns its last status.
func (p *programNode) installed(id, typ, url string, config map[string]string, start bool) core.Message {
	p.t.Helper()
	w := p.core.WatchNew()
	p.back.command(installCommand(id, typ, url, config, start))
	return p.settles(w, id)
}

// settles waits until a pot is no longer Installing.
func (p *programNode) settles(w *core.Watcher, id string) core.Message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 6*patience) // Python's environments take long to make
	defer cancel()
	m, err := w.Until(ctx, func(m core.Message) bool {
		return m.Kind == core.PotStatusUpdate && strings.Contains(m.Raw, `"pot_id":"`+id+`"`) && !strings.Contains(m.Raw, `"Installing"`)
	})
	if err != nil {
		p.t.Fatalf("pot %s: %v", id, err)
	}
	return m
}

// processes lists what runs from the state directory: its command lines.
func (p *programNode) processes() (lines []string) {
	p.t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range all {
		b, _ := os.ReadFile(file) // it may have ended
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		if pid := filepath.Base(filepath.Dir(file)); pid == fmt.Sprint(p.cmd.Process.Pid) {
			continue
		}
		if line := strings.ReplaceAll(string(b), "\x00", " "); strings.Contains(line+cwd, p.state) {
			lines = append(lines, line)
		}
	}
	return lines
}

// nothingRuns waits until no process of a pot is left.
func (p *programNode) nothingRuns() {
	p.t.Helper()
	for end := time.Now().Add(patience); len(p.processes()) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Errorf("still running: %q", p.processes())
			return
		}
	}
}

// event waits for an event of a pot that holds text.
func (p *programNode) event(w *core.Watcher, pot, text string) {
	p.t.Helper()
	m := until(p.t, w, text)
	var e struct {
		PotID string `json:"pot_id"`
		Data  struct {
			SrcIP string `json:"src_ip"`
		}
	}
	if events := m.PotEvents(); len(events) != 1 || json.Unmarshal(events[0], &e) != nil || e.PotID != pot || e.Data.SrcIP != "127.0.0.1" {
		p.t.Errorf("event of %q: %s", pot, m.Raw)
	}
}

// logIntoMail is an attack on pymail.
func logIntoMail(t *testing.T, port, user string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	word := base64.StdEncoding.EncodeToString([]byte("hunter2"))
	for _, line := range []string{"AUTH LOGIN", base64.StdEncoding.EncodeToString([]byte(user)), word, "QUIT"} {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// Two pots that are programs of their own, from a repository like the
// Potstore: install, start, an attack and its event, logs, metrics, stop,
// start, and back after a restart of the node and after its death.
func TestPrograms(t *testing.T) {
	ways := map[string][]string{"as we are": nil, "no sandbox": {"-sandbox", "off"}}
	if os.Geteuid() == 0 {
		ways["another user"] = []string{"-user", "nobody"}
	}
	for name, flags := range ways {
		t.Run(name, func(t *testing.T) { testPrograms(t, flags) })
	}
}

func testPrograms(t *testing.T, flags []string) {
	store := repository(t, "testdata/potstore")
	p := startProgramNode(t, store, flags...)
	ports := freePorts(t, 3)
	mail, web := ports[0], "http://127.0.0.1:"+ports[1]+"/"

	w := p.core.WatchNew()
	m := p.installed("mail-1", "pymail", store, map[string]string{"smtp_port": mail, "hostname": "mx.example.org", "api_token": "s3cret"}, true)
	if !strings.Contains(m.Raw, `"pot_type":"pymail","status":"Running"`) {
		t.Fatalf("installed: %s", m.Raw)
	}
	until(t, w, `"status":"Installing"`)
	w = p.core.WatchNew()
	logIntoMail(t, mail, "evil")
	p.event(w, "mail-1", `"evil"`)
	if m := p.installed("web-1", "phplogin", store, map[string]string{"http_port": ports[1]}, false); !strings.Contains(m.Raw, `"status":"Stopped"`) {
		t.Fatalf("installed: %s", m.Raw)
	}
	w = p.core.WatchNew()
	p.back.command(`{"DeployPot":"web-1"}`)
	until(t, w, `"pot_id":"web-1","pot_type":"phplogin","status":"Running"`)
	logIntoWeb := func(user string) {
		r, err := http.PostForm(web, url.Values{"user": {user}, "pwd": {"x"}})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	w = p.core.WatchNew()
	logIntoWeb("mallory")
	p.event(w, "web-1", `"username":"mallory","password":"x","prepared":"prepared for web-1"`)

	p.asks(store)

	// The same install is the pot that is there; with another config it moves,
	// and goes on running; one that fails leaves it where it is.
	if m := p.installed("web-1", "phplogin", store, map[string]string{"http_port": ports[1]}, true); !strings.Contains(m.Raw, `"status":"Running"`) {
		t.Errorf("the same install again: %s", m.Raw)
	}
	w = p.core.WatchNew()
	p.back.command(installCommand("web-1", "phplogin", store, map[string]string{"http_port": mail}, false))
	until(t, w, "port "+mail+` is that of pot \"mail-1\"; the pot stays as it was`)
	logIntoWeb("still-there")
	p.event(w, "web-1", "still-there")
	w = p.core.WatchNew()
	p.back.command(installCommand("web-1", "phplogin", store, map[string]string{"http_port": ports[2]}, false))
	until(t, w, `"pot_id":"web-1","pot_type":"phplogin","status":"Running"`)
	if c, err := net.Dial("tcp", "127.0.0.1:"+ports[1]); err == nil {
		c.Close()
		t.Error("the old port answers")
	}
	web = "http://127.0.0.1:" + ports[2] + "/"
	w = p.core.WatchNew()
	logIntoWeb("moved")
	p.event(w, "web-1", "moved")

	// Stopped, nothing of it is left; started, it is as before.
	p.back.ask(`{"StopPot":"mail-1"}`, `"pot_id":"mail-1","pot_type":"pymail","status":"Stopped"`)
	if c, err := net.Dial("tcp", "127.0.0.1:"+mail); err == nil {
		c.Close()
		t.Error("a stopped pot's port answers")
	}
	if left := strings.Join(p.processes(), "\n"); strings.Contains(left, "PyMail") {
		t.Errorf("a stopped pot's processes: %s", left)
	}
	p.back.ask(`{"DeployPot":"mail-1"}`, `"pot_id":"mail-1","pot_type":"pymail","status":"Running"`)
	w = p.core.WatchNew()
	logIntoMail(t, mail, "again")
	p.event(w, "mail-1", `"again"`)

	// Both come back with the node, whether it ends well or not.
	back := func(w *core.Watcher, user string) {
		t.Helper()
		types := map[string]string{"mail-1": "pymail", "web-1": "phplogin"}
		for pot := range types {
			again := *w // they come back in any order
			until(t, &again, `"pot_id":"`+pot+`","pot_type":"`+types[pot]+`","status":"Running"`)
		}
		w = p.core.WatchNew()
		logIntoMail(t, mail, user)
		p.event(w, "mail-1", `"`+user+`"`)
		logIntoWeb(user + "-web")
		p.event(w, "web-1", user+"-web")
	}
	w = p.core.WatchNew()
	p.back.command(`"Restart"`)
	until(t, w, `"NodeDrop"`)
	back(w, "restarted")
	p.signal(syscall.SIGKILL)
	p.ended()
	p.nothingRuns()
	w = p.core.WatchNew()
	p.node = start(t, program, p.args...)
	back(w, "killed")
	p.signal(syscall.SIGTERM)
	if code := p.ended(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// asks are the questions that Core has about a pot.
func (p *programNode) asks(store string) {
	t := p.t
	t.Helper()
	for _, tt := range []struct{ command, want string }{
		{`{"GetPotStatus":"mail-1"}`, `"pot_id":"mail-1","pot_type":"pymail","status":"Running"`},
		{`{"GetPotLogs":"mail-1"}`, `login evil`},
		{`{"GetPotLogs":"web-1"}`, `login of mallory`},
		{`{"GetPotInfo":"mail-1"}`, `type=pymail source=installed url=` + store + ` commit=`},
		{`{"GetPotInfo":"mail-1"}`, `api_token=\"***\"`},
		{`{"GetPotInfo":"mail-1"}`, `hostname=\"mx.example.org\"`},
		{`{"GetPotInfo":"mail-1"}`, `directory=\"PyMail\"`},
		{`{"GetPotInfo":"mail-1"}`, `protections=`},
		{`{"GetPotMetrics":"mail-1"}`, `events=1 restarts=0`},
		{`{"GetPotMetrics":"mail-1"}`, `processes=1`},
		{`"GetInstalledPots"`, `"pot_id":"web-1","pot_type":"phplogin","status":"Running"`},
	} {
		m := p.back.ask(tt.command, tt.want)
		if strings.Contains(m.Raw, "s3cret") {
			t.Errorf("%s tells a secret: %s", tt.command, m.Raw)
		}
	}
	var status struct{ Message string }
	m := p.back.ask(`{"GetPotMetrics":"mail-1"}`, "uptime=")
	if err := m.Content(&status); err != nil {
		t.Fatal(err)
	}
	var uptime, memory int
	var cpu float64
	if _, err := fmt.Sscanf(status.Message, "uptime=%d cpu=%g memory=%d", &uptime, &cpu, &memory); err != nil || cpu <= 0 || memory < 1<<20 {
		t.Errorf("metrics %q: %v", status.Message, err)
	}
	if line := p.status("pot mail-1"); !strings.Contains(line, "Running on :") || !strings.Contains(line, "events 1") {
		t.Errorf("status: %s", line)
	}
}
