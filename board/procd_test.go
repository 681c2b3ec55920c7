package board

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Frames written down by hand from ubusmsg.h, blob.h and blobmsg.h.
const (
	helloFrame = "00 00 0000 1a2b3c4d 00000004"
	// seq, for the object "service".
	lookupFrame = "00 04 %s 00000000 00000010" + "0200000c 7365727669636500"
	// seq, mode: watchdog of object 0x5ca1ab1e for forager/forager, 60 s.
	watchdogFrame = "00 05 %s 5ca1ab1e 00000070" + "03000008 5ca1ab1e" + "0400000d 7761746368646f67 00000000" + "07000054" +
		"83000014 0004 6e616d65 00 00 666f726167657200" + "83000018 0008 696e7374616e6365 00 00 666f726167657200" +
		"85000010 0004 6d6f6465 00 00 %s" + "85000014 0007 74696d656f7574 00 0000 0000003c"
	// What ubusd answers a lookup with: path, id, type, a signature.
	objectFrame = "00 02 %s 00000000 00000038" + "0200000c 7365727669636500" + "03000008 5ca1ab1e" + "05000008 00000007" +
		"06000018 82000014 0008 7761746368646f67 00 00 00000000"
	replyFrame  = "00 02 %s 5ca1ab1e 00000010 03000008 5ca1ab1e 07000004"
	statusFrame = "00 01 %s 5ca1ab1e 0000000c 01000008 %s"
)

