package ring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

// memDisk is a file system in memory that counts, fails when told to, and
// loses at a power cut what was not synced.
type memDisk struct {
	mu      sync.Mutex
	dir     bool
	files   map[string]*memFile
	writes  []memWrite
	syncs   int
	most    int64 // bytes of files there ever were together
	reads   int
	fail    func(op, name string) error
	room    int // bytes that still fit; negative: no limit
	short   bool
	onWrite func() // before each write
}

type memFile struct {
	data   []byte
	synced int
	named  bool // the directory was synced since it was created
}

type memWrite struct {
	at   time.Time
	size int
}

func newMemDisk() *memDisk { return &memDisk{files: make(map[string]*memFile), room: -1} }

func (d *memDisk) op(op, path string) error {
	if d.fail != nil {
		return d.fail(op, filepath.Base(path))
	}
	return nil
}

func (d *memDisk) makeDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op("mkdir", dir); err != nil {
		return err
	}
	d.dir = true
	return nil
}

func (d *memDisk) list(dir string) ([]fs.DirEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op("list", dir); err != nil {
		return nil, err
	}
	m := fstest.MapFS{}
	for name, f := range d.files {
		m[name] = &fstest.MapFile{Data: f.data, Mode: 0o600}
	}
	return m.ReadDir(".")
}

func (d *memDisk) create(path string) (appendFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := filepath.Base(path)
	if err := d.op("create", path); err != nil {
		return nil, err
	}
	if !d.dir {
		return nil, fs.ErrNotExist
	}
	if d.files[name] != nil {
		return nil, fs.ErrExist
	}
	d.files[name] = &memFile{}
	return &memHandle{d, name}, nil
}

func (d *memDisk) reopen(path string) (appendFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := filepath.Base(path)
	if err := d.op("reopen", path); err != nil {
		return nil, err
	}
	if d.files[name] == nil {
		return nil, fs.ErrNotExist
	}
	return &memHandle{d, name}, nil
}

func (d *memDisk) open(path string) (readFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	if err := d.op("open", path); err != nil {
		return nil, err
	}
	if d.files[filepath.Base(path)] == nil {
		return nil, fs.ErrNotExist
	}
	return &memHandle{d, filepath.Base(path)}, nil
}

func (d *memDisk) remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op("remove", path); err != nil {
		return err
	}
	if d.files[filepath.Base(path)] == nil {
		return fs.ErrNotExist
	}
	delete(d.files, filepath.Base(path))
	return nil
}

func (d *memDisk) syncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.op("syncdir", dir); err != nil {
		return err
	}
	for _, f := range d.files {
		f.named = true
	}
	return nil
}

func (d *memDisk) bytes() (n int64) {
	for _, f := range d.files {
		n += int64(len(f.data))
	}
	return n
}

// powerCut returns what is there afterwards: of what was not synced, some.
func (d *memDisk) powerCut(rnd *rand.Rand) *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := newMemDisk()
	after.dir = d.dir
	for name, f := range d.files {
		if !f.named && rnd.IntN(2) == 0 {
			continue
		}
		data := append([]byte(nil), f.data[:f.synced+rnd.IntN(len(f.data)-f.synced+1)]...)
		if rnd.IntN(3) == 0 { // the length was written, the data was not
			data = append(data, make([]byte, len(f.data)-len(data))...)
		}
		after.files[name] = &memFile{data: data, synced: len(data), named: true}
	}
	return after
}

type memHandle struct {
	d    *memDisk
	name string
}

func (h *memHandle) Write(p []byte) (int, error) {
	if h.d.onWrite != nil {
		h.d.onWrite()
	}
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op("write", h.name); err != nil {
		return 0, err
	}
	f := h.d.files[h.name]
	if f == nil {
		return 0, errors.New("written after it was removed")
	}
	n, err := len(p), error(nil)
	if h.d.room >= 0 && h.d.room < n {
		if n = h.d.room; !h.d.short {
			err = syscall.ENOSPC
		}
	}
	if h.d.room >= 0 {
		h.d.room -= n
	}
	f.data = append(f.data, p[:n]...)
	h.d.most = max(h.d.most, h.d.bytes())
	h.d.writes = append(h.d.writes, memWrite{time.Now(), n})
	return n, err
}

func (h *memHandle) Sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op("sync", h.name); err != nil {
		return err
	}
	h.d.syncs++
	if f := h.d.files[h.name]; f != nil {
		f.synced = len(f.data)
	}
	return nil
}

func (h *memHandle) Truncate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op("truncate", h.name); err != nil {
		return err
	}
	f := h.d.files[h.name]
	if h.d.room >= 0 {
		h.d.room += len(f.data) - int(size)
	}
	f.data = f.data[:size]
	f.synced = min(f.synced, len(f.data))
	return nil
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.op("read", h.name); err != nil {
		return 0, err
	}
	f := h.d.files[h.name]
	if f == nil || off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) Close() error { return nil }

// node is a ring with a spool, driven by hand.
type node struct {
	t     testing.TB
	r     *Ring
	s     *Spool
	d     *memDisk
	b     *Batch
	state []error // OnChange
}

func newNode(t testing.TB, d *memDisk, boot uint64, ringSize int, size int64) *node {
	t.Helper()
	n := &node{t: t, d: d, r: newRing(t, ringSize), b: NewBatch(0)}
	var err error
	n.s, err = OpenSpool(n.r, SpoolConfig{
		Dir: "/spool", Size: size, Boot: boot, Epoch: time.Now(), disk: d,
		Sane: func() bool { return true }, OnChange: func(err error) { n.state = append(n.state, err) },
	})
	if n.s == nil {
		t.Fatal(err)
	}
	return n
}

// work lets the spool do what is due.
func (n *node) work() { n.s.work(n.t.Context()) }

// pass lets the spool do what is due now and when d has passed.
func (n *node) pass(d time.Duration) {
	n.work()
	time.Sleep(d)
	n.work()
}

// put stores events of the pot, size bytes of data each.
func (n *node) put(count, size int) {
	n.t.Helper()
	for range count {
		put(n.t, n.r, sized(n.t, "p", size))
	}
}

// name is what tells an event from all others.
type name struct{ boot, number uint64 }

// drain reads all there is and returns the names, and the last position.
func (n *node) drain() (names []name, last uint64) {
	n.t.Helper()
	e := Event{}
	for n.r.Peek(n.b) > 0 {
		for n.b.Next(&e) {
			if e.Seq <= last {
				n.t.Fatalf("position %d after %d", e.Seq, last)
			}
			last = e.Seq
			names = append(names, name{e.Boot, e.Number})
		}
		if n.b.Last() != last {
			n.t.Fatalf("Last is %d, the last event %d", n.b.Last(), last)
		}
	}
	return names, last
}

func names(boot, from, to uint64) (l []name) {
	for i := from; i <= to; i++ {
		l = append(l, name{boot, i})
	}
	return l
}

// newRand is a source that a failing test can be repeated with.
func newRand(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// wantNames compares names, and prints them in few words.
func wantNames(t *testing.T, what string, got, wanted []name) {
	t.Helper()
	want(t, what, runs(got), runs(wanted))
}

// runs is a list of names with the numbers that follow each other as ranges.
func runs(l []name) string {
	var b strings.Builder
	for i := 0; i < len(l); {
		from := i
		for i++; i < len(l) && l[i] == (name{l[from].boot, l[i-1].number + 1}); i++ {
		}
		fmt.Fprintf(&b, "%d:%d-%d ", l[from].boot, l[from].number, l[i-1].number)
	}
	return b.String()
}
