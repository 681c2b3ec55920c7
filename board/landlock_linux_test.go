package board

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// landlockTest tells the test's program to be one that Landlock restricts.
const landlockTest = "FORAGER_LANDLOCK_TEST"

func TestMain(m *testing.M) {
	if dir := os.Getenv(landlockTest); dir != "" {
		os.Exit(restricted(dir, os.Args[1]))
	}
	os.Exit(m.Run())
}

// attempts is what the restricted program tries, in dir.
var attempts = []struct {
	name string
	abi  int // from which Landlock decides
	want error
	do   func(dir string) error
}{
	{"read outside", 1, unix.EACCES, func(dir string) error { return read(dir + "/secret") }},
	{"read by a link", 1, unix.EACCES, func(dir string) error { return read(dir + "/write/link") }},
	{"list outside", 1, unix.EACCES, func(dir string) error { _, err := os.ReadDir(dir); return err }},
	{"write outside", 1, unix.EACCES, func(dir string) error { return os.WriteFile(dir+"/new", nil, 0o600) }},
	{"write what may be read", 1, unix.EACCES, func(dir string) error { return os.WriteFile(dir+"/read/new", nil, 0o600) }},
	{"truncate what may be read", 3, unix.EACCES, func(dir string) error { return os.Truncate(dir+"/read/file", 0) }},
	{"remove what may be read", 1, unix.EACCES, func(dir string) error { return os.Remove(dir + "/read/file") }},
	{"move out", 2, unix.EACCES, func(dir string) error { return os.Rename(dir+"/write/file", dir+"/read/file") }},
	{"run a shell", 1, unix.EACCES, func(string) error { return exec.Command("/bin/sh", "-c", ":").Run() }},
	{"run what may be written", 1, unix.EACCES, func(dir string) error { return exec.Command(dir + "/write/program").Run() }},
	{"make a device", 1, unix.EACCES, func(dir string) error {
		err := unix.Mknod(dir+"/write/null", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3)))
		if errors.Is(err, unix.EPERM) {
			err = unix.EACCES // an ordinary user can't anyway
		}
		return err
	}},
	{"bind another port", 4, unix.EACCES, func(string) error { return bindOnce(0) }},

	{"read a file that is named", 1, nil, func(dir string) error { return read(dir + "/one") }},
	{"read", 1, nil, func(dir string) error { return read(dir + "/read/file") }},
	{"list", 1, nil, func(dir string) error { _, err := os.ReadDir(dir + "/read"); return err }},
	{"write", 1, nil, func(dir string) error { return os.WriteFile(dir+"/write/new", []byte("x"), 0o600) }},
	{"write as the node does", 1, nil, func(dir string) error { return WriteFile(dir+"/write/atomic", []byte("x")) }},
	{"append to a file that is named", 1, nil, func(dir string) error {
		f, err := os.OpenFile(dir+"/append", os.O_WRONLY|os.O_TRUNC, 0)
		if err == nil {
			err = f.Close()
		}
		return err
	}},
	{"move within", 2, nil, func(dir string) error {
		name := dir + "/write/" + strconv.Itoa(unix.Gettid()) + strconv.Itoa(int(moves()))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			return err
		}
		return os.Rename(name, dir+"/write/sub/"+filepath.Base(name))
	}},
	{"use a device", 1, nil, func(string) error { return os.WriteFile("/dev/null", []byte("x"), 0) }},
}

var moves = func() func() uint64 {
	var mu sync.Mutex
	n := uint64(0)
	return func() uint64 { mu.Lock(); defer mu.Unlock(); n++; return n }
}()

func read(name string) error {
	_, err := os.ReadFile(name)
	return err
}

