package ring

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// killDir makes this test binary a node that puts events until it is killed.
const killDir = "FORAGER_TEST_SPOOL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		fmt.Fprintln(os.Stderr, putUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// putUntilKilled says what its first event's number is, and after each event
// how many were put and how many of them were on flash before that.
func putUntilKilled(dir string) error {
	r, err := New(MinSize, 1)
	if err != nil {
		return err
	}
	boot := rand.Uint64() | 1
	s, err := OpenSpool(r, SpoolConfig{
		Dir: dir, Size: MaxSpool, Boot: boot, Epoch: time.Now(), Flush: 2 * time.Millisecond,
		OnChange: func(err error) { fmt.Fprintln(os.Stderr, err) },
	})
	if err != nil {
		return err
	}
	before, first := r.Stats().Spool.Events, r.head.seq
	go s.Run(context.Background())
	out := bufio.NewWriterSize(os.Stdout, 16)
	if _, err := fmt.Fprintln(out, boot, first); err != nil {
		return err
	}
	e := Event{PotID: []byte("p"), Pot: []byte("tcp"), Type: []byte("tcp.x")}
	for n := uint64(1); ; n++ {
		st := r.Stats()
		onFlash := st.Spool.Events - before
		if n-1 > onFlash+100 { // the ring must not overflow: that is another test
			time.Sleep(time.Millisecond)
			n--
			continue
		}
		e.Data = numbered(boot, first+n-1)
		if _, err := r.Put(&e); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, n, onFlash); err != nil {
			return err
		}
	}
}

// numbered is an event's data, of a length that the number gives.
func numbered(boot, n uint64) []byte {
	b := make([]byte, 16+n*2654435761%2000)
	binary.BigEndian.PutUint64(b, boot)
	binary.BigEndian.PutUint64(b[8:], n)
	return b
}

// A node killed at any moment has on flash what it said it had.
func TestSpoolKilled(t *testing.T) {
	kills := 60
	switch {
	case os.Getenv("FORAGER_LONG") != "":
		kills = 1000
	case testing.Short():
		kills = 15
	}
	rnd := newRand(t)
	dir := filepath.Join(t.TempDir(), "spool")
	safe := map[name]bool{}
	total := 0
	for i := range kills {
		boot, first, onFlash := killOne(t, dir, 1+rnd.IntN(1500))
		for n := range onFlash {
			safe[name{boot, first + n}] = true
		}
		if i%8 == 7 || i == kills-1 {
			total += len(safe)
			takeAll(t, dir, safe)
			clear(safe)
		}
	}
	if total == 0 {
		t.Error("nothing was ever written")
	}
	t.Logf("%d kills, %d events on flash", kills, total)
}

// killOne starts a node and kills it when it has put that many events.
func killOne(t *testing.T, dir string, after int) (boot, first, onFlash uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if strings.Contains(err.Error(), "exec format error") {
			t.Skip(err) // under an emulator that the kernel does not know
		}
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		var a, b uint64
		if _, err := fmt.Sscan(lines.Text(), &a, &b); err != nil {
			break // killed within a line
		}
		if n == 0 {
			boot, first = a, b
		} else {
			onFlash = b
		}
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the node ended by itself: %v", err)
	}
	return boot, first, onFlash
}

// takeAll reads what is there, which must have all that is safe, and has Core
// have it.
func takeAll(t *testing.T, dir string, safe map[name]bool) {
	t.Helper()
	n, err := realNode(t, dir, 1, MaxSpool)
	if err != nil {
		t.Fatal(err)
	}
	var e Event
	seen := map[name]bool{}
	last := uint64(0)
	for n.r.Peek(n.b) > 0 {
		for n.b.Next(&e) {
			if string(e.Data) != string(numbered(e.Boot, e.Number)) || e.Seq <= last {
				t.Fatalf("event %d:%d at %d after %d is not what was put", e.Boot, e.Number, e.Seq, last)
			}
			last = e.Seq
			seen[name{e.Boot, e.Number}] = true
		}
	}
	for id := range safe {
		if !seen[id] {
			t.Fatalf("event %v was on flash and is gone; %+v", id, n.r.Stats())
		}
	}
	n.r.Forget(last)
	n.work()
	n.r.Close()
}
