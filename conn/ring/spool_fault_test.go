package ring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A disk that fails turns the spool off, once, and not the node; when it works
// again everything is there.
func TestSpoolDiskFails(t *testing.T) {
	for _, op := range []string{"create", "reopen", "write", "sync", "syncdir"} {
		for _, errno := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, syscall.EACCES} {
			for _, truncates := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) { diskFails(t, op, errno, truncates) })
			}
		}
	}
}

func diskFails(t *testing.T, op string, errno error, truncates bool) {
	n := newNode(t, newMemDisk(), 7, MinSize, 2*MinSpool)
	if op == "reopen" {
		n.put(3, 100)
		n.pass(flushTime)
	}
	n.d.fail = func(o, _ string) error {
		if o == op || o == "truncate" && !truncates {
			return errno
		}
		return nil
	}
	count := 70
	if op == "reopen" {
		count = 20 // together with the first they fit into a segment
	}
	n.put(count, 1000)
	tries := 2 // one now, one when it may
	if op == "reopen" {
		tries = 1 // the next try is a new file
	}
	for end := time.Now().Add(flushTime + time.Duration(2*tries-1)*retryTime/2); time.Now().Before(end); time.Sleep(retryTime / 10) {
		n.work()
	}
	if len(n.state) != tries || !errors.Is(n.state[0], errno) || !strings.Contains(n.state[0].Error(), "-spool-size") {
		t.Fatalf("%s %v: told %v", op, errno, n.state)
	}
	if st := n.r.Stats(); st.Spool.Off == "" || st.Spool.Errors != uint64(tries) || st.Dropped != 0 {
		t.Errorf("%s %v: %+v", op, errno, st)
	}
	if n.d.most > 2*MinSpool {
		t.Errorf("%s %v: %d bytes", op, errno, n.d.most)
	}
	n.d.fail = nil
	time.Sleep(retryTime)
	n.pass(flushTime)
	if len(n.state) != tries+1 || n.state[tries] != nil {
		t.Errorf("%s %v: told %v at last", op, errno, n.state)
	}
	got, _ := newNode(t, n.d.powerCut(newRand(t)), 8, MinSize, 2*MinSpool).drain()
	put := n.r.Stats().Put
	seen := map[uint64]bool{}
	for _, id := range got {
		seen[id.number] = true
	}
	if uint64(len(seen)) != put {
		t.Errorf("%s %v: %d of %d events in the next run", op, errno, len(seen), put)
	}
}

// A disk that is full after any byte of a write, and one that takes only a part
// without saying why.
func TestSpoolWriteStopsAnywhere(t *testing.T) {
	for _, short := range []bool{false, true} {
		for room := 0; room < 700; room += 31 {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, newMemDisk(), 7, MinSize, MinSpool)
				n.put(2, 100)
				n.pass(flushTime) // whole
				n.put(6, 100)
				n.d.room, n.d.short = room, short
				n.pass(flushTime)
				whole := room >= 6*100+batchHeader
				want(t, "errors", n.r.Stats().Spool.Errors == 0, whole)
				got, _ := newNode(t, n.d.powerCut(newRand(t)), 8, MinSize, MinSpool).drain()
				last := uint64(2)
				if whole {
					last = 8
				}
				wantNames(t, fmt.Sprintf("room %d", room), got, names(7, 1, last))
				got, _ = n.drain()
				wantNames(t, "in the same run", got, names(0, 1, 8))
			})
		}
	}
}

// Removing fails: the bytes still count, and the node goes on.
func TestSpoolRemoveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, MinSpool)
		n.d.fail = func(op, _ string) error {
			if op == "remove" {
				return syscall.EROFS
			}
			return nil
		}
		for range 2000 {
			n.put(1, 1000)
			n.work()
		}
		st := n.r.Stats()
		if n.d.bytes() > MinSpool || st.Spool.Bytes != n.d.bytes() || st.Spool.Off == "" || len(n.state) != 1 {
			t.Errorf("%d bytes, told %v, %+v", n.d.bytes(), n.state, st.Spool)
		}
		got, _ := n.drain()
		if st := n.r.Stats(); st.Dropped+uint64(len(got)) < st.Put {
			t.Errorf("%d read, %+v", len(got), st)
		}
	})
}

