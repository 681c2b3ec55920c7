package pots

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshLine is a pot with a key that is made in no time.
const sshLine = "ssh listen=127.0.0.1:0 keys=ed25519 "

func TestSSHOptions(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{"accept=maybe", "accept"},
		{"version=SSH-1.5-x", "version"},
		{"version=SSH-2.0-", "version"},
		{`version="SSH-2.0-a\x01"`, "version"},
		{"version=SSH-2.0-" + strings.Repeat("x", 250), "version"},
		{"keys=dsa", "keys"},
		{"keys=rsa,tpm", "keys"},
		{"algorithms=all", "algorithms"},
		{"tries=0", "tries"},
		{"shell-download=yes", "shell-download"},
		{"banner=x", "banner"},
	} {
		if _, err := ParseSpec("ssh listen=:22 " + c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.options, err)
		}
	}
	for _, options := range []string{"", "keys=rsa,ecdsa,ed25519,dsa", "algorithms=device", "version=SSH-2.0-OpenSSH_9.6 accept=any shell-download=fake tries=3"} {
		if _, err := ParseSpec("ssh listen=:22 " + options); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
}

func TestSSHFamilies(t *testing.T) {
	for _, c := range []struct {
		version    string
		tries      int
		bits       int
		kex, extra string // the first of the device's own, and of all
	}{
		{"SSH-2.0-ROSSSH", 6, 2048, "ecdh-sha2-nistp256", "curve25519-sha256"},
		{"SSH-2.0-dropbear_0.52", 10, 1024, "diffie-hellman-group1-sha1", "curve25519-sha256"},
		{"SSH-2.0-dropbear_2012.55", 10, 1024, "diffie-hellman-group1-sha1", "curve25519-sha256"},
		{"SSH-2.0-dropbear_2019.78", 10, 2048, "curve25519-sha256", "curve25519-sha256"},
		{"SSH-2.0-dropbear_2022.83", 10, 2048, "curve25519-sha256", "curve25519-sha256"},
		{"SSH-2.0-OpenSSH_5.3", 6, 2048, "ecdh-sha2-nistp256", "curve25519-sha256"},
		{"SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", 6, 2048, "curve25519-sha256", "curve25519-sha256"},
	} {
		f, all := sshFamilyOf(c.version), sshAlgorithmsOf(c.version, true)
		if f.tries != c.tries || f.bits != c.bits || f.kex[0] != c.kex || !strings.Contains(strings.Join(all.kex, ","), c.extra) {
			t.Errorf("%s: %+v %v", c.version, f, all)
		}
	}
	has := ssh.SupportedAlgorithms()
	old := ssh.InsecureAlgorithms()
	known := strings.Join(append(append(append(has.KeyExchanges, has.Ciphers...), has.MACs...), append(append(old.KeyExchanges, old.Ciphers...), old.MACs...)...), ",") + ","
	for _, f := range append(sshFamilies, sshFamily{sshAlgorithms: sshWide}) {
		for _, name := range append(append(append([]string{}, f.kex...), f.ciphers...), f.macs...) {
			if !strings.Contains(known, name+",") {
				t.Errorf("%s: the library has no %s", f.from, name)
			}
		}
	}
}

// TestSSHKeys: made once, private, and the same after a restart.
func TestSSHKeys(t *testing.T) {
	dir := t.TempDir()
	print := func(types string) string {
		n := newNode(t, Config{StateDir: dir})
		defer n.ring.Close()
		p := n.handlerOf("ssh listen=:22 keys=" + types).handler.(*sshPot)
		var all []string
		p.keys.load(func(keys []ssh.Signer) {
			for _, k := range keys {
				all = append(all, ssh.FingerprintSHA256(k.PublicKey()))
			}
		})
		return strings.Join(all, " ")
	}
	first := print("ed25519,ecdsa")
	if len(strings.Fields(first)) != 2 || print("ed25519,ecdsa") != first {
		t.Errorf("%s, then %s", first, print("ed25519,ecdsa"))
	}
	path := filepath.Join(dir, "ssh_host_ed25519_key")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	for _, rubbish := range []string{"", "no PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		mustNot(t, os.WriteFile(path, []byte(rubbish), 0o600))
		again := print("ed25519")
		if again == "" || strings.HasPrefix(first, again) || print("ed25519") != again {
			t.Errorf("%q: %s", rubbish, again)
		}
		if kept, err := os.ReadFile(path + ".bad"); err != nil || string(kept) != rubbish {
			t.Errorf("%q %v", kept, err)
		}
	}
	dir = filepath.Join(dir, "none")
	if print("ed25519") == "" {
		t.Error("no key without a state directory")
	}
}

