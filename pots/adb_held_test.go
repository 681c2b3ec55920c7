package pots

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"forager/pots/adbwire"
	"forager/pots/shell"
)

// adbHeldNode is a node with a client, and the budget of its pot.
func adbHeldNode(t *testing.T) (*node, *adbPeer, *shell.Budget) {
	t.Helper()
	n := newNode(t, Config{Limits: Limits{Conns: heldConns}}).run()
	p := adbOnlinePeer(t, n, n.pots(adbLine))
	return n, p, n.m.all()[0].handler.(*adbPot).budget
}

func adbAsk(id, path string) string {
	return string(binary.LittleEndian.AppendUint32([]byte(id), uint32(len(path)))) + path
}

// end closes the connection, after which nothing may be held.
func (p *adbPeer) end(n *node, b *shell.Budget) {
	p.t.Helper()
	p.Close()
	n.closed()
	if got := b.Left(); got != heldConns*adbMemory {
		p.t.Errorf("%d bytes left at the end, of %d", got, heldConns*adbMemory)
	}
}

// TestADBManyAnswers: a message that asks for half a gigabyte ends its stream
// where the answers are more than may wait.
func TestADBManyAnswers(t *testing.T) {
	n, p, b := adbHeldNode(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	local, remote := p.open("sync:")
	one := adbAsk("RECV", "/dev/zero")
	p.put(adbwire.WRTE, local, remote, strings.Repeat(one, adbwire.MaxTaken/len(one)))
	p.want(adbwire.OKAY, "")
	p.want(adbwire.CLSE, "")
	runtime.ReadMemStats(&after)
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 8 {
		t.Errorf("%d MB", mb)
	}
	p.end(n, b)
}

// TestADBHeld: what a client does not acknowledge, on all its streams.
func TestADBHeld(t *testing.T) {
	n, p, b := adbHeldNode(t)
	local, remote := p.open("sync:")
	say := func(s string) {
		t.Helper()
		p.put(adbwire.WRTE, local, remote, s)
		p.want(adbwire.OKAY, "")
	}
	before := b.Left()
	say(adbAsk("RECV", "/dev/zero"))
	if m := p.next(); len(m.Data) != adbwire.MaxData {
		t.Errorf("%d bytes", len(m.Data))
	}
	if held := before - b.Left(); held < 128<<10 || held > adbHeld {
		t.Errorf("%d bytes held for a file", held)
	}
	first, firstRemote := local, remote
	local, remote = p.open("sync:")
	say(adbAsk("RECV", "/dev/zero"))
	p.want(adbwire.CLSE, "") // there is no room for two
	local, remote = p.open("sync:")
	say(adbAsk("RECV", "/etc/nothing") + "QUIT\x00\x00\x00\x00")
	if got := p.until(local, remote); !strings.HasPrefix(got, "FAIL") {
		t.Errorf("%q", got)
	}
	p.put(adbwire.OKAY, first, firstRemote, "")
	p.put(adbwire.WRTE, first, firstRemote, "QUIT\x00\x00\x00\x00")
	if rest := len(p.until(first, firstRemote)); rest != 128<<10+2*8+8-adbwire.MaxData {
		t.Errorf("%d more bytes of the file", rest)
	}
	p.end(n, b)
}

// TestADBNothingLeft: with an empty budget nothing large is held, and a shell
// still shows all it prints.
func TestADBNothingLeft(t *testing.T) {
	n, p, b := adbHeldNode(t)
	all := b.Left()
	b.Take(all)
	local, remote := p.open("sync:")
	p.put(adbwire.WRTE, local, remote, adbAsk("RECV", "/etc/passwd")+adbAsk("RECV", "/dev/zero"))
	p.want(adbwire.OKAY, "")
	if m := p.next(); !strings.Contains(string(m.Data), "Cannot allocate memory") || len(m.Data) > 100 {
		t.Errorf("%q", m.Data)
	}
	p.put(adbwire.CLSE, local, remote, "")
	p.want(adbwire.CLSE, "")
	b.Give(adbStep - 1) // for the command itself
	local, remote = p.open("exec:i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done")
	if got := p.until(local, remote); len(got) != 8893 || !strings.HasSuffix(got, "\n2000\n") {
		t.Errorf("%d bytes: %.20q", len(got), got)
	}
	local, remote = p.open("shell:sleep 20")
	p.put(adbwire.WRTE, local, remote, strings.Repeat("x", adbwire.MaxData+1))
	p.want(adbwire.CLSE, "")
	b.Give(all - adbStep + 1)
	p.end(n, b)
}

// TestADBUnread: what waits for a shell to read it, and lines without end.
func TestADBUnread(t *testing.T) {
	n, p, b := adbHeldNode(t)
	before := b.Left()
	local, remote := p.open("shell:sleep 20")
	p.put(adbwire.WRTE, local, remote, strings.Repeat("x", 60<<10))
	await(t, "a loan", func() bool { return b.Left() == before-60<<10 })
	before = b.Left()
	local, remote = p.open("shell,raw:")
	p.put(adbwire.WRTE, local, remote, strings.Repeat("x", 60<<10))
	p.want(adbwire.OKAY, "")
	await(t, "a loan", func() bool { return b.Left() == before-60<<10 })
	before = b.Left()
	local, remote = p.open("shell:") // it echoes, and waits while nobody looks
	p.put(adbwire.WRTE, local, remote, strings.Repeat("x", 60<<10))
	await(t, "a loan", func() bool { return b.Left() <= before-60<<10 })
	p.end(n, b)
}
