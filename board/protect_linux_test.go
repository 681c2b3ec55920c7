package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// protectOrders tell a child of the test what to protect itself with.
type protectOrders struct {
	Protection
	Dir          string // for what is tried
	CorePort     uint16 // where it may connect to
	Connectable  bool   // to any port, by the kernel's ABI or the type of node
	Unconfinable bool   // Landlock is not for this one
}

const protectVariable = "BOARD_TEST_PROTECT"

// The whole of it, for real: a child becomes what a node is, and tries.
func TestProtect(t *testing.T) {
	if text := os.Getenv(protectVariable); text != "" {
		var o protectOrders
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		protectedChild(t, o)
		return
	}
	if cgo {
		t.Skip("the runtime may not reach all threads of a program with cgo")
	}
	needRoot(t)
	core, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	abi, _ := LandlockABI()
	for _, user := range []string{"", "65534:65533"} {
		for _, full := range []bool{false, true} {
			t.Run(fmt.Sprintf("user %q, full %t", user, full), func(t *testing.T) {
				dir, err := os.MkdirTemp("", "protect")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = os.RemoveAll(dir) })
				o := protectOrders{Dir: dir, CorePort: uint16(core.Addr().(*net.TCPAddr).Port)}
				o.Protection = Protection{
					Account: user, StateDir: filepath.Join(dir, "state"), Keep: CapNetBindService, Sandbox: true, Full: full,
					Access: NodeAccess(full, false, false),
				}
				o.Access.Write = append(o.Access.Write, o.StateDir)
				if !full {
					o.Access.Connect = []uint16{o.CorePort}
				}
				o.Unconfinable = abi == 0 || full && user == ""
				o.Connectable = abi < 4 || full
				for _, err := range []error{
					os.Chmod(dir, 0o755), os.Mkdir(o.StateDir, 0o700), os.WriteFile(o.StateDir+"/old", nil, 0o600),
					os.Mkdir(dir+"/other", 0o777), os.Chmod(dir+"/other", 0o777), os.WriteFile(dir+"/other/secret", nil, 0o644),
				} {
					if err != nil {
						t.Fatal(err)
					}
				}
				runProtected(t, o)
			})
		}
	}
}

func runProtected(t *testing.T, o protectOrders) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	// A copy that another user may read.
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(o.Dir, "program")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^TestProtect$", "-test.v")
	cmd.Dir = o.Dir
	cmd.Env = append(os.Environ(), protectVariable+"="+string(text), "TMPDIR="+o.StateDir)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.ENOEXEC) {
		t.Skip("emulated, and the kernel does not know")
	}
	if err != nil || !strings.Contains(string(out), "tried all") {
		t.Errorf("%v\n%s", err, out)
	}
}

func protectedChild(t *testing.T, o protectOrders) {
	done, problems, err := o.Protect()
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	if o.Unconfinable != !done.Confined || strings.HasPrefix(done.Landlock, "off") != o.Unconfinable {
		t.Errorf("landlock: %+v", done)
	}
	if strings.HasPrefix(done.Seccomp, "off") {
		t.Logf("no seccomp here: %s", done.Seccomp)
	}
	r, err := Machine{}.Rights()
	if err != nil {
		t.Fatal(err)
	}
	if o.Account != "" && (r.UID != 65534 || r.GID != 65533 || len(r.Groups) > 0 || r.Effective != CapNetBindService || r.Bounding != CapNetBindService) {
		t.Errorf("%+v", r)
	}
	if allowed := rootKeeps | CapNetBindService; o.Account == "" && !o.Full && r.Effective&^allowed != 0 {
		t.Errorf("%v is left", r.Effective)
	}
	if !r.NoNewPrivs {
		t.Error("new privileges")
	}
	for _, a := range protectedAttempts(o) {
		err := a.do()
		if (err == nil) != a.may {
			t.Errorf("%s: %v, want it to work: %t", a.name, err, a.may)
		}
	}
	fmt.Println("tried all")
}

// protectedAttempt is something that a node does, or must not be able to.
type protectedAttempt struct {
	name string
	may  bool
	do   func() error
}

func protectedAttempts(o protectOrders) []protectedAttempt {
	read := func(path string) func() error {
		return func() error { _, err := os.ReadFile(path); return err }
	}
	dial := func(port uint16) func() error {
		return func() error {
			c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(int(port)))
			if err == nil {
				c.Close()
			}
			if errors.Is(err, unix.ECONNREFUSED) { // nobody is there, but one might ask
				err = nil
			}
			return err
		}
	}
	freely := o.Unconfinable
	return []protectedAttempt{
		{"the passwords", freely && o.Account == "", read("/etc/shadow")},
		{"another's file", freely, read(o.Dir + "/other/secret")},
		{"a new file elsewhere", freely, func() error { return os.WriteFile(o.Dir+"/other/mine", nil, 0o600) }},
		{"a shell", o.Full, func() error { return exec.Command("/bin/sh", "-c", "exit 0").Run() }},
		{"to become a shell", false, func() error {
			if o.Full {
				return unix.EPERM // it may, and would be gone
			}
			return unix.Exec("/bin/sh", []string{"sh", "-c", "exit 0"}, nil)
		}},
		{"packets", false, func() error { _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0); return err }},
		{"raw IP", false, func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, 1); return err }},
		{"to trace", false, func() error {
			if err := unix.PtraceAttach(1 << 22); !errors.Is(err, unix.ESRCH) { // beyond the largest id
				return err
			}
			return nil // it was let ask
		}},
		{"another namespace", o.Full && o.Account == "", func() error { return unix.Unshare(unix.CLONE_NEWNS) }},
		{"other groups", o.Full && o.Account == "", func() error { return unix.Setgroups([]int{0}) }},
		{"the clock", false, func() error { return unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Sec: 1}) }},
		{"a device", false, func() error { return unix.Mknod(o.StateDir+"/device", unix.S_IFBLK|0o600, 1) }},
		{"a server that is not Core", o.Connectable, dial(o.CorePort ^ 1)},

		{"Core", true, dial(o.CorePort)},
		{"its state", true, func() error { return WriteFile(o.StateDir+"/new", []byte("x")) }},
		{"what was there", true, read(o.StateDir + "/old")},
		{"facts", true, read("/proc/meminfo")},
		{"hosts", true, read("/etc/hosts")},
		{"a low port", true, func() error {
			for port := 800; port < 900; port++ {
				l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
				if err == nil {
					return l.Close()
				}
				if !errors.Is(err, unix.EADDRINUSE) {
					return err
				}
			}
			return errors.New("none is free")
		}},
		{"interfaces", true, func() error { _, err := net.Interfaces(); return err }},
	}
}
