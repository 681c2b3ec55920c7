package ring

import (
	"errors"
	"os"
	"testing"
	"time"
)

// life is one process of a node without a spool.
type life struct {
	*node
	cfg  SpoolConfig
	work func()
}

// newLife takes what the process before left.
func newLife(t *testing.T, boot uint64, left []*os.File) *life {
	t.Helper()
	l := &life{
		node: &node{t: t, r: newRing(t, MinSize), b: NewBatch(0)}, work: func() {},
		cfg: SpoolConfig{Boot: boot, Epoch: time.Now(), Sane: func() bool { return true }},
	}
	if left != nil {
		s, err := OpenLeft(l.r, l.cfg, left)
		if err != nil {
			t.Fatal(err)
		}
		l.work = func() { s.work(t.Context()) }
	}
	return l
}

func (l *life) leave() []*os.File {
	l.t.Helper()
	files, err := l.r.Leave(l.cfg)
	if err != nil {
		l.t.Fatal(err)
	}
	return files
}

// TestLeave: what Core did not have when the node restarted itself comes first
// in the next process, under its names, and again in the one after that.
func TestLeave(t *testing.T) {
	a := newLife(t, 1, nil)
	if files := a.leave(); files != nil {
		t.Fatalf("%d files of nothing", len(files))
	}
	a.put(1000, 200) // more than one batch
	a.drain()
	a.r.Forget(uint64(300))

	b := newLife(t, 2, a.leave())
	b.put(5, 100)
	want(t, "held", b.r.Stats().Held, uint64(705))
	want(t, "unsaved", b.r.Unsaved(), uint64(705))
	got, _ := b.drain()
	wantNames(t, "second process", got, append(names(1, 301, 1000), names(0, 701, 705)...))

	files := b.leave()
	want(t, "files", len(files), 2)
	c := newLife(t, 3, files)
	c.put(1, 100)
	got, last := c.drain()
	all := append(append(names(1, 301, 1000), names(2, 701, 705)...), names(0, 706, 706)...)
	wantNames(t, "third process", got, all)
	c.r.Forget(last)
	c.work()
	want(t, "held at the end", c.r.Stats().Held, uint64(0))
	if c.r.flash != nil || c.leave() != nil {
		t.Error("what Core has is still kept")
	}
	for _, f := range files {
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a file is still open: %v", err)
		}
	}
	c.put(3, 100)
	got, _ = c.drain()
	wantNames(t, "after that", got, names(0, 707, 709))
}

// TestLeaveTimes: an event keeps its time over the restart.
func TestLeaveTimes(t *testing.T) {
	a := newLife(t, 1, nil)
	a.cfg.clock = func() (int64, int64) { return 5e9, 1_800_000_005e9 }
	if _, err := a.r.Put(&Event{PotID: []byte("p"), Mono: 2e9, Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	b := newLife(t, 2, a.leave())
	b.r.Peek(b.b)
	var e Event
	if !b.b.Next(&e) || e.Time != 1_800_000_002e9 {
		t.Errorf("%+v", e)
	}
}

// TestLeaveTooOften: a Core that is away for many restarts costs the oldest
// events, and that is told.
func TestLeaveTooOften(t *testing.T) {
	var files []*os.File
	for boot := range uint64(MaxLeft) {
		l := newLife(t, boot+1, files)
		l.put(1, 100)
		files = l.leave()
	}
	l := newLife(t, MaxLeft+1, files)
	l.put(1, 100)
	files, err := l.r.Leave(l.cfg)
	if len(files) != MaxLeft || err == nil {
		t.Fatalf("%d files, %v", len(files), err)
	}
	l = newLife(t, MaxLeft+2, files)
	got, _ := l.drain()
	want(t, "read", len(got), MaxLeft)
	want(t, "oldest", got[0].boot, uint64(2))
}

// TestAdopt: a node that comes back with a spool puts there what was left.
func TestAdopt(t *testing.T) {
	a := newLife(t, 1, nil)
	a.put(10, 100)
	dir := t.TempDir()
	for boot := uint64(2); boot < 4; boot++ {
		n, err := realNode(t, dir, boot, MinSpool)
		if err != nil {
			t.Fatal(err)
		}
		n.put(1, 100)
		if err := n.s.saveAll(); err != nil {
			t.Fatal(err)
		}
		if boot == 2 {
			if err := Adopt(dir, a.leave()); err != nil {
				t.Fatal(err)
			}
		}
		if files, err := n.r.Leave(n.s.cfg); files != nil || err != nil {
			t.Errorf("left beside a spool: %d files, %v", len(files), err)
		}
	}
	n, err := realNode(t, dir, 4, MinSpool)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := n.drain()
	for _, e := range append(names(1, 1, 10), name{2, 1}) {
		found := 0
		for _, g := range got {
			if g == e {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%v came %d times", e, found)
		}
	}
	want(t, "read", len(got), 12)
	if err := Adopt("/proc/none", []*os.File{os.NewFile(^uintptr(0), "none")}); err == nil {
		t.Error("no error where nothing can be written")
	}
}
