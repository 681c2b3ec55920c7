package pots

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"forager/conn/wire"
	"forager/pots/fetch"
	"forager/pots/install"
)

const someStore = "https://example.org/pots.git"

// fetches stands for the git program. Every fetch is announced, waits for its
// gate, and fails or makes the files of a repository.
type fetches struct {
	begun chan fetch.Config

	mu    sync.Mutex
	gate  chan struct{}
	err   error
	files map[string]string
}

func newFetches() *fetches { return &fetches{begun: make(chan fetch.Config, 100)} }

// close makes the fetches to come wait until the gate that it returns is
// closed.
func (f *fetches) close() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = make(chan struct{})
	return f.gate
}

func (f *fetches) set(err error, files map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.files = err, files
}

func (f *fetches) do(ctx context.Context, s fetch.Source, c fetch.Config) (string, error) {
	f.mu.Lock()
	gate, err, files := f.gate, f.err, f.files
	f.mu.Unlock()
	f.begun <- c
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if err != nil {
		return "", err
	}
	for name, content := range files {
		path := filepath.Join(c.Dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			return "", err
		}
	}
	return strings.Repeat("c0", 20), nil
}

// newStoreNode makes a node whose fetches are f's.
func newStoreNode(t *testing.T, f *fetches) *node {
	n := newNode(t, Config{StateDir: t.TempDir(), Allow: []string{someStore}, EventPort: 9100})
	n.m.installer.Fetch = f.do
	return n
}

func someProgram(id string) Spec {
	return Spec{ID: id, Type: "cowrie", Source: Source{URL: someStore}}
}

// told waits for a status of the pot that holds text, and returns it.
func (n *node) told(id string, state wire.PotState, text string) wire.PotStatus {
	n.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case s := <-n.status:
			if s.PotID == id && s.Status == state && strings.Contains(s.Message, text) {
				return s
			}
		case <-timeout:
			info, _ := n.m.Info(id)
			n.t.Fatalf("pot %s was not told as %s %q: %+v", id, state, text, info)
		}
	}
}

// left lists the directory of the programs.
func (n *node) left() (names []string) {
	n.t.Helper()
	entries, err := os.ReadDir(n.m.installer.Dir)
	if err != nil && !os.IsNotExist(err) {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (n *node) nothingLeft(id string) {
	n.t.Helper()
	if names := n.left(); len(names) > 0 {
		n.t.Errorf("left on disk: %q", names)
	}
	if info, ok := n.m.Info(id); ok {
		n.t.Errorf("still there: %+v", info)
	}
	if data, err := os.ReadFile(storeOf(n.m.cfg.StateDir)); err == nil {
		if kept, err := decodeStore(data); err != nil || slices.ContainsFunc(kept, func(k keptPot) bool { return k.spec.ID == id }) {
			n.t.Errorf("kept: %+v, %v", kept, err)
		}
	}
}

// The same install twice is one, while it is at work too, and StopPot ends it.
func TestInstallIsOneAndStops(t *testing.T) {
	f := newFetches()
	f.close()
	n := newStoreNode(t, f).run()
	mustNot(t, n.m.Install(someProgram("p"), false))
	<-f.begun
	mustNot(t, n.m.Install(someProgram("p"), true))
	if info, ok := n.m.Info("p"); !ok || info.State != wire.PotInstalling || info.Message != "fetch" || !info.Spec.Equal(someProgram("p")) {
		t.Errorf("%+v", info)
	}
	mustNot(t, n.m.Start("p")) // when it is done
	mustNot(t, n.m.Restart("p"))
	if err := n.m.Stop("p"); !errors.Is(err, ErrInstallStopped) {
		t.Errorf("stop: %v", err)
	}
	n.told("p", wire.PotStopped, "nothing is left of it")
	n.nothingLeft("p")
	if len(f.begun) > 0 {
		t.Error("fetched twice")
	}
	if err := n.m.Stop("p"); !errors.Is(err, ErrUnknownPot) {
		t.Errorf("second stop: %v", err)
	}
}

// A first install that fails tells its reason and leaves nothing.
func TestInstallFails(t *testing.T) {
	f := newFetches()
	n := newStoreNode(t, f).run()
	for name, tt := range map[string]struct {
		err   error
		files map[string]string
		want  string
	}{
		"fetch":    {fetch.ErrNoSpace, nil, "fetch: no space"},
		"manifest": {nil, map[string]string{"potstore.json": "{"}, "manifest: "},
		"no pot":   {nil, map[string]string{"potstore.json": `{"pots":[]}`}, "manifest: "},
	} {
		f.set(tt.err, tt.files)
		mustNot(t, n.m.Install(someProgram("p"), true))
		if s := n.told("p", wire.PotFailed, ""); !strings.HasPrefix(s.Message, tt.want) || s.PotType != "cowrie" {
			t.Errorf("%s: told %+v", name, s)
		}
		n.nothingLeft("p")
	}
}

// What may not be fetched is refused at once.
func TestInstallRefused(t *testing.T) {
	f := newFetches()
	n := newStoreNode(t, f).run()
	n.pots("tcp id=flag listen=127.0.0.1:0")
	for url, id := range map[string]string{
		"https://example.org/other.git": "p", "--upload-pack=sh": "p", "ext::sh": "p", "file:///pots.git": "p", someStore: "flag",
	} {
		s := someProgram(id)
		s.Source.URL = url
		if err := n.m.Install(s, true); err == nil {
			t.Errorf("%s as %s: no error", url, id)
		}
	}
	if names := n.left(); len(names) > 0 || len(f.begun) > 0 {
		t.Errorf("left %q, %d fetches", names, len(f.begun))
	}
}

// The pot that is there stays and runs when its successor fails.
func TestFailedInstallLeavesTheOldPot(t *testing.T) {
	f := newFetches()
	f.set(fetch.ErrBranch, nil)
	gate := f.close()
	n := newStoreNode(t, f).run()
	mustNot(t, n.m.Install(Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}, true))
	addr := n.addr("p")
	mustNot(t, n.m.Install(someProgram("p"), true))
	<-f.begun
	if info, _ := n.m.Info("p"); info.State != wire.PotInstalling || info.Type != "cowrie" || info.Addr != addr {
		t.Errorf("meanwhile %+v", info)
	}
	close(gate)
	if s := n.told("p", wire.PotRunning, "not installed: fetch: no such branch; the pot stays as it was"); s.PotType != "cowrie" {
		t.Errorf("told %+v", s)
	}
	if got := n.addr("p"); got != addr {
		t.Errorf("runs on %s, ran on %s", got, addr)
	}
	if names := n.left(); len(names) > 0 {
		t.Errorf("left %q", names)
	}
}

// jobFor puts a job on a pot, as if its program had just been built.
func (n *node) jobFor(id string) (*instance, *job, context.Context) {
	n.t.Helper()
	next, err := n.m.newInstance(someProgram(id), false)
	mustNot(n.t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	j := &job{next: next, done: make(chan struct{}), cancel: cancel}
	inst := n.m.pots[id]
	inst.mu.Lock()
	inst.job = j
	inst.mu.Unlock()
	return inst, j, ctx
}

// An install that is stopped when all is built leaves the pot that runs alone:
// a second start of it would be the only one that can be stopped.
func TestStoppedInstallLeavesTheOldPot(t *testing.T) {
	n := newNode(t, Config{}).run()
	mustNot(t, n.m.Install(Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}, true))
	inst, j, ctx := n.jobFor("p")
	before := inst.running()
	j.cancel(ErrInstallStopped)
	err := n.m.takePlace(ctx, j, &install.Built{})
	if n.m.abandon(j, err); !errors.Is(err, ErrInstallStopped) {
		t.Error(err)
	}
	if inst.running() != before {
		t.Error("the pot was started a second time")
	}
	addr := n.addr("p")
	mustNot(t, n.m.Stop("p"))
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("it listens after StopPot")
	}
}

