package process

import (
	"bytes"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A line of Linux 6.1 with a name that wants to be another process.
const statLine = "4242 (a) R 1 1) S 17 4240 4200 0 -1 4194560 853 0 0 0 12 34 5 6 30 10 7 0 123456 18446744073709551615 99 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n"

func TestParseStat(t *testing.T) {
	for _, bad := range []string{"", "1", "1 (", "1 (a", "1 a) S 1", "(a) S 1 1 1", "x (a) S" + strings.Repeat(" 1", 30), "1 (a) S 1 2 3", "1 (a) SS" + strings.Repeat(" 1", 30)} {
		if p, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q: %+v", bad, p)
		}
	}
	p, ok := parseStat([]byte(statLine))
	want := proc{pid: 4242, ppid: 17, session: 4200, threads: 7, state: 'S', cpu: 570 * time.Millisecond, pages: 99}
	if !ok || p != want {
		t.Errorf("%+v, want %+v", p, want)
	}
	// Of the parent: an emulator has a stat of its own making for this process.
	parent, ok := parseStat(readProc("/proc/"+strconv.Itoa(os.Getppid())+"/stat", make([]byte, maxStat)))
	if !ok || parent.pid != os.Getppid() || parent.threads < 1 || parent.pages < 1 {
		t.Errorf("of the parent: %+v", parent)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(statLine))
	f.Add([]byte("1 ()) S 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parseStat(b); ok && p.pid <= 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestBelow(t *testing.T) {
	all := []proc{{pid: 1}, {pid: 9, ppid: 7}, {pid: 7, ppid: 5}, {pid: 5, ppid: 1}, {pid: 6, ppid: 1}, {pid: 8, ppid: 7}, {pid: 3, ppid: 3}}
	var got []int
	for _, p := range below(all, 5) {
		got = append(got, p.pid)
	}
	if !reflect.DeepEqual(got, []int{7, 9, 8}) {
		t.Errorf("%v", got)
	}
	if got := below(all, 3); len(got) != 0 {
		t.Errorf("its own parent: %v", got)
	}
}

// Of Linux 6.1: a listener, a connection, one in TIME_WAIT; and tcp6.
const tcpLines = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 61184        0 54321 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 54322 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:D2F1 06 00000000:00000000 03:00001234 00000000     0        0 0 3 0000000000000000
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 777 1 0000000000000000 100 0 0 10 0
`

func TestEachSocket(t *testing.T) {
	var got []tcpSocket
	eachSocket(strings.NewReader(tcpLines), func(s tcpSocket) { got = append(got, s) })
	want := []tcpSocket{{8080, tcpListen, 61184, 54321}, {8080, tcpEstablished, 0, 54322}, {8080, 6, 0, 0}, {22, tcpListen, 0, 777}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	endless := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), strings.NewReader("\n"), strings.NewReader(tcpLines))
	n := 0
	eachSocket(endless, func(tcpSocket) { n++ })
	if n > len(want) {
		t.Errorf("%d sockets", n)
	}
}

func FuzzParseSocket(f *testing.F) {
	for line := range strings.Lines(tcpLines) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(_ *testing.T, b []byte) { parseSocket(b) })
}

func TestOrders(t *testing.T) {
	full := orders{
		Args: []string{"a", "", "\xff"}, Env: []string{"A=b"}, Dir: "/d", Read: []string{"/r"}, Exec: []string{"/e"}, Write: []string{"/w"},
		Bind: []uint16{1, 65535}, Connect: []uint16{9100}, AnyBind: true, UID: 1<<32 - 1,
		Limits: Limits{Memory: 1 << 40, Processes: 64, Files: 256, FileSize: 3, Disk: 4, Nice: 19},
		Mark:   "m", Namespace: true, Mounts: true, LimitCount: true, Interpreter: []string{"q", "p"},
	}
	for _, want := range []orders{{}, full} {
		var got orders
		if err := got.decode(want.encode()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %+v, want %+v", err, got, want)
		}
	}
	b := full.encode()
	for n := range b {
		if err := new(orders).decode(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were enough", n, len(b))
		}
	}
	if err := new(orders).decode(append(b, 0)); err == nil {
		t.Error("a byte too many was taken")
	}
	c := confinement{have: []string{"x"}, miss: []string{"y", "z"}, pid: 7}
	var got confinement
	if err := got.decode(c.encode()); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%v: %+v, want %+v", err, got, c)
	}
}

// FuzzOrders: whatever comes over the socket is taken or refused, within the
// bounds.
func FuzzOrders(f *testing.F) {
	o := orders{Args: []string{"sh", "-c", "true"}, Dir: "/", Bind: []uint16{22}}
	f.Add(o.encode())
	c := confinement{have: []string{"x"}, pid: 7}
	f.Add(c.encode())
	f.Add(frame(frameOrders, o.encode()))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o orders
		if o.decode(b) == nil {
			var again orders
			if err := again.decode(o.encode()); err != nil || !reflect.DeepEqual(o, again) {
				t.Errorf("%v: %+v, then %+v", err, o, again)
			}
		}
		_ = new(confinement).decode(b)
		if _, body, err := readFrame(bytes.NewReader(b)); err == nil && len(body) > maxFrame {
			t.Errorf("a frame of %d bytes", len(body))
		}
	})
}

func TestExitText(t *testing.T) {
	for status, want := range map[string]string{
		"0": exitWell, "256": "exit status 1", "9": "killed (signal 9, killed)", "15": "killed (signal 15, terminated)", "x": "ended", "127": "ended",
	} {
		if got := exitText([]byte(status)); got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}
