//go:build linux && (amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// attempt is something to try under a list, and who may.
type attempt struct {
	name string
	by   string // the lists that allow it
	do   func() error
}

func number(trap uintptr, args ...uintptr) func() error {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		_, _, e := unix.Syscall6(trap, a[0], a[1], a[2], a[3], a[4], a[5])
		if e != 0 {
			return e
		}
		return nil
	}
}

func socket(family, kind, protocol int) func() error {
	return func() error {
		fd, err := unix.Socket(family, kind, protocol)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
}

// attempts are made with arguments that the kernel answers in another way than
// the filter: with EPERM or ENOSYS it was the filter.
var attempts = []attempt{
	{"another process's registers", "", number(unix.SYS_PTRACE, unix.PTRACE_ATTACH, 1<<22)},
	{"packets", "", socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)},
	{"raw IP", "", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
	{"the kernel's cryptography", "", socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)},
	{"the firewall", "", socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)},
	{"a program in the kernel", "", number(unix.SYS_BPF, 99)},
	{"io_uring", "", number(unix.SYS_IO_URING_SETUP, 0, 0)},
	{"keys", "", number(unix.SYS_KEYCTL, 99)},
	{"a module", "", number(unix.SYS_DELETE_MODULE, 0, 0)},
	{"another namespace", "", number(unix.SYS_SETNS, ^uintptr(0), 0)},
	{"a program", "FP", func() error { return exec.Command("/proc/self/exe", "-test.run=^$").Run() }},
	{"a user namespace", "F", func() error {
		cmd := exec.Command("/proc/self/exe", "-test.run=^$")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
		return cmd.Run()
	}},
	{"memory that runs", "FP", func() error {
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err == nil {
			_ = unix.Munmap(b)
		}
		return err
	}},
	{"an owner", "FP", func() error { return unix.Chown("/proc/self/nothing", 1, 1) }},

	{"a file", "AFP", func() error { _, err := os.ReadFile("/proc/self/stat"); return err }},
	{"a directory", "AFP", func() error { _, err := os.ReadDir("/proc"); return err }},
	{"a new file", "AFP", newFile},
	{"interfaces", "AFP", func() error { _, err := net.Interfaces(); return err }},
	{"a connection", "AFP", connection},
	{"many threads", "AFP", threads},
	{"the clock", "AFP", func() error { var t unix.Timex; _, err := unix.Adjtimex(&t); return err }},
	{"a signal to itself", "AFP", func() error { return unix.Kill(os.Getpid(), 0) }},
	{"garbage", "AFP", func() error { runtime.GC(); time.Sleep(time.Millisecond); return nil }},
	{"the number after the last", "", number(lastCall + 1)},
	{"processes by the newest call", "", number(unix.SYS_CLONE3, 0, 0)},
}

func newFile() error {
	f, err := os.CreateTemp("", "seccomp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	return os.Rename(f.Name(), f.Name())
}

func connection() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("x"))
			c.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	return err
}

func threads() error {
	held, release := make(chan bool), make(chan bool)
	for range 20 {
		go func() {
			runtime.LockOSThread() // ends with the goroutine
			held <- true
			<-release
		}()
	}
	for range 20 {
		<-held
	}
	close(release)
	return nil
}

// Each list for real, in a child of the test, on threads that are there and on
// those that come.
func TestApply(t *testing.T) {
	if l := os.Getenv("SECCOMP_TEST_LIST"); l != "" {
		child(t, List(l[0]-'0'))
		return
	}
	for _, l := range []List{Agent, Full, Program} {
		t.Run(l.String(), func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestApply$", "-test.v")
			cmd.Env = append(os.Environ(), fmt.Sprintf("SECCOMP_TEST_LIST=%d", l))
			out, err := cmd.CombinedOutput()
			if errors.Is(err, unix.ENOEXEC) {
				t.Skip("emulated, and the kernel does not know")
			}
			if err != nil || !strings.Contains(string(out), "tried all") && !strings.Contains(string(out), "no filters") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func child(t *testing.T, l List) {
	go func() { // a thread that is there before
		runtime.LockOSThread()
		select {}
	}()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	err := Apply(l, Options{})
	if errors.Is(err, unix.EACCES) { // the other threads lack no_new_privs
		if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 && e != unix.ENOTSUP {
			t.Fatal(e)
		}
		err = Apply(l, Options{})
	}
	if errors.Is(err, ErrNone) {
		fmt.Println("no filters here")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	mine := strings.ToUpper(l.String()[:1])
	for _, a := range attempts {
		err := a.do()
		refused := errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS)
		if refused == strings.Contains(a.by, mine) {
			t.Errorf("%v: %s: %v", l, a.name, err)
		}
	}
	fmt.Println("tried all")
}

// A filter is another's: it does not take what it allows.
func TestApplyTwice(t *testing.T) {
	if os.Getenv("SECCOMP_TEST_TWICE") != "" {
		_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		runtime.LockOSThread()
		for i := range 3 {
			if err := ApplyThread(Program, Options{}); err != nil && !errors.Is(err, ErrNone) {
				t.Fatalf("%d: %v", i, err)
			}
		}
		if err := connection(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("applied thrice")
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestApplyTwice$", "-test.v")
	cmd.Env = append(os.Environ(), "SECCOMP_TEST_TWICE=1")
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.ENOEXEC) {
		t.Skip("emulated, and the kernel does not know")
	}
	if err != nil || !strings.Contains(string(out), "applied thrice") {
		t.Errorf("%v\n%s", err, out)
	}
}