// A pot that was removed while the install waited for it is not replaced: its
// id may be another pot's.
func TestInstallForARemovedPot(t *testing.T) {
	n := newNode(t, Config{}).run()
	mustNot(t, n.m.Install(Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}, true))
	inst, j, ctx := n.jobFor("p")
	inst.gone = true
	if err := n.m.takePlace(ctx, j, &install.Built{}); err != errReplaced || n.m.pots["p"] != inst || inst.running() == nil {
		t.Errorf("%v, %v", err, n.m.pots["p"])
	}
}

// What waits to stop or to remove a pot while another takes its place does it
// no second time, and not to that other one.
func TestReplacedPotStopsOnce(t *testing.T) {
	n := newStoreNode(t, newFetches()).run()
	mustNot(t, n.m.Install(Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}, true))
	inst, j, _ := n.jobFor("p")
	inst.op.Lock()
	inst.running().stop()
	n.m.replace(inst, j)
	inst.op.Unlock()
	inst.stop()
	if n.m.remove(inst); n.m.pots["p"] != j.next {
		t.Errorf("the id is that of %v", n.m.pots["p"])
	}
}

// Another install takes the place of one that is at work; the end of the node
// ends it, and nothing is left then.
func TestInstallReplacedAndNodeEnds(t *testing.T) {
	f := newFetches()
	f.close()
	n := newStoreNode(t, f).run()
	first, second := someProgram("p"), someProgram("p")
	second.Source.Branch = "dev"
	mustNot(t, n.m.Install(first, false))
	<-f.begun
	mustNot(t, n.m.Install(second, false))
	<-f.begun
	if info, _ := n.m.Info("p"); !info.Spec.Equal(second) {
		t.Errorf("%+v", info)
	}
	n.stop()
	n.told("p", wire.PotFailed, "the node is stopping")
	n.nothingLeft("p")
	if err := n.m.Install(first, true); !errors.Is(err, errNodeStops) {
		t.Errorf("install after the end: %v", err)
	}
}

