package pots

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"forager/pots/adbwire"
	"forager/pots/persona"
	"forager/pots/shell"
)

// Limits of the ADB pot, what we chose.
const (
	adbBuffer  = 512              // bytes read at once
	adbStreams = 16               // open at once
	adbOpens   = 1000             // in all
	adbRaw     = 1024             // bytes kept of a client that does not speak ADB
	adbIdle    = 90 * time.Second // of silence, at most Limits.Idle
	adbText    = 512              // bytes of banner=
	adbKeys    = 10               // signatures and keys that a client may offer
	adbMemory  = 8 << 10          // bytes a connection adds to what all streams may hold
)

// adbDefault is the device of a persona that is none: a television box.
const adbDefault = "device::ro.product.name=p212;ro.product.model=TV BOX;ro.product.device=p212;"

func init() {
	Register(Type{
		Name: "adb",
		Port: 5555,
		Help: "banner= of the device (the persona's); auth= none or key: whether the client must show a key (none); shell-download= fail or fake (fail)",
		New:  newADB,
	})
}

// adbPot is Android's adbd as many devices have it, open to the network.
type adbPot struct {
	device *persona.Persona
	banner []byte
	auth   bool
	fake   bool

	once   sync.Once
	budget *shell.Budget // from once on
}

func newADB(s *Setup) (Handler, error) {
	t, err := persona.Load(s.Persona, "")
	if err != nil {
		return nil, err
	}
	p := &adbPot{device: t.For(s.NodeID)}
	o := s.Options
	p.banner = append([]byte(o.String("banner", orName(p.device.ADB, adbDefault), adbText)), 0)
	auth := o.String("auth", "none", maxValue)
	if p.auth = auth == "key"; !p.auth && auth != "none" {
		o.Fail("auth", "want none or key, not "+quote(auth))
	}
	download := o.String("shell-download", "fail", maxValue)
	if p.fake = download == "fake"; !p.fake && download != "fail" {
		o.Fail("shell-download", "want fail or fake, not "+quote(download))
	}
	return p, nil
}

// adbState is how far a connection is.
type adbState uint8

const (
	adbNew    adbState = iota // nothing but CNXN is welcome
	adbAsked                  // a key is wanted
	adbOnline                 // streams can be opened
)

// errADBOver ends a connection from our side.
var errADBOver = errors.New("adb: over")

// adbSession is one client. Its streams' shells have goroutines of their own;
// mu covers what they share with it.
type adbSession struct {
	p      *adbPot
	c      *Conn
	state  adbState
	dec    adbwire.Decoder
	buf    [adbBuffer]byte
	raw    []byte // the first bytes, while it is not known what they are
	rawLen int64
	opens  int
	keys   int
	max    int // bytes of data that the client takes in a message

	mu      sync.Mutex
	streams map[uint32]*adbStream
	held    int // bytes of the budget that wait for the client, on all streams
	shells  connShells
	wg      sync.WaitGroup
	out     []byte
}

var adbSessions = sync.Pool{New: func() any { return new(adbSession) }}

// Serve reads messages until the connection ends, and then waits for what the
// streams still do.
func (p *adbPot) Serve(c *Conn) {
	c.SetIdle(adbIdle)
	s := adbSessions.Get().(*adbSession)
	s.p, s.c, s.max = p, c, adbwire.MaxData
	defer s.recycle()
	defer s.wg.Wait() // end does, unless it has a bug
	defer s.end()
	for {
		n, err := c.Read(s.buf[:])
		if err != nil || s.take(s.buf[:n]) != nil {
			return
		}
	}
}

// recycle gives the session back with its smallest buffer. It builds no session
// on the stack, which would be Serve's while it waits.
func (s *adbSession) recycle() {
	raw := s.raw[:0]
	*s = adbSession{}
	s.raw = raw
	adbSessions.Put(s)
}

// take handles what came in one read.
func (s *adbSession) take(p []byte) error {
	if s.state == adbNew {
		s.rawLen += int64(len(p))
		s.raw = append(s.raw, p[:min(len(p), adbRaw-len(s.raw))]...)
	}
	return s.dec.Feed(p, s.message)
}

