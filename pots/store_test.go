package pots

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"forager/conn/wire"
	"forager/pots/install"
)

func somePots() []keptPot {
	return []keptPot{
		{Spec{ID: "a", Type: "tcp", Listen: "127.0.0.1:0", ReportPort: 21, Options: map[string]string{"banner": "\x00\xff", "max": "9"}}, true, nil},
		{Spec{ID: "b", Type: "telnet", Listen: "127.0.0.1:0"}, false, nil},
		{
			Spec{ID: "c", Type: "cowrie", Options: map[string]string{"ssh_port": "2222"}, Source: Source{"https://example.org/x.git", "main"}}, true,
			&install.Program{
				Commit: strings.Repeat("a", 40), Directory: "cowrie", UID: firstUser + 1, Args: []string{"python3", "-m", "x"},
				Env: []string{"A=b", "C="}, Ports: []uint16{2222, 65535}, Secrets: []string{"api_key"},
			},
		},
	}
}

func TestStoreRoundTrip(t *testing.T) {
	got, err := decodeStore(encodeStore(somePots()))
	mustNot(t, err)
	for i, want := range somePots() {
		if !got[i].spec.Equal(want.spec) || got[i].want != want.want || !reflect.DeepEqual(got[i].program, want.program) {
			t.Errorf("%+v, want %+v", got[i], want)
		}
	}
}

func TestStoreDecodeBad(t *testing.T) {
	good := encodeStore(somePots())
	for n := range good {
		if _, err := decodeStore(good[:n]); err == nil {
			t.Errorf("cut at %d of %d: no error", n, len(good))
		}
	}
	with := func(change func(*keptPot)) []byte {
		p := somePots()
		change(&p[1])
		return encodeStore(p)
	}
	huge := msgp.AppendArrayHeader(msgp.AppendInt(msgp.AppendArrayHeader(nil, 2), 1), 1<<32-1)
	manyOptions := make(map[string]string)
	for i := range maxOptions + 1 {
		manyOptions[strings.Repeat("k", i+1)[:min(i+1, maxKey)]+string(rune('a'+i%26))] = ""
	}
	for name, b := range map[string][]byte{
		"behind the end": append(bytes.Clone(good), 0),
		"version 3":      append([]byte{good[0], 3}, good[2:]...),
		"version 0":      append([]byte{good[0], 0}, good[2:]...),
		"user of root's": with(func(k *keptPot) { *k = somePots()[2]; k.spec.ID = "x"; k.program.UID = 1 }),
		"outside":        with(func(k *keptPot) { *k = somePots()[2]; k.spec.ID = "x"; k.program.Directory = "../x" }),
		"no arguments":   with(func(k *keptPot) { *k = somePots()[2]; k.spec.ID = "x"; k.program.Args = nil }),
		"no source":      with(func(k *keptPot) { *k = somePots()[2]; k.spec.ID = "x"; k.spec.Source.URL = "" }),
		"many ports":     with(func(k *keptPot) { *k = somePots()[2]; k.spec.ID = "x"; k.program.Ports = make([]uint16, maxWords+1) }),
		"4 billion pots": huge,
		"id":             with(func(k *keptPot) { k.spec.ID = "../x" }),
		"twice":          with(func(k *keptPot) { k.spec.ID = "a" }),
		"long id":        with(func(k *keptPot) { k.spec.ID = strings.Repeat("x", 65) }),
		"long value":     with(func(k *keptPot) { k.spec.Options = map[string]string{"k": strings.Repeat("x", maxValue+1)} }),
		"many options":   with(func(k *keptPot) { k.spec.Options = manyOptions }),
	} {
		if got, err := decodeStore(b); err == nil {
			t.Errorf("%s: no error, %+v", name, got)
		}
	}
}

// Files of the version that knew no programs are read.
func TestStoreVersion1(t *testing.T) {
	b := msgp.AppendInt(msgp.AppendArrayHeader(nil, 2), 1)
	b = msgp.AppendArrayHeader(msgp.AppendArrayHeader(b, 1), storeFields1)
	b = msgp.AppendString(msgp.AppendString(msgp.AppendString(b, "a"), "tcp"), "127.0.0.1:0")
	b = msgp.AppendMapHeader(msgp.AppendUint16(b, 21), 0)
	got, err := decodeStore(msgp.AppendBool(b, true))
	mustNot(t, err)
	if want := (Spec{ID: "a", Type: "tcp", Listen: "127.0.0.1:0", ReportPort: 21}); len(got) != 1 || !got[0].spec.Equal(want) || !got[0].want || got[0].program != nil {
		t.Errorf("%+v", got)
	}
}

