package boot

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"forager/build/devcore/core"
)

// patience is how long anything may take: a boot in emulation takes 2 to 8 s
// on a machine with nothing else to do, and this one may be busy.
const patience = 3 * time.Minute

// Ports of the machines: their own web server, and the tests' way in.
const (
	webPort     = 80
	controlPort = 81
)

// cache is where build/boot/fetch.sh has put kernels, or empty.
var cache = os.Getenv("FORAGER_BOOT")

// recipe says what a machine is to be.
type recipe struct {
	board  *board
	memory int               // MiB; 0: the board's
	args   []string          // of QEMU
	module string            // parameters of the watchdog's module
	files  map[string]string // put into the root, over what is there
	root   func(dir string)  // makes the root
	disk   int               // MiB; 0: 64
}

// machine is a running one.
type machine struct {
	t       *testing.T
	cmd     *exec.Cmd
	qmp     *monitor
	control http.Client
	began   time.Time
	ended   chan struct{} // closed when QEMU has ended

	mu     sync.Mutex
	serial strings.Builder
	more   chan struct{} // closed and made anew with every line
}

// needMachines ends the test where there are no machines to boot.
func needMachines(t *testing.T) {
	t.Helper()
	if cache == "" {
		t.Skip("make boot runs this, with machines in FORAGER_BOOT")
	}
}

// boot makes a machine and starts it. It is gone at the end of the test.
func boot(t *testing.T, r recipe) *machine {
	t.Helper()
	dir := t.TempDir()
	b := *r.board
	if r.memory > 0 {
		b.memory = r.memory
	}
	must(t, b.writeInitramfs(cache, filepath.Join(dir, "initramfs"), r.module))
	root := filepath.Join(dir, "root")
	must(t, os.Mkdir(root, 0o755))
	r.root(root)
	must(t, putFiles(root, r.files))
	must(t, makeDisk(filepath.Join(dir, "disk"), root, max(r.disk, 64)))
	must(t, os.RemoveAll(root))

	plugIn(t)
	m := &machine{t: t, began: time.Now(), ended: make(chan struct{}), more: make(chan struct{})}
	m.control.Timeout = patience
	m.control.Transport = &http.Transport{DisableKeepAlives: true}
	m.cmd = exec.Command(b.qemu, append(b.qemuArgs(cache, dir), r.args...)...)
	m.start(filepath.Join(dir, "qmp"))
	return m
}

// plugIn makes the host's end of the cable. This must be a network namespace
// of its own, as build/boot.sh makes it: with loopback and nothing else.
func plugIn(t *testing.T) {
	t.Helper()
	all, err := net.Interfaces()
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("%d network interfaces: build/boot.sh makes a network of its own", len(all))
	}
	command(t, nil, "ip", "tuntap", "add", "mode", "tap", "name", cable)
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", cable).Run() })
	command(t, nil, "ip", "addr", "add", hostAddr+"/24", "dev", cable)
	command(t, nil, "ip", "link", "set", cable, "up")
}

// start runs QEMU, below everything else that this machine has to do.
func (m *machine) start(qmp string) {
	m.t.Helper()
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := m.cmd.StdoutPipe()
	must(m.t, err)
	m.cmd.Stderr = m.cmd.Stdout
	must(m.t, m.cmd.Start())
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, m.cmd.Process.Pid, 5)
	go m.read(out)
	m.t.Cleanup(m.kill)
	for began := time.Now(); m.qmp == nil; time.Sleep(20 * time.Millisecond) {
		if m.qmp, err = openMonitor(qmp); err == nil {
			break
		}
		select {
		case <-m.ended:
			m.t.Fatalf("QEMU ended:\n%s", m.said())
		default:
		}
		if time.Since(began) > time.Minute {
			m.t.Fatal(err)
		}
	}
}

// kill ends the machine as a power cut does, and judges what it said.
func (m *machine) kill() {
	_ = m.cmd.Process.Kill()
	<-m.ended
	_ = m.cmd.Wait()
	if m.qmp != nil {
		_ = m.qmp.conn.Close()
	}
	for _, bad := range []string{"Out of memory", "oom-kill", "Kernel panic", "Oops", "loader: "} {
		if strings.Contains(m.said(), bad) {
			m.t.Errorf("the console says %q", bad)
		}
	}
	if m.t.Failed() {
		m.t.Logf("the console:\n%s", m.said())
	}
}

func (m *machine) read(out io.Reader) {
	defer close(m.ended)
	for s := bufio.NewScanner(out); s.Scan(); {
		m.mu.Lock()
		fmt.Fprintf(&m.serial, "%6.1f %s\n", time.Since(m.began).Seconds(), strings.TrimRight(s.Text(), "\r"))
		close(m.more)
		m.more = make(chan struct{})
		m.mu.Unlock()
	}
}

