package pots

import (
	"encoding/binary"
	"io"
	"strings"
	"sync"
	"time"

	"forager/pots/shell"

	"golang.org/x/crypto/ssh"
)

// Limits of a connection that has logged in, what we chose.
const (
	sshChannels   = 10               // open at once (OpenSSH's MaxSessions)
	sshOpened     = 500              // in all
	sshRequests   = 1000             // global requests
	sshFirstBytes = 4 << 10          // read of a forwarded connection
	sshFirstWait  = 10 * time.Second // for them
	sshMaxType    = 64               // bytes of a channel's or request's type in an event
)

// serve speaks SSH until the connection ends and nothing of it runs.
func (l *sshLink) serve() {
	conn, chans, reqs, err := ssh.NewServerConn(l, l.p.config.Load())
	if err != nil {
		l.bye = saidBye(err)
		return // its events are told, and its end will be
	}
	l.in.Store(true)
	l.shells.start(l.c, shell.Config{Persona: l.p.device, Budget: l.p.budget, Fake: l.p.fake, User: conn.User()})
	var wg sync.WaitGroup
	defer l.drain(chans, &wg)
	l.c.guarded(&wg, func() {
		defer ssh.DiscardRequests(reqs) // none is left, unless global has a bug
		l.global(reqs)
	})
	opened := 0
	for nc := range chans {
		if opened++; opened > sshOpened {
			_ = l.Close()
		}
		l.channel(nc, &wg)
	}
	l.bye = saidBye(conn.Wait())
}

// drain ends the connection, whatever it ends with, and waits until nothing of
// it runs. x/crypto/ssh stands still while somebody does not take its channels.
func (l *sshLink) drain(chans <-chan ssh.NewChannel, wg *sync.WaitGroup) {
	_ = l.Close()
	for range chans {
	}
	wg.Wait()
	l.shells.close()
}

// saidBye tells whether a connection ended with the client's SSH_MSG_DISCONNECT
// (RFC 4253 section 11.1), for which x/crypto/ssh has no exported error.
func saidBye(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "ssh: disconnect, reason")
}

// global answers requests that belong to no channel: none is granted.
func (l *sshLink) global(reqs <-chan *ssh.Request) {
	n := 0
	for r := range reqs {
		if n++; n > sshRequests {
			_ = l.Close()
		}
		if r.Type == "tcpip-forward" {
			f := sshFields{r.Payload}
			host, port := f.text(), f.number()
			l.c.Event("tcpip-forward.request").Bytes("bind_host", host).Number("bind_port", int64(port)).Send()
		}
		l.consumed(len(r.Payload), false)
		_ = r.Reply(false, nil)
	}
}

// channel takes or refuses a new channel.
func (l *sshLink) channel(nc ssh.NewChannel, wg *sync.WaitGroup) {
	l.consumed(len(nc.ExtraData()), false)
	if l.chans.Load() >= sshChannels {
		_ = nc.Reject(ssh.ResourceShortage, "no more sessions")
		return
	}
	var serve func(ssh.Channel)
	switch nc.ChannelType() {
	case "session":
		l.session(nc, wg)
		return
	case "direct-tcpip":
		serve = l.forward(nc.ExtraData())
	}
	if serve == nil {
		kind := nc.ChannelType()
		l.c.Event("channel.refused").Bytes("type", []byte(kind[:min(len(kind), sshMaxType)])).Send()
		_ = nc.Reject(ssh.UnknownChannelType, "unknown channel type")
		return
	}
	ch, reqs, err := nc.Accept()
	if err != nil {
		return
	}
	l.chans.Add(1)
	l.c.guarded(wg, func() {
		defer l.chans.Add(-1)
		l.discard(ch.Stderr(), wg)
		l.c.guarded(wg, func() { ssh.DiscardRequests(reqs) })
		serve(ch)
		_, _ = io.Copy(io.Discard, sshReader{ch, l}) // until the client closes too
	})
}

// forward records where a client wants to be connected to (RFC 4254 section
// 7.2), and returns what serves the channel: what comes first is recorded, and
// then the other side "hangs up". nil if the request makes no sense.
func (l *sshLink) forward(extra []byte) func(ssh.Channel) {
	f := sshFields{extra}
	host, port, from, fromPort := f.text(), f.number(), f.text(), f.number()
	if len(host) == 0 || port > 65535 {
		return nil
	}
	tell := func(what string) *Event {
		return l.c.Event(what).Bytes("target_host", host).Number("target_port", int64(port))
	}
	tell("direct-tcpip.request").Bytes("originator_ip", from).Number("originator_port", int64(fromPort)).Send()
	return func(ch ssh.Channel) {
		t := time.AfterFunc(sshFirstWait, func() { _ = ch.Close() })
		defer t.Stop()
		buf := make([]byte, sshFirstBytes)
		n, _ := sshReader{ch, l}.Read(buf)
		if n > 0 {
			tell("direct-tcpip.data").Number("length", int64(n)).Bytes("data", buf[:n]).Send()
		}
		_ = ch.CloseWrite()
		_ = ch.Close()
	}
}

// discard reads what nobody wants.
func (l *sshLink) discard(r io.Reader, wg *sync.WaitGroup) {
	l.c.guarded(wg, func() { _, _ = io.Copy(io.Discard, sshReader{r, l}) })
}

// sshReader reads a channel's stream and tells the link.
type sshReader struct {
	r io.Reader
	l *sshLink
}

func (r sshReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.l.consumed(n, n < len(p))
	}
	return n, err
}

// sshFields reads the fields of a request (RFC 4251 section 5). What is missing
// is empty.
type sshFields struct{ b []byte }

func (f *sshFields) number() uint32 {
	if len(f.b) < 4 {
		f.b = nil
		return 0
	}
	n := binary.BigEndian.Uint32(f.b)
	f.b = f.b[4:]
	return n
}

func (f *sshFields) text() []byte {
	n := f.number()
	if uint64(n) > uint64(len(f.b)) {
		f.b = nil
		return nil
	}
	s := f.b[:n]
	f.b = f.b[n:]
	return s
}