// Only so many installs are at work; others wait, and can be stopped.
func TestInstallsWaitForTheirTurn(t *testing.T) {
	f := newFetches()
	gate := f.close()
	n := newStoreNode(t, f).run()
	for i := range maxInstalls + 1 {
		mustNot(t, n.m.Install(someProgram(fmt.Sprint("p", i)), false))
		if i < maxInstalls {
			<-f.begun
		}
	}
	last := fmt.Sprint("p", maxInstalls)
	if info, _ := n.m.Info(last); info.Message != "waits for its turn" {
		t.Errorf("%+v", info)
	}
	if err := n.m.Stop(last); !errors.Is(err, ErrInstallStopped) {
		t.Errorf("stop: %v", err)
	}
	f.set(fetch.ErrNetwork, nil)
	close(gate)
	await(t, "the end of both", func() bool { return len(n.m.List()) == 0 })
}

// A house that is full takes no program, and one that is being installed has
// its place.
func TestInstallsCountAsPots(t *testing.T) {
	f := newFetches()
	f.close()
	n := newStoreNode(t, f).run()
	for i := range MaxPots - 1 {
		mustNot(t, n.m.Install(Spec{ID: fmt.Sprint("t", i), Type: "tcp", Listen: "127.0.0.1:0"}, false))
	}
	mustNot(t, n.m.Install(someProgram("p"), false))
	if err := n.m.Install(someProgram("q"), false); err == nil || !strings.Contains(err.Error(), "at most 64") {
		t.Errorf("error %v", err)
	}
	if err := n.m.Install(Spec{ID: "t", Type: "tcp", Listen: "127.0.0.1:0"}, false); err == nil {
		t.Error("a built-in pot took the place")
	}
}

// Programs are told apart by their users and ports.
func TestUsersAndPortsAreTheirOwn(t *testing.T) {
	n := newNode(t, Config{StateDir: t.TempDir(), Allow: []string{someStore}, EventPort: 9100, Users: true})
	n.m.running = true
	defer func() { n.m.running = false; n.m.endInstalls() }()
	taken := Spec{ID: "t", Type: "tcp", Listen: "127.0.0.1:7777"}
	inst, err := n.m.newInstance(taken, false)
	mustNot(t, err)
	inst.want.Store(true)
	n.m.pots["t"] = inst
	var jobs []*job
	users := make(map[uint32]bool)
	for i := range MaxPots - 1 { // they wait: m.cleaned is open
		mustNot(t, n.m.Install(someProgram(fmt.Sprint("p", i)), false))
		j := n.m.pots[fmt.Sprint("p", i)].job
		if u := j.next.uid; users[u] || u < firstUser || u >= firstUser+MaxPots {
			t.Errorf("user %d", u)
		}
		users[j.next.uid] = true
		jobs = append(jobs, j)
	}
	mustNot(t, n.m.claim(jobs[0], []uint16{2222, 2223}))
	mustNot(t, n.m.claim(jobs[1], []uint16{2224}))
	mustNot(t, n.m.claim(jobs[0], []uint16{2222})) // its own again
	for port, want := range map[uint16]string{2222: `pot "p0"`, 9100: "-intake", 7777: `pot "t"`} {
		if err := n.m.claim(jobs[1], []uint16{port}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("port %d: %v, want %s", port, err, want)
		}
	}
}

// Steps are told once a second at most, the last of a second at its end, and
// none after the end.
func TestStepsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		var at []time.Time
		var mu sync.Mutex
		n := newNode(t, Config{StateDir: t.TempDir()})
		n.m.cfg.OnStatus = func(s wire.PotStatus) {
			mu.Lock()
			defer mu.Unlock()
			told, at = append(told, s.Message), append(at, time.Now())
		}
		next, err := n.m.newInstance(someProgram("p"), false)
		mustNot(t, err)
		inst, err := n.m.newInstance(someProgram("p"), false)
		mustNot(t, err)
		j := &job{next: next, told: time.Now()}
		inst.job, inst.fresh = j, true
		n.m.pots["p"] = inst
		for i := range 35 {
			n.m.step(j, fmt.Sprint(i))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		mu.Lock()
		if len(told) != 3 {
			t.Errorf("told %s", told)
		}
		for i := range at {
			if i > 0 && at[i].Sub(at[i-1]) < stepGap {
				t.Errorf("told %v", at)
			}
		}
		told = nil
		mu.Unlock()
		n.m.step(j, "late")
		j.end()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(told) > 0 {
			t.Errorf("told after the end: %s", told)
		}
		n.ring.Close()
	})
}

// What a crash left is gone after the start; a pot that was being replaced is
// back.
func TestLeftoversAreRemoved(t *testing.T) {
	n := newStoreNode(t, newFetches())
	dir := n.m.installer.Dir
	for _, name := range []string{".new-123/pot/.git", ".old-p/cowrie", ".old-q", "q", "nobody/knows"} {
		mustNot(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
	}
	for _, id := range []string{"p", "q"} {
		inst, err := n.m.newInstance(someProgram(id), false)
		mustNot(t, err)
		n.m.pots[id] = inst
	}
	n.run()
	<-n.m.cleaned
	if got := strings.Join(n.left(), " "); got != "p q" {
		t.Errorf("left: %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "p", "cowrie")); err != nil {
		t.Error(err)
	}
}
