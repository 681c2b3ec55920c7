package nettest

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A node whose power fails sends neither FIN nor RST, and the strict Core
// would wait for it for ever. The node that comes back dials from the same
// port, and Core's kernel itself finds the old socket dead (RFC 5961
// section 4).
func TestPowerCutFreesCore(t *testing.T) {
	for _, dialect := range []string{"spec", "core"} {
		t.Run(dialect, func(t *testing.T) {
			l := newLab(t)
			core := l.startCore(map[string][]string{"core": {"-strict"}}[dialect]...)
			state := t.TempDir()
			node := l.startNode(state, "-core-dialect", dialect)
			core.await("NodeRegistration", "4711")
			core.await("NodeStatusUpdate", "Running")
			before := l.peers()
			if len(before) != 1 {
				t.Fatalf("connections at Core: %q", before)
			}
			l.cutPower(node)
			if now := l.peers(); len(now) != 1 || now[0] != before[0] {
				t.Fatalf("Core noticed the power cut: %q, before %q: nothing is tested", now, before)
			}
			wire := l.tap()
			l.startNode(state, "-core-dialect", dialect)
			core.await("NodeRegistration", "4711")
			core.await("NodeStatusUpdate", "Running")
			l.feed(1, 20, 0)
			core.numbers(20)
			if now := l.peers(); len(now) != 1 || now[0] != before[0] {
				t.Errorf("connections at Core after: %q, want %q alone", now, before)
			}
			wire.mustShow(t, "node SYN", "core ACK", "node RST", "node SYN", "core SYN ACK", "node ACK")
		})
	}
}

// peers lists the other ends of Core's established connections.
func (l *lab) peers() (addrs []string) {
	out := l.in(l.core, "ss", "-Htn", "state", "established", "sport", "=", ":9001")
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) >= 4 {
			addrs = append(addrs, f[3])
		}
	}
	return addrs
}

// outage is longer than a kernel delays an acknowledgement (TCP_DELACK_MAX of
// net/tcp.h, 200 ms): one that came after the new host is there would be
// answered with a reset, and Core would not be stuck any more.
const outage = 300 * time.Millisecond

// cutPower takes the node's host away, with all its kernel knew, before the
// node can say a word, and puts a fresh one in its place.
func (l *lab) cutPower(node *process) {
	l.t.Helper()
	l.ip("-n", l.core, "link", "del", "cable")
	node.kill()
	l.ip("netns", "del", l.node)
	time.Sleep(outage)
	l.addNode()
}

// tap records the TCP segments on the cable, seen from Core's host.
type tap struct {
	mu   sync.Mutex
	seen []string
}

// tap opens a packet socket in Core's namespace (packet(7)). The namespace is
// the thread's, so the thread is kept, and not given back to others.
func (l *lab) tap() *tap {
	l.t.Helper()
	w, ready := new(tap), make(chan error)
	go func() {
		runtime.LockOSThread()
		fd, err := openTap("/run/netns/" + l.core)
		ready <- err
		if err == nil {
			w.read(fd)
		}
	}()
	if err := <-ready; err != nil {
		l.t.Fatal(err)
	}
	return w
}

func openTap(ns string) (int, error) {
	n, err := unix.Open(ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", ns, err)
	}
	defer unix.Close(n)
	if err := unix.Setns(n, unix.CLONE_NEWNET); err != nil {
		return 0, fmt.Errorf("setns: %w", err)
	}
	// Only a socket for all protocols sees what its own host sends.
	proto := int(binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL & 0xff}))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return 0, fmt.Errorf("packet socket: %w", err)
	}
	all := unix.SockaddrLinklayer{Protocol: uint16(proto)}
	tv := unix.Timeval{Sec: 5}
	if err := unix.Bind(fd, &all); err != nil {
		return 0, fmt.Errorf("bind: %w", err)
	}
	return fd, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
}

// read records until five seconds pass without a packet.
func (w *tap) read(fd int) {
	defer unix.Close(fd)
	b := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil {
			return
		}
		if s := segment(b[:n]); s != "" {
			w.mu.Lock()
			w.seen = append(w.seen, s)
			w.mu.Unlock()
		}
	}
}

// segment names a TCP segment between the two hosts: who sent it, and its
// flags (RFC 9293 section 3.1).
func segment(p []byte) string {
	if len(p) < 20 || p[0]>>4 != 4 || p[9] != unix.IPPROTO_TCP {
		return ""
	}
	head := int(p[0]&15) * 4
	if len(p) < head+20 {
		return ""
	}
	who := map[string]string{coreAddr: "core", nodeAddr: "node"}[net.IP(p[12:16]).String()]
	if who == "" {
		return ""
	}
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK"} {
		if p[head+13]&(1<<i) != 0 {
			who += " " + name
		}
	}
	return who
}

// mustShow checks that the recorded segments begin with these.
func (w *tap) mustShow(t *testing.T, want ...string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		seen := append([]string(nil), w.seen...)
		w.mu.Unlock()
		if len(seen) >= len(want) || time.Now().After(end) {
			t.Logf("on the cable: %s", strings.Join(seen[:min(len(seen), 12)], ", "))
			for i := range want {
				if i >= len(seen) || seen[i] != want[i] {
					t.Fatalf("segments %q, want them to begin with %q", seen[:min(len(seen), 12)], want)
				}
			}
			return
		}
	}
}