// said is what the console has shown so far, each line after the seconds from
// power-on.
func (m *machine) said() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.serial.String()
}

// note puts a line of the test's own between those of the console.
func (m *machine) note(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintf(&m.serial, "%6.1f == %s\n", time.Since(m.began).Seconds(), text)
}

// mark is a place in the console's text, for says.
func (m *machine) mark() int { return len(m.said()) }

// says waits for a line after mark that holds text, and returns it.
func (m *machine) says(mark int, text string) string {
	m.t.Helper()
	limit := time.After(patience)
	for {
		m.mu.Lock()
		said, more := m.serial.String(), m.more
		m.mu.Unlock()
		for line := range strings.Lines(said[mark:]) {
			if strings.Contains(line, text) {
				return strings.TrimSpace(line)
			}
		}
		select {
		case <-more:
		case <-m.ended:
			m.t.Fatalf("the machine ended and did not say %q", text)
		case <-limit:
			m.t.Fatalf("the machine did not say %q", text)
		}
	}
}

// run has the machine run a script as root and returns what it prints.
func (m *machine) run(script string) string {
	m.t.Helper()
	out, code, err := m.try(script)
	if err != nil {
		m.t.Fatalf("%s: %v", script, err)
	}
	if code != 0 {
		m.t.Fatalf("%s: exit %d: %s", script, code, out)
	}
	return out
}

// try is run, for what may fail.
func (m *machine) try(script string) (out string, code int, err error) {
	return m.ask(m.control, script)
}

func (m *machine) ask(client http.Client, script string) (out string, code int, err error) {
	resp, err := client.Post(fmt.Sprintf("http://%s:%d/cgi-bin/run", guestAddr, controlPort), "text/plain", strings.NewReader(script))
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", 0, err
	}
	at := strings.LastIndex(string(b), "exit ")
	if at < 0 {
		return "", 0, fmt.Errorf("%s: %q", resp.Status, b)
	}
	code, err = strconv.Atoi(strings.TrimSpace(string(b[at+5:])))
	return string(b[:at]), code, err
}

// dial connects to a port of the machine.
func (m *machine) dial(port int) (net.Conn, error) {
	return net.DialTimeout("tcp", net.JoinHostPort(guestAddr, strconv.Itoa(port)), 10*time.Second)
}

// comesUp waits until the machine answers.
func (m *machine) comesUp() {
	m.t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		_, code, err := m.ask(http.Client{Timeout: 5 * time.Second}, "true")
		if err == nil && code == 0 {
			return
		}
		if time.Now().After(limit) {
			m.t.Fatalf("the machine does not answer: %v", err)
		}
		select {
		case <-m.ended:
			m.t.Fatal("the machine ended")
		default:
		}
	}
}

// happens waits for an event of the machine after those already seen.
func (m *machine) happens(name string, seen int, within time.Duration) event {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), within)
	defer cancel()
	e, err := m.qmp.until(ctx, name, seen)
	if err != nil {
		m.t.Fatal(err)
	}
	return e
}

// install copies a program.
func install(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o755))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// coreAddr is where machines find Core, on the host.
const coreAddr = hostAddr + ":9001"

// startCore starts a Core for the machine that has booted or will.
func startCore(t *testing.T, cfg core.Config) *core.Core {
	t.Helper()
	cfg.Listen = ":9001"
	c, err := core.Start(cfg)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// until waits for a message to Core that holds all parts.
func until(t *testing.T, w *core.Watcher, parts ...string) core.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := w.Until(ctx, func(m core.Message) bool { return holds(m.Raw, parts) })
	if err != nil {
		t.Fatalf("Core did not get %q: %v", parts, err)
	}
	return m
}

// status asks the node until what it shows is as wanted, and returns that.
func (m *machine) status(wanted func(shown map[string]string) bool) map[string]string {
	m.t.Helper()
	out := ""
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(500 * time.Millisecond) {
		var err error
		if out, _, err = m.try("forager status -c /etc/forager/forager.conf"); err != nil {
			continue
		}
		shown := map[string]string{}
		for line := range strings.Lines(out) {
			key, value, _ := strings.Cut(line, ": ")
			shown[key] = strings.TrimSpace(value)
		}
		if wanted(shown) {
			return shown
		}
	}
	m.t.Fatalf("status stays\n%s", out)
	return nil
}

// number is the first number after prefix in a line of status, or -1.
func number(line, prefix string) int {
	_, rest, ok := strings.Cut(line, prefix)
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	n, err := strconv.Atoi(rest[:end])
	if !ok || err != nil {
		return -1
	}
	return n
}

func holds(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