// end closes every stream and tells of a client that never said CNXN.
func (s *adbSession) end() {
	ours := s.c.ended.Load() == 0
	s.c.interrupt(reasonClient) // whoever waits for the client to take something waits no more
	s.shut()
	s.wg.Wait()
	if ours {
		s.c.ended.Store(uint32(reasonNone))
	}
	s.shells.close()
	if s.state == adbNew && s.rawLen > 0 {
		s.c.Event("session.data").Number("length", s.rawLen).Bytes("payload", s.raw).Send()
	}
}

func (s *adbSession) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		st.shut()
	}
}

// message handles one message.
func (s *adbSession) message(m *adbwire.Message) error {
	switch m.Command {
	case adbwire.CNXN:
		return s.connect(m)
	case adbwire.AUTH:
		return s.authenticate(m)
	}
	if s.state != adbOnline {
		if s.state == adbNew {
			return errADBOver // adbd ignores it; there is nothing to learn by waiting
		}
		return nil
	}
	switch m.Command {
	case adbwire.OPEN:
		return s.open(m)
	case adbwire.OKAY, adbwire.WRTE, adbwire.CLSE:
		s.onStream(m)
	}
	return nil
}

// connect answers CNXN: with our own, or by asking for a key.
func (s *adbSession) connect(m *adbwire.Message) error {
	if s.state != adbNew {
		return nil
	}
	s.max = int(min(max(m.Arg1, 256), adbwire.MaxData)) // more would only need larger buffers
	e := s.c.Event("client.version").Bytes("version", bytes.TrimRight(m.Data, "\x00")).
		String("protocol_version", "0x"+strconv.FormatUint(uint64(m.Arg0), 16)).Number("maxdata", int64(m.Arg1))
	if m.BadSum && m.Arg0 < adbwire.VersionSum {
		e.String("checksum", "wrong")
	}
	e.Send()
	s.shells.start(s.c, shell.Config{Persona: s.p.device, Budget: s.p.memory(s.c), Fake: s.p.fake, User: "root"})
	if s.p.auth {
		s.state = adbAsked
		return s.askKey()
	}
	return s.welcome()
}

// memory is what the shells of all connections may hold.
func (p *adbPot) memory(c *Conn) *shell.Budget {
	p.once.Do(func() { p.budget = shell.NewBudget(int64(c.l.limits().Conns) * adbMemory) })
	return p.budget
}

func (s *adbSession) budget() *shell.Budget { return s.shells.base.Budget }

func (s *adbSession) welcome() error {
	s.state = adbOnline
	return s.send(adbwire.CNXN, adbwire.Version, adbwire.MaxData, s.p.banner)
}

// askKey sends a token to be signed (protocol.txt, AUTH).
func (s *adbSession) askKey() error {
	if s.keys++; s.keys > adbKeys {
		return errADBOver
	}
	var token [20]byte
	_, _ = rand.Read(token[:]) // never fails
	return s.send(adbwire.AUTH, adbwire.AuthToken, 0, token[:])
}

// authenticate takes what the client has to show. No signature is known here,
// and the owner of the device always agrees to a new key.
func (s *adbSession) authenticate(m *adbwire.Message) error {
	if s.state != adbAsked {
		return nil
	}
	switch m.Arg0 {
	case adbwire.AuthSignature:
		return s.askKey()
	case adbwire.AuthPublicKey:
		key, name, _ := strings.Cut(strings.TrimRight(string(m.Data), "\x00\n"), " ")
		sum := sha256.Sum256([]byte(key))
		s.c.l.inst.count.logins.Add(1)
		s.c.Event("login.success").Bytes("username", []byte(name)).String("method", "publickey").
			String("type", "adb-rsa").String("fingerprint", hex.EncodeToString(sum[:])).Send()
		return s.welcome()
	}
	return nil
}

// send writes a message.
func (s *adbSession) send(command, arg0, arg1 uint32, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sendLocked(command, arg0, arg1, data)
}

func (s *adbSession) sendLocked(command, arg0, arg1 uint32, data []byte) error {
	s.out = adbwire.Append(s.out[:0], command, arg0, arg1, data)
	_, err := s.c.Write(s.out)
	return err
}
