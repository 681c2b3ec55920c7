package pots

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"forager/conn/wire"
	"forager/pots/hassh"
)

// Limits of what a client may have sent that nobody has read yet.
const (
	// sshHeld is how many bytes may wait in the channels of a connection.
	// Without it x/crypto/ssh would keep 2 MiB a channel.
	sshHeld = 512 << 10
	// sshPacket is about what a packet costs on the wire beside its data:
	// header, padding, MAC.
	sshPacket = 64
	// sshPause is how long a client waits that has sent too much.
	sshPause = 10 * time.Second
)

// sshLink is the connection as x/crypto/ssh sees it: a net.Conn. It hears the
// client's first packet, holds back a client that sends more than is read, and
// stands between that package's goroutines, which may outlive Serve for a
// moment, and the Conn, which must not be used after it.
type sshLink struct {
	p *sshPot

	gate sync.RWMutex // held to read while c is used, to write when it goes
	c    *Conn        // nil when Serve is over

	pre      []byte // what came before x/crypto/ssh read: the version line
	greeted  bool   // the version line was "written"
	tap      hassh.Tap
	failures int // refused logins
	grace    time.Duration
	in       atomic.Bool // logged in
	ours     atomic.Bool // this side closed it
	bye      bool        // because the client had said that it goes
	last     atomic.Bool // the next write is the last

	mu     sync.Mutex
	room   *sync.Cond
	held   int64
	gone   bool
	shells connShells
	chans  atomic.Int32 // open channels
}

func newSSHLink(p *sshPot, c *Conn, pre []byte) *sshLink {
	l := &sshLink{p: p, c: c, pre: append([]byte(nil), pre...), grace: c.start + sshGrace}
	l.room = sync.NewCond(&l.mu)
	return l
}

// Read gives what the client sends.
func (l *sshLink) Read(b []byte) (int, error) {
	if len(l.pre) > 0 {
		n := copy(b, l.pre)
		if l.pre = l.pre[n:]; len(l.pre) == 0 {
			l.pre = nil
		}
		return n, nil
	}
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.c == nil || l.ours.Load() || !l.wait() {
		return 0, io.EOF
	}
	n, err := l.c.Read(b)
	if l.ours.Load() { // what came too late comes again, in another connection
		return 0, io.EOF
	}
	if n > 0 {
		l.hear(b[:n])
		l.account(n)
	}
	if err == nil && !l.in.Load() && l.c.l.now() > l.grace {
		l.c.end(reasonLifetime)
		return 0, io.EOF
	}
	return n, err
}

// wait holds the reader back while too much is unread. It says no when that
// takes too long.
func (l *sshLink) wait() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held <= sshHeld {
		return !l.gone
	}
	late := false
	t := time.AfterFunc(l.p.pause, func() {
		l.mu.Lock()
		late = true
		l.mu.Unlock()
		l.room.Broadcast()
	})
	defer t.Stop()
	for l.held > sshHeld && !l.gone && !late {
		l.room.Wait()
	}
	if late {
		l.c.end(reasonBytes)
	}
	return !l.gone && !late
}

// account notes bytes that were read from the wire.
func (l *sshLink) account(n int) {
	if l.in.Load() {
		l.mu.Lock()
		l.held += int64(n)
		l.mu.Unlock()
	}
}

// consumed notes bytes that were read from a channel; all says that it is
// empty now.
func (l *sshLink) consumed(n int, all bool) {
	l.mu.Lock()
	was := l.held
	if l.held -= int64(n) + sshPacket; l.held < 0 || all && l.chans.Load() <= 1 {
		l.held = 0
	}
	now := l.held
	l.mu.Unlock()
	if was > sshHeld && now <= sshHeld {
		l.room.Broadcast()
	}
}

// hear looks for the client's KEXINIT. The version line stands before it.
func (l *sshLink) hear(p []byte) {
	if !l.greeted || l.tap.Done() {
		return
	}
	defer l.c.contain() // the goroutine is x/crypto/ssh's
	payload, found, err := l.tap.Feed(p)
	if !found || err != nil {
		return
	}
	k, err := hassh.Parse(payload)
	if err != nil {
		return
	}
	e := l.c.Event("client.kex").String("hassh", k.Hash()).Bytes("hasshAlgorithms", k.AppendAlgorithms(nil))
	e.names("kexAlgs", k.Kex)
	e.names("keyAlgs", k.HostKey)
	e.names("encCS", k.CipherCS)
	e.names("macCS", k.MACCS)
	e.names("compCS", k.CompressCS)
	e.names("langCS", k.LangCS)
	e.Send()
}

// sshMaxNames is how many bytes of a list of names an event holds.
const sshMaxNames = 2048

// names adds a list of names as an array, or as one escaped text where it is
// not made of printable ASCII.
func (e *Event) names(key string, list []byte) {
	if len(list) > sshMaxNames {
		e.Number(key+"_length", int64(len(list)))
		list = list[:sshMaxNames]
	}
	for _, c := range list {
		if c < ' ' || c > '~' {
			e.Bytes(key, list)
			return
		}
	}
	array := []byte{'['}
	for name := range hassh.Names(list) {
		if len(array) > 1 {
			array = append(array, ',')
		}
		array = wire.AppendString(array, name)
	}
	e.data = wire.AppendRaw(e.data, key, append(array, ']'))
}

// Write takes what the server sends. The version line has been sent already.
func (l *sshLink) Write(b []byte) (int, error) {
	if !l.greeted {
		l.greeted = true
		l.hear(l.pre[bytes.IndexByte(l.pre, '\n')+1:])
		return len(b), nil
	}
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.c == nil || l.ours.Load() {
		return 0, net.ErrClosed
	}
	if !l.last.Load() {
		return l.c.Write(b)
	}
	l.ours.Store(l.c.ended.Load() == 0) // whatever the client does when it has read this
	n, err := l.c.Write(b)
	l.hangUp()
	return n, err
}

// Close is x/crypto/ssh's: it has enough.
func (l *sshLink) Close() error {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.c != nil {
		l.hangUp()
	}
	return nil
}

// hangUp ends the connection from our side. The caller holds the gate.
func (l *sshLink) hangUp() {
	l.mu.Lock()
	l.gone = true
	l.mu.Unlock()
	l.room.Broadcast()
	if l.c.ended.Load() == 0 {
		l.ours.Store(true)
	}
	_ = l.c.nc.Close()
}

// leave takes the connection away from whoever may still want to use it.
func (l *sshLink) leave() {
	_ = l.Close()
	l.gate.Lock()
	defer l.gate.Unlock()
	if l.ours.Load() { // what reads and writes found out afterwards is no reason
		why := reasonNone
		if l.bye {
			why = reasonClient
		}
		l.c.ended.Store(uint32(why))
	}
	l.c = nil
}

// sshAddr is the client's address, and the way from x/crypto/ssh's callbacks
// back to their connection: one configuration serves all.
type sshAddr struct {
	net.TCPAddr
	link *sshLink
}

// RemoteAddr is the client's.
func (l *sshLink) RemoteAddr() net.Addr { return &sshAddr{link: l} }

// LocalAddr is not used by the server.
func (l *sshLink) LocalAddr() net.Addr { return &net.TCPAddr{} }

// The Conn has its own deadlines.
func (l *sshLink) SetDeadline(time.Time) error      { return nil }
func (l *sshLink) SetReadDeadline(time.Time) error  { return nil }
func (l *sshLink) SetWriteDeadline(time.Time) error { return nil }