func frame(t testing.TB, pattern string, with ...string) []byte {
	t.Helper()
	for _, w := range with {
		pattern = strings.Replace(pattern, "%s", w, 1)
	}
	b, err := hex.DecodeString(strings.ReplaceAll(pattern, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exchange is a request that must come, byte for byte, and what is answered.
type exchange struct{ want, answer []byte }

// fakeUbusd serves one connection after the other with the exchanges of each,
// and closes it then.
type fakeUbusd struct {
	t    *testing.T
	l    net.Listener
	m    Machine
	wg   sync.WaitGroup
	plan [][]exchange
}

func newUbusd(t *testing.T, plan ...[]exchange) *fakeUbusd {
	t.Helper()
	m := root(t, map[string]string{"etc/openwrt_release": "", "var/run/ubus/x": ""})
	l, err := net.Listen("unix", m.path(ubusSocket))
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeUbusd{t: t, l: l, m: m, plan: plan}
	f.wg.Go(f.serve)
	t.Cleanup(func() { l.Close(); f.wg.Wait() })
	return f
}

func (f *fakeUbusd) serve() {
	for i, plan := range f.plan {
		c, err := f.l.Accept()
		if err != nil {
			f.t.Errorf("connection %d does not come: %v", i+1, err)
			return
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = c.Write(frame(f.t, helloFrame))
		for j, x := range plan {
			got := make([]byte, len(x.want))
			if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, x.want) {
				f.t.Errorf("connection %d, request %d: got\n%x, %v, want\n%x", i+1, j+1, got, err, x.want)
			}
			_, _ = c.Write(x.answer)
		}
		c.Close()
	}
	f.l.Close()
}

func lookedUp(t *testing.T, seq string) exchange {
	return exchange{frame(t, lookupFrame, seq), append(frame(t, objectFrame, seq), frame(t, statusFrame, seq, "00000000")...)}
}

func watched(t *testing.T, seq, mode, status string) exchange {
	return exchange{frame(t, watchdogFrame, seq, mode), append(frame(t, replyFrame, seq), frame(t, statusFrame, seq, status)...)}
}

func TestProcd(t *testing.T) {
	late := watched(t, "0003", "00000001", "00000000")
	late.answer = append(frame(t, statusFrame, "0002", "00000009"), late.answer...) // an answer that is not ours
	f := newUbusd(t,
		[]exchange{lookedUp(t, "0001"), watched(t, "0002", "00000001", "00000000"), late},
		// ubusd starts anew, and procd stays
		[]exchange{lookedUp(t, "0001"), watched(t, "0002", "00000001", "00000000"), watched(t, "0003", "00000000", "00000000")},
	)
	p, err := FindProcd(f.m)
	if err != nil {
		t.Fatal(err)
	}
	if p.Every() != 30*time.Second || p.Name() != "procd" {
		t.Errorf("%s every %v", p.Name(), p.Every())
	}
	for range 2 {
		if err := p.Feed(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// The next program goes on with the connection of this one.
func TestProcdIsLeft(t *testing.T) {
	f := newUbusd(t, []exchange{
		lookedUp(t, "0001"), watched(t, "0002", "00000001", "00000000"), watched(t, "0003", "00000001", "00000000"),
		lookedUp(t, "8001"), watched(t, "8002", "00000001", "00000000"),
	})
	p, err := FindProcd(f.m)
	if err != nil {
		t.Fatal(err)
	}
	open := make(map[string]*os.File)
	p.Leave(open)
	left := open[procdName]
	if left == nil {
		t.Fatal("nothing is left")
	}
	bus, err := adoptUbus(left)
	if err != nil {
		t.Fatal(err)
	}
	next := &Procd{path: p.path, bus: bus}
	if err := next.Feed(); err != nil {
		t.Error(err)
	}
	p.drop()
	next.drop()
}

func TestProcdRefuses(t *testing.T) {
	tests := []struct {
		name string
		plan []exchange
		want string
	}{
		{"closes", nil, ""},
		{"no such object", []exchange{{frame(t, lookupFrame, "0001"), frame(t, statusFrame, "0001", "00000004")}}, "ubus: not found"},
		{"object without an id", []exchange{{frame(t, lookupFrame, "0001"), frame(t, statusFrame, "0001", "00000000")}}, "malformed"},
		{"an older procd", []exchange{lookedUp(t, "0001"), watched(t, "0002", "00000001", "00000003")}, "ubus: method not found"},
		{"not root", []exchange{lookedUp(t, "0001"), watched(t, "0002", "00000001", "00000006")}, "ubus: permission denied"},
		{"a status from the future", []exchange{lookedUp(t, "0001"), watched(t, "0002", "00000001", "000000ff")}, "ubus: status 255"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plans := [][]exchange{tt.plan}
			if tt.plan == nil {
				plans = append(plans, nil) // it is tried twice
			}
			if strings.HasPrefix(tt.want, "malformed") {
				plans = append(plans, tt.plan)
			}
			p, err := FindProcd(newUbusd(t, plans...).m)
			if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "procd does not watch this node: ") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	if p, err := FindProcd(Machine{Root: t.TempDir()}); p != nil || err != nil {
		t.Errorf("no OpenWrt: %v, %v", p, err)
	}
	m := root(t, map[string]string{"etc/openwrt_release": ""})
	if p, err := FindProcd(m); p != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no bus: %v, %v", p, err)
	}
	if _, err := os.Stat(filepath.Join(m.Root, "var")); err == nil {
		t.Error("made something")
	}
}

// FuzzUbus reads answers of any form: whatever they are, it ends, and no value
// is longer than what came.
func FuzzUbus(f *testing.F) {
	for _, pattern := range []string{helloFrame, objectFrame, replyFrame, statusFrame, "00 01 0001 00000000 00ffffff", "00 02 0001 00000000 00000008 02000003"} {
		f.Add(frame(f, strings.ReplaceAll(pattern, "%s", "00000001")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, c := net.Pipe()
		defer a.Close()
		go func() {
			_, _ = c.Write(b)
			c.Close()
		}()
		_ = a.SetDeadline(time.Now().Add(5 * time.Second))
		u := &ubus{conn: a}
		for {
			_, _, body, err := u.read()
			if err != nil {
				return
			}
			total := 0
			if eachBlob(body, func(_ uint32, value []byte) { total += blobHeader + len(value) }) == nil && total > len(body) {
				t.Errorf("%d bytes of attributes in %d", total, len(body))
			}
		}
	})
}

// The bytes are big-endian and padded on every machine.
func TestBlob(t *testing.T) {
	for name, want := range map[string]string{"": "", "a": "010000056100000001000005 61 000000", "abcd": "0100000861626364 0100000861626364"} {
		b := appendBlob(nil, 1, []byte(name))
		if name == "" {
			if binary.BigEndian.Uint32(b) != 0x01000004 || len(b) != 4 {
				t.Errorf("empty: %x", b)
			}
			continue
		}
		if b = appendBlob(b, 1, []byte(name)); !bytes.Equal(b, frame(t, want)) {
			t.Errorf("%q: got %x, want %s", name, b, want)
		}
	}
}