// bindOnce binds a port of TCP; Go's own listeners may be MPTCP, which is free.
func bindOnce(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

// restricted is the program: it applies Landlock, tries everything on several
// threads, and prints what went otherwise than it should.
func restricted(dir, how string) int {
	var ready, wg sync.WaitGroup
	start := make(chan struct{})
	failed := make(chan string, 1000)
	threads := 4
	if how == "thread" {
		runtime.LockOSThread()
		threads = 0
	}
	for range threads { // threads that are there before
		ready.Add(1)
		wg.Go(func() {
			runtime.LockOSThread()
			ready.Done()
			<-start
			try(dir, failed)
		})
	}
	ready.Wait()
	access := Access{
		Read: []string{dir + "/read", dir + "/one", dir + "/missing"}, Exec: []string{dir + "/exec"},
		Write: []string{dir + "/write", dir + "/append", "/dev/null"},
		Bind:  []uint16{}, Connect: []uint16{443}, Scope: how == "thread",
	}
	restrict := Landlock
	if how == "thread" {
		restrict = LandlockThread
	}
	abi, err := restrict(access)
	if err != nil {
		fmt.Printf("error: %v\n", err)
		if errors.Is(err, ErrNoLandlock) && abi == 0 && read(dir+"/secret") == nil {
			fmt.Println("nothing restricted")
		}
		return 0
	}
	close(start)
	try(dir, failed)
	wg.Wait()
	close(failed)
	for f := range failed {
		fmt.Println("failed:", f)
	}
	fmt.Println("done", abi)
	return 0
}

func try(dir string, failed chan<- string) {
	abi, _ := LandlockABI()
	for _, a := range attempts {
		if err := a.do(dir); a.abi <= abi && !errors.Is(err, a.want) {
			failed <- fmt.Sprintf("%s: %v, want %v", a.name, err, a.want)
		}
	}
}

func TestLandlock(t *testing.T) {
	_, missing := LandlockABI()
	for _, how := range []string{"process", "thread"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			for _, d := range []string{"read", "exec", "write/sub"} {
				if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range []string{"secret", "one", "append", "read/file", "write/file", "write/program"} {
				if err := os.WriteFile(filepath.Join(dir, f), []byte("#!/bin/sh\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(dir+"/secret", dir+"/write/link"); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe", how)
			cmd.Env = append(os.Environ(), landlockTest+"="+dir)
			out, err := cmd.CombinedOutput()
			text := string(out)
			switch {
			case errors.Is(err, unix.ENOEXEC):
				// An emulator, which can't run the program again and has no
				// Landlock: this process may ask without harm.
				if _, err := Landlock(Access{}); !errors.Is(missing, ErrNoLandlock) || !errors.Is(err, ErrNoLandlock) {
					t.Errorf("want ErrNoLandlock twice, got %v and %v", missing, err)
				}
			case missing != nil:
				if !strings.Contains(text, "nothing restricted") {
					t.Errorf("no Landlock here (%v), and the program says %v, %s", missing, err, text)
				}
			case how == "process" && cgo && strings.Contains(text, syscall.ENOTSUP.Error()):
				// A program that may have threads the runtime does not know,
				// such as one with the race detector.
			case err != nil || strings.Contains(text, "failed") || !strings.Contains(text, "done"):
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

// TestLandlockRules: what an old kernel does not know must not be asked for,
// and the sizes are those of linux/landlock.h.
func TestLandlockRules(t *testing.T) {
	a := Access{Bind: []uint16{}, Connect: []uint16{1}, Scope: true}
	for abi, want := range map[int]landlockRules{
		1: {fs: 0x1fff}, 2: {fs: 0x3fff}, 3: {fs: 0x7fff}, 4: {0x7fff, 3, 0}, 5: {0xffff, 3, 0},
		6: {0xffff, 3, 3}, 7: {0xffff, 3, 3}, 99: {0xffff, 3, 3},
	} {
		if got := a.rules(abi); got != want {
			t.Errorf("ABI %d: %+v, want %+v", abi, got, want)
		}
	}
	if got := (Access{Connect: []uint16{}}).rules(7); got != (landlockRules{fs: 0xffff, net: 2}) {
		t.Errorf("no list of ports must be no rule: %+v", got)
	}
	r := landlockRules{}
	for abi, want := range map[int]uintptr{1: 8, 3: 8, 4: 16, 5: 16, 6: 24, 7: 24} {
		if got := r.size(abi); got != want {
			t.Errorf("ABI %d: %d bytes, want %d", abi, got, want)
		}
	}
}
