package pots

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"forager/pots/persona"
	"forager/pots/shell"

	"golang.org/x/crypto/ssh"
)

// Limits of the SSH pot, what we chose.
const (
	sshHello    = 512              // bytes read of a client before it is known to speak SSH
	sshGrace    = 2 * time.Minute  // from the connection to the login (OpenSSH's LoginGraceTime)
	sshIdle     = 90 * time.Second // of silence, at most Limits.Idle
	sshMostText = 256              // bytes of version= and the like
	// sshShare is the part of all connections that may have got through a
	// key exchange: one of them takes 20 KB, and up to 256 KB where a
	// client announces a packet of that length.
	sshShare = 4
	// sshMemory is how many bytes a connection adds to what all sessions
	// may hold together: files, long lines, what a client has not taken.
	sshMemory = 8 << 10
)

// sshMaxVersion is the longest version line (RFC 4253 section 4.2).
const sshMaxVersion = 255

func init() {
	Register(Type{
		Name: "ssh",
		Port: 22,
		Help: "accept= never, any, after:N or user:password[,user:password…] (never); version= (the persona's); tries= (as that version has it); " +
			"keys= types of host key by commas: rsa, ecdsa, ed25519; algorithms= wide or device (wide); shell-download= fail or fake (fail)",
		New: newSSH,
	})
}

// sshPot is an SSH server (RFC 4251 to 4254) whose shell runs nothing and
// whose forwardings connect nowhere.
type sshPot struct {
	device   *persona.Persona
	version  string
	greeting []byte
	tries    int
	accept   acceptor
	algos    sshAlgorithms
	keys     *sshKeys
	fake     bool

	once   sync.Once
	config atomic.Pointer[ssh.ServerConfig] // another one when a slow key is made
	open   atomic.Int64                     // connections behind the version line
	pause  time.Duration                    // sshPause
	budget *shell.Budget                    // from once on
}

func newSSH(s *Setup) (Handler, error) {
	t, err := persona.Load(s.Persona, "")
	if err != nil {
		return nil, err
	}
	p := &sshPot{device: t.For(s.NodeID), pause: sshPause}
	o := s.Options
	p.version = o.String("version", orName(p.device.SSH.Version, sshDefault), sshMaxVersion-2)
	if !sshGoodVersion(p.version) {
		o.Fail("version", "want SSH-2.0-NAME in printable ASCII, not "+quote(p.version))
	}
	p.greeting = []byte(p.version + "\r\n")
	p.tries = o.Int("tries", sshTriesOf(p.version), 1, 100)
	if err := p.accept.parse(o.String("accept", "never", maxValue)); err != nil {
		o.Fail("accept", err.Error())
	}
	wide := o.String("algorithms", "wide", sshMostText)
	if wide != "wide" && wide != "device" {
		o.Fail("algorithms", "want wide or device, not "+quote(wide))
	}
	p.algos = sshAlgorithmsOf(p.version, wide == "wide")
	keys := p.device.SSH.KeyType
	if wide == "wide" {
		keys += ",ed25519,ecdsa"
	}
	p.keys, err = newSSHKeys(o.String("keys", keys, sshMostText), p.version, s.StateDir, s.Log)
	if err != nil {
		o.Fail("keys", err.Error())
	}
	download := o.String("shell-download", "fail", sshMostText)
	if p.fake = download == "fake"; !p.fake && download != "fail" {
		o.Fail("shell-download", "want fail or fake, not "+quote(download))
	}
	return p, nil
}

// sshDefault is the version of a persona that has none.
const sshDefault = "SSH-2.0-dropbear_2012.55"

func sshGoodVersion(v string) bool {
	for _, c := range []byte(v) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(v) > len("SSH-2.0-") && v[:len("SSH-2.0-")] == "SSH-2.0-"
}

// Greeting is the version line: the server may speak first (RFC 4253 section
// 4.2).
func (p *sshPot) Greeting() []byte { return p.greeting }

// sshHelloBuffer is what a connection holds before it is known to speak SSH.
type sshHelloBuffer struct {
	buf [sshHello]byte
	n   int
}

var sshHellos = sync.Pool{New: func() any { return new(sshHelloBuffer) }}

// Serve waits for the client's version and lets only those who have one come
// to the expensive part.
func (p *sshPot) Serve(c *Conn) {
	c.SetIdle(sshIdle)
	h := sshHellos.Get().(*sshHelloBuffer)
	line := h.read(c)
	switch {
	case line == nil:
		p.notSSH(c, h)
	default:
		version := bytes.TrimRight(line, "\r\n")
		c.Event("client.version").Bytes("version", version).Send()
		p.admit(c, h)
	}
	h.n = 0
	sshHellos.Put(h)
}

// read reads until there is a version line, which it returns, or it is clear
// that none comes.
func (h *sshHelloBuffer) read(c *Conn) []byte {
	for {
		n, err := c.Read(h.buf[h.n:])
		h.n += n
		got := h.buf[:h.n]
		if i := bytes.IndexByte(got, '\n'); i >= 0 && i < sshMaxVersion && sshSpeaks(got[:i]) {
			return got[:i+1]
		}
		if err != nil || h.n > sshMaxVersion || !sshMaySpeak(got) {
			return nil
		}
	}
}

// The versions that can go on (RFC 4253 section 5.1).
var sshPrefixes = [][]byte{[]byte("SSH-2.0-"), []byte("SSH-1.99-")}

func sshSpeaks(line []byte) bool {
	return bytes.HasPrefix(line, sshPrefixes[0]) || bytes.HasPrefix(line, sshPrefixes[1])
}

// sshMaySpeak tells whether a version line may still come of this.
func sshMaySpeak(got []byte) bool {
	for _, p := range sshPrefixes {
		n := min(len(p), len(got))
		if bytes.Equal(p[:n], got[:n]) && bytes.IndexByte(got, '\n') < 0 {
			return true
		}
	}
	return false
}

// notSSH records what somebody said who speaks something else, and answers as
// servers do.
func (p *sshPot) notSSH(c *Conn, h *sshHelloBuffer) {
	if h.n == 0 {
		return
	}
	c.Event("session.data").Number("length", int64(h.n)).Bytes("payload", h.buf[:h.n]).Send()
	if bytes.HasPrefix(h.buf[:h.n], []byte("SSH-1")) {
		_, _ = c.Write([]byte("Protocol major versions differ.\n"))
		return
	}
	if sshIsOpen(p.version) {
		_, _ = c.Write([]byte("Invalid SSH identification string.\r\n"))
	}
}

// admit goes on with a client that speaks SSH, if there is room for it.
func (p *sshPot) admit(c *Conn, h *sshHelloBuffer) {
	defer p.open.Add(-1)
	if p.open.Add(1) > int64(max(c.l.limits().Conns/sshShare, 1)) {
		c.Event("session.limit").String("limit", "sessions").Send()
		return
	}
	p.once.Do(func() {
		p.budget = shell.NewBudget(int64(c.l.limits().Conns) * sshMemory)
		p.keys.load(p.setConfig)
	})
	l := newSSHLink(p, c, h.buf[:h.n])
	defer l.leave()
	l.serve()
}