// The directory can't be made or read at the start: the node starts, and the
// spool comes on when it can.
func TestSpoolStartsWithoutDirectory(t *testing.T) {
	for _, op := range []string{"mkdir", "list"} {
		synctest.Test(t, func(t *testing.T) {
			old := newNode(t, newMemDisk(), 6, MinSize, MinSpool)
			old.put(5, 100)
			old.pass(flushTime)
			d := old.d
			d.fail = func(o, _ string) error {
				if o == op {
					return syscall.EACCES
				}
				return nil
			}
			n := newNode(t, d, 7, MinSize, MinSpool)
			if n.r.Stats().Spool.Off == "" {
				t.Error("not told to be off")
			}
			n.put(5, 100)
			n.pass(retryTime)
			want(t, "writes while it can't", len(d.writes), 1)
			d.fail = nil
			time.Sleep(retryTime)
			n.pass(flushTime)
			st := n.r.Stats()
			want(t, "writes when it can", len(d.writes), 2)
			want(t, "bytes", []any{st.Spool.Bytes, st.Spool.Off}, []any{d.bytes(), ""})
			got, _ := newNode(t, d, 8, MinSize, MinSpool).drain()
			wantNames(t, "in the next run", got, append(names(6, 1, 5), names(7, 1, 5)...))
		})
	}
}

// A file that can't be opened for want of descriptors is tried again; events
// behind it wait.
func TestSpoolOutOfDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newNode(t, newMemDisk(), 6, MinSize, MinSpool)
		old.put(5, 100)
		old.pass(flushTime)
		n := newNode(t, old.d, 7, MinSize, MinSpool)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = n.s.Run(ctx) }()
		n.put(1, 100)
		n.r.SetLive(true)
		n.d.fail = func(op, _ string) error {
			if op == "open" {
				return syscall.EMFILE
			}
			return nil
		}
		n.r.Rewind()
		for range 10 {
			<-n.r.Ready() // tried again
			got, _ := n.drain()
			want(t, "read meanwhile", len(got), 0)
		}
		n.d.fail = nil
		<-n.r.Ready()
		got, _ := n.drain()
		wantNames(t, "read", got, append(names(6, 1, 5), names(0, 6, 6)...))
		want(t, "lost", n.r.Stats().Dropped, uint64(0))

		n.r.Rewind()
		n.d.fail = func(op, _ string) error {
			if op == "open" {
				return syscall.EACCES
			}
			return nil
		}
		for got = nil; len(got) == 0; got, _ = n.drain() { // for ever is too long
			<-n.r.Ready()
		}
		wantNames(t, "read", got, names(0, 6, 6))
		want(t, "lost", n.r.Stats().ByPot, map[string]uint64{"unknown": 5})
		stop()
		synctest.Wait()
	})
}

// Flash that forgets: batches that were whole at the start and are no more are
// counted, once.
func TestSpoolGoesBad(t *testing.T) {
	for _, c := range []struct {
		what   string
		spoil  func(f *memFile)
		lost   uint64
		broken uint64
		first  uint64 // event that is read first
	}{
		{"record", func(f *memFile) { f.data[batchHeader+10] ^= 1 }, 5, 1, 6},
		{"end", func(f *memFile) { f.data = f.data[:len(f.data)-1] }, 5, 1, 1},
		{"all", func(f *memFile) { clear(f.data) }, 10, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, newMemDisk(), 6, MinSize, MinSpool)
			for range 2 {
				n.put(5, 100)
				n.pass(flushTime)
			}
			n = newNode(t, n.d, 7, MinSize, MinSpool)
			for _, f := range n.d.files {
				c.spoil(f)
			}
			for range 3 {
				got, _ := n.drain()
				if c.first > 0 {
					wantNames(t, c.what, got, names(6, c.first, c.first+4))
				}
				n.r.Rewind()
			}
			st := n.r.Stats()
			want(t, c.what+": lost", []uint64{st.Dropped, st.Spool.Broken}, []uint64{c.lost, c.broken})
		})
	}
}

// Somebody removes the directory: what only flash had is counted, what the
// ring has is written again.
func TestSpoolDirectoryRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newMemDisk(), 7, MinSize, 8*MinSpool)
		for range 400 {
			n.put(1, 1000)
			n.work()
		}
		only := n.r.Stats().Held - (n.r.head.seq - n.r.tail.seq)
		n.d.dir = false
		clear(n.d.files)
		n.put(70, 1000)
		n.pass(retryTime)
		n.pass(flushTime)
		want(t, "told", len(n.state), 2)
		got, _ := n.drain()
		st := n.r.Stats()
		if st.Dropped < only || st.Dropped+uint64(len(got)) != st.Put {
			t.Errorf("%d read, %d were only on flash, %+v", len(got), only, st)
		}
		n.r.Rewind()
		got, _ = newNode(t, n.d.powerCut(newRand(t)), 8, MinSize, 8*MinSpool).drain()
		want(t, "in the next run", uint64(len(got)), st.Put-st.Dropped)
	})
}