// TestSSHSlowKey: an RSA key comes later, and is offered then.
func TestSSHSlowKey(t *testing.T) {
	if testing.Short() {
		t.Skip("an RSA key takes minutes under emulation")
	}
	n := newNode(t, Config{StateDir: t.TempDir()}).run()
	addr := n.pots("ssh listen=127.0.0.1:0 keys=rsa,ed25519 accept=any")
	want := func(algorithm string) error {
		c, err := sshTry(t, addr, &ssh.ClientConfig{HostKeyAlgorithms: []string{algorithm}})
		if err == nil {
			c.Close()
		}
		return err
	}
	mustNot(t, want(ssh.KeyAlgoED25519))
	await(t, "the RSA key", func() bool { return want(ssh.KeyAlgoRSASHA512) == nil })
	mustNot(t, want(ssh.KeyAlgoED25519))
}

// sshTry connects as a client with some password, unless conf has another way.
func sshTry(t *testing.T, addr string, conf *ssh.ClientConfig) (*ssh.Client, error) {
	t.Helper()
	conf.HostKeyCallback = ssh.InsecureIgnoreHostKey()
	if conf.User == "" {
		conf.User = "root"
	}
	if conf.Auth == nil {
		conf.Auth = []ssh.AuthMethod{ssh.Password("x")}
	}
	conf.Timeout = patience
	c, err := ssh.Dial("tcp", addr, conf)
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// sshLogin logs in and takes the events up to that.
func (n *node) sshLogin(addr string) *ssh.Client {
	n.t.Helper()
	c, err := sshTry(n.t.(*testing.T), addr, &ssh.ClientConfig{})
	mustNot(n.t.(*testing.T), err)
	n.until("ssh.login.success")
	return c
}

// until takes events up to one of a type, and returns it.
func (n *node) until(typ string) map[string]any {
	n.t.Helper()
	for {
		_, got, data := n.event()
		if got == typ {
			return data
		}
		if strings.HasSuffix(got, ".session.closed") {
			n.t.Fatalf("the session ended before %s: %v", typ, data)
		}
	}
}

// TestSSHNotSSH: what does not speak SSH is recorded and costs no handshake.
func TestSSHNotSSH(t *testing.T) {
	open := "version=SSH-2.0-OpenSSH_8.9p1"
	for _, c := range []struct{ name, options, say, hear, data string }{
		{"nothing", "", "", "", ""},
		{"HTTP", "", "GET / HTTP/1.0\r\n\r\n", "", `{"length":18,"payload":"GET / HTTP/1.0\r\n\r\n"}`},
		{"HTTP to OpenSSH", open, "GET / HTTP/1.0\r\n\r\n", "Invalid SSH identification string.\r\n", `{"length":18,"payload":"GET / HTTP/1.0\r\n\r\n"}`},
		{"SSH 1", open, "SSH-1.5-old\n", "Protocol major versions differ.\n", `{"length":12,"payload":"SSH-1.5-old\n"}`},
		{"half a version", "", "SSH-2", "", `{"length":5,"payload":"SSH-2"}`},
		{"too long a version", "", "SSH-2.0-" + strings.Repeat("x", 300), "", fmt.Sprintf(`{"length":308,"payload":"SSH-2.0-%s"}`, strings.Repeat("x", 300))},
		{"bytes", "", "\x16\x03\x01", "", `{"length":3,"payload_escaped":"\u0016\u0003\u0001"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{}).run()
			peer := dial(t, n.pots(sshLine+c.options))
			hello := peer.until("\r\n")
			n.expect("ssh.session.connect", `{}`)
			if heard := peer.converse(c.say, 1<<10); heard != c.hear || !strings.HasPrefix(hello, "SSH-2.0-") {
				t.Errorf("heard %q %q", hello, heard)
			}
			if c.data != "" {
				n.expect("ssh.session.data", strings.ReplaceAll(c.data, "payload_escaped", "payload"))
			}
			n.expect("ssh.session.closed", anyClose)
		})
	}
}

// TestSSHBadHandshake: a client that says its version and then rubbish.
func TestSSHBadHandshake(t *testing.T) {
	for _, c := range []struct{ name, say, kex string }{
		{"no more", "SSH-2.0-x\r\n", ""},
		{"rubbish", "SSH-2.0-x\r\n" + strings.Repeat("x", 5000), ""},
		{"a huge packet", "SSH-2.0-x\r\n\xff\xff\xff\xff", ""},
		{"an empty KEXINIT", "SSH-2.0-x\n\x00\x00\x00\x0c\x0a\x14" + strings.Repeat("\x00", 10), ""},
		{"nothing in common", "SSH-2.0-x\r\n" + sshPacketOf(sshKexInit("a", "b", "c", "d", "e", "f", "none", "none")), "a;c;e;none"},
		{"not text", "SSH-2.0-x\r\n" + sshPacketOf(sshKexInit("a\xff", "b,c")), "a\\xff;;;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNode(t, Config{}).run()
			dial(t, n.pots(sshLine)).converse(c.say, 7)
			n.expect("ssh.session.connect", `{}`)
			n.expect("ssh.client.version", `{"version":"SSH-2.0-x"}`)
			if c.kex != "" {
				_, typ, data := n.event()
				got := data["hasshAlgorithms"]
				if got == nil {
					got = data["hasshAlgorithms_escaped"]
				}
				if typ != "ssh.client.kex" || got != c.kex || len(data["hassh"].(string)) != 32 {
					t.Errorf("%s %v", typ, data)
				}
			}
			n.expect("ssh.session.closed", anyClose)
		})
	}
}

func sshKexInit(lists ...string) []byte {
	b := append([]byte{20}, make([]byte, 16)...)
	for i := range 10 {
		list := ""
		if i < len(lists) {
			list = lists[i]
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(list))), list...)
	}
	return append(b, 0, 0, 0, 0, 0)
}

func sshPacketOf(payload []byte) string {
	padding := 16 - (5+len(payload))%8
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	return string(b) + string(rune(padding)) + string(payload) + strings.Repeat("\x00", padding)
}

// TestSSHRealPayloads: what real attackers said first, to a server that waits
// for SSH. Nothing of a connection is left behind it.
func TestSSHRealPayloads(t *testing.T) {
	n := newNode(t, Config{})
	defer n.ring.Close()
	inst := n.handlerOf("ssh listen=:22 keys=ed25519")
	for _, p := range payloads(t) {
		for _, say := range []string{p, "SSH-2.0-x\r\n" + p} {
			n.serve(inst, &mute{say: []byte(say), chunk: 100})
			if told := n.drain(); !strings.Contains(told, "ssh.session.data") && !strings.Contains(told, "ssh.client.version") && say != "" {
				t.Fatalf("%q: %s", say, told)
			}
		}
	}
	await(t, "no connections", func() bool { return inst.handler.(*sshPot).open.Load() == 0 })
}

// TestSSHSilence: a client that goes on but never logs in does not stay.
func TestSSHSilence(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{Idle: 50 * time.Millisecond}}).run()
	addr := n.pots(sshLine)
	for _, say := range []string{"", "SSH-2.0-x\r\n"} {
		peer := dial(t, addr)
		peer.send(say)
		peer.rest()
		for typ := ""; typ != "ssh.session.closed"; {
			var data map[string]any
			if _, typ, data = n.event(); typ == "ssh.session.closed" && data["reason"] != "idle" {
				t.Errorf("%q: %v", say, data)
			}
		}
	}
}

// TestSSHSessionLimit: behind the version line there is room for a part only.
func TestSSHSessionLimit(t *testing.T) {
	n := newNode(t, Config{Limits: Limits{Conns: sshShare}}).run()
	addr := n.pots(sshLine + "accept=any")
	n.sshLogin(addr)
	if _, err := sshTry(t, addr, &ssh.ClientConfig{}); err == nil {
		t.Error("served")
	}
	for typ := ""; typ != "ssh.session.limit"; {
		_, typ, _ = n.event()
	}
}

var errEnough = errors.New("enough")

// TestSSHIdleStack: a client that never says a word costs the smallest stack
// there is.
func TestSSHIdleStack(t *testing.T) {
	if raceDetector {
		t.Skip("its frames are larger")
	}
	if !alone(t) {
		return
	}
	const conns = 200
	n := newNode(t, Config{}).run()
	addr := n.pots(sshLine)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range conns {
		dial(t, addr).until("\r\n")
	}
	runtime.ReadMemStats(&after)
	if each := int64(after.StackInuse-before.StackInuse) / conns; each > idleStack {
		t.Errorf("%d bytes of stack a connection", each)
	}
}

// idleStack is more than the smallest stack, with the threads that the runtime
// starts meanwhile, and less than the next size: bytes a connection.
const idleStack = 3900

// alone has a test run in a process of its own, and says whether this is it.
// Goroutines start with a stack as large as the others had at the last
// collection, and handshakes of other tests have large ones.
func alone(t *testing.T) bool {
	t.Helper()
	if testing.Short() {
		t.Skip("an emulator can't start itself")
	}
	const mark = "FORAGER_TEST_ALONE=1"
	if slices.Contains(os.Environ(), mark) {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mark)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}
