package pots

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"forager/pots/shell"

	"golang.org/x/crypto/ssh"
)

// What attackers make a pot hold, and do not take, is the budget's, and comes
// back to it.

// heldConns is how many connections the nodes of these tests may have.
const heldConns = 64

// sshHeldNode is a node with a client that has logged in, and the budget of
// its pot.
func sshHeldNode(t *testing.T) (*node, *ssh.Client, *shell.Budget) {
	t.Helper()
	n := newNode(t, Config{Limits: Limits{Conns: heldConns}}).run()
	c := n.sshLogin(n.pots(sshLine + "accept=any"))
	t.Cleanup(func() { c.Close() })
	return n, c, n.m.all()[0].handler.(*sshPot).budget
}

func sshHeldEnd(n *node, c *ssh.Client, b *shell.Budget) {
	n.t.Helper()
	c.Close()
	n.closed()
	if got := b.Left(); got != heldConns*sshMemory {
		n.t.Errorf("%d bytes left at the end, of %d", got, heldConns*sshMemory)
	}
}

// TestSSHHeldFiles: the open files of SFTP.
func TestSSHHeldFiles(t *testing.T) {
	n, c, b := sshHeldNode(t)
	ch, reqs, err := c.OpenChannel("session", nil)
	mustNot(t, err)
	go ssh.DiscardRequests(reqs)
	if ok, err := ch.SendRequest("subsystem", true, []byte("\x00\x00\x00\x04sftp")); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_, _ = ch.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3})
	s := &sftpClient{t: t, ch: ch}
	s.next()
	given, last := 0, ""
	for range 8 {
		kind, body := s.ask(3, "/dev/zero", 1, 0)
		if kind != 102 {
			t.Fatalf("%d %q", kind, body)
		}
		if kind, _ = s.ask(5, string(body[4:]), uint64(0), 1); kind == 103 {
			given, last = given+1, string(body[4:])
		}
	}
	if most := heldConns * sshMemory / (128 << 10); given == 0 || given > most {
		t.Errorf("%d files of 128 KB, there is memory for %d", given, most)
	}
	before := b.Left()
	s.ask(4, last)
	if got := b.Left() - before; got < 128<<10 {
		t.Errorf("%d bytes came back", got)
	}
	sshHeldEnd(n, c, b)
}

// TestSSHHeldCopy: what scp gives, while the client waits.
func TestSSHHeldCopy(t *testing.T) {
	n, c, b := sshHeldNode(t)
	const size = 100 << 10
	scp := func(how string) (io.Writer, io.Reader) {
		t.Helper()
		s, err := c.NewSession()
		mustNot(t, err)
		in, _ := s.StdinPipe()
		out, _ := s.StdoutPipe()
		mustNot(t, s.Start("scp "+how+" /tmp/bot"))
		return in, out
	}
	hear := func(out io.Reader, want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(out, got); string(got) != want {
			t.Fatalf("%.100q %v, want %.100q", got, err, want)
		}
	}
	in, out := scp("-t")
	fmt.Fprintf(in, "C0644 %d bot\n%s\x00", size, make([]byte, size))
	hear(out, "\x00\x00\x00")
	in.(io.Closer).Close()
	n.until("ssh.session.file_upload")
	_, _ = io.Copy(io.Discard, out)

	rest := b.Left()
	b.Take(rest)
	_, out = scp("-f")
	hear(out, "\x01scp: /tmp/bot: Cannot allocate memory\n")
	_, _ = io.Copy(io.Discard, out)
	b.Give(rest)
	in, out = scp("-f")
	_, _ = in.Write([]byte{0})
	hear(out, fmt.Sprintf("C0644 %d bot\n", size))
	if held := rest - b.Left(); held < size {
		t.Errorf("%d bytes held", held)
	}
	_, _ = in.Write([]byte{0})
	hear(out, string(make([]byte, size+1)))
	_, _ = in.Write([]byte{0})
	_, _ = io.Copy(io.Discard, out)
	if b.Left() != rest {
		t.Errorf("%d bytes are still held", rest-b.Left())
	}
	sshHeldEnd(n, c, b)
}

// TestSSHHeldLine: a line without an end.
func TestSSHHeldLine(t *testing.T) {
	n, c, b := sshHeldNode(t)
	all := b.Left()
	s, err := c.NewSession()
	mustNot(t, err)
	in, err := s.StdinPipe()
	mustNot(t, err)
	mustNot(t, s.Shell())
	_, err = io.Copy(in, bytes.NewReader(make([]byte, 60<<10)))
	mustNot(t, err)
	await(t, "a loan", func() bool { return b.Left() == all-60<<10 })
	sshHeldEnd(n, c, b)
}