func TestStoreBrokenFileIsSetAside(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "hello", "too large": strings.Repeat("x", maxStore+1),
	} {
		dir := t.TempDir()
		mustNot(t, os.WriteFile(storeOf(dir), []byte(content), 0o600))
		n := newNode(t, Config{StateDir: dir}).run()
		if text := <-n.errs; !strings.Contains(text, "set aside as "+storeOf(dir)+".broken") || !strings.Contains(text, "-state-dir") {
			t.Errorf("%s: told %q", name, text)
		}
		kept, err := os.ReadFile(storeOf(dir) + ".broken")
		if err != nil || string(kept) != content {
			t.Errorf("%s: %d bytes kept, %v", name, len(kept), err)
		}
		mustNot(t, n.m.Install(Spec{ID: "new", Type: "tcp", Listen: "127.0.0.1:0"}, true))
		n.stop()
		again := newNode(t, Config{StateDir: dir})
		if info, ok := again.m.Info("new"); !ok || info.Type != "tcp" {
			t.Errorf("%s: the pot installed later is gone: %+v", name, info)
		}
	}
}

func TestInstalledPotsOutliveTheNode(t *testing.T) {
	dir := t.TempDir()
	n := newNode(t, Config{StateDir: dir}).run()
	runs := Spec{ID: "runs", Type: "tcp", Listen: "127.0.0.1:0", ReportPort: 21, Options: map[string]string{"banner": "\xff\x00"}}
	rests := Spec{ID: "rests", Type: "telnet", Listen: "127.0.0.1:0"}
	later := Spec{ID: "later", Type: "telnet", Listen: "127.0.0.1:0"}
	mustNot(t, n.m.Install(runs, true))
	mustNot(t, n.m.Install(rests, true))
	mustNot(t, n.m.Install(later, false))
	mustNot(t, n.m.Stop("rests"))
	mustNot(t, n.m.Start("later"))
	n.pots("tcp id=flag listen=127.0.0.1:0") // not kept: the flag says it again
	n.stop()

	info, err := os.Stat(storeOf(dir))
	mustNot(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	n = newNode(t, Config{StateDir: dir}).run()
	want := map[string]wire.PotState{"runs": wire.PotRunning, "rests": wire.PotStopped, "later": wire.PotRunning}
	list := n.m.List()
	if len(list) != len(want) {
		t.Errorf("%d pots: %+v", len(list), list)
	}
	for _, p := range list {
		if p.State != want[p.ID] || p.Configured {
			t.Errorf("%+v, want %s", p, want[p.ID])
		}
	}
	if p, _ := n.m.Info("runs"); !p.Spec.Equal(runs) {
		t.Errorf("%+v, want %+v", p.Spec, runs)
	}
}

// TestUnknownTypeIsKept: a file of a program that had more types.
func TestUnknownTypeIsKept(t *testing.T) {
	dir := t.TempDir()
	kept := append(somePots(), keptPot{Spec{ID: "old", Type: "gopher", Listen: ":70"}, true, nil})
	mustNot(t, os.WriteFile(storeOf(dir), encodeStore(kept), 0o600))
	n := newNode(t, Config{StateDir: dir}).run()
	if p, _ := n.m.Info("old"); p.State != wire.PotFailed || !strings.Contains(p.Message, "gopher") {
		t.Errorf("%+v", p)
	}
	if err := n.m.Start("old"); err == nil || !strings.Contains(err.Error(), "gopher") {
		t.Errorf("start: %v", err)
	}
	mustNot(t, n.m.Start("b"))
	n.stop()
	data, err := os.ReadFile(storeOf(dir))
	mustNot(t, err)
	again, err := decodeStore(data)
	if err != nil || len(again) != 4 || !again[3].want && !again[1].want {
		t.Errorf("%+v %v", again, err)
	}
}

// TestStateDirThatCantBeWritten: a file where the directory should be fails
// like a read-only or full one, also for root.
func TestStateDirThatCantBeWritten(t *testing.T) {
	dir := t.TempDir() + "/file"
	n := newNode(t, Config{StateDir: dir}).run()
	mustNot(t, os.WriteFile(dir, nil, 0o600))
	err := n.m.Install(Spec{ID: "p", Type: "tcp", Listen: "127.0.0.1:0"}, true)
	if !errors.Is(err, ErrNotKept) || !strings.Contains(err.Error(), "-state-dir") {
		t.Errorf("error %v", err)
	}
	n.addr("p") // runs all the same
	if err = n.m.Stop("p"); !errors.Is(err, ErrNotKept) {
		t.Errorf("error %v", err)
	}
	if p, _ := n.m.Info("p"); p.State != wire.PotStopped {
		t.Errorf("%+v", p)
	}
	if _, err := os.Stat(dir + ".broken"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was set aside")
	}
}

// FuzzStore: no file breaks the decoder, and what it takes it writes again.
func FuzzStore(f *testing.F) {
	f.Add(encodeStore(somePots()))
	f.Add(encodeStore(nil))
	f.Add([]byte{0x92, 1, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		kept, err := decodeStore(b)
		if err != nil {
			return
		}
		again, err := decodeStore(encodeStore(kept))
		if err != nil || len(again) != len(kept) {
			t.Fatalf("%+v becomes %+v, %v", kept, again, err)
		}
		for i := range kept {
			if !again[i].spec.Equal(kept[i].spec) || again[i].want != kept[i].want || !reflect.DeepEqual(again[i].program, kept[i].program) {
				t.Fatalf("%+v becomes %+v", kept[i], again[i])
			}
		}
	})
}
