//go:build linux && (amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// golden are the calls' numbers by hand from the kernel's tables
// (arch/x86/entry/syscalls/syscall_64.tbl, scripts/syscall.tbl,
// arch/arm/tools/syscall.tbl, arch/mips/kernel/syscalls/syscall_o32.tbl): the
// filter is made of x/sys/unix's.
var golden = map[string]map[string]uint32{
	"amd64": {
		"read": 0, "write": 1, "openat": 257, "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "ptrace": 101, "mount": 165,
		"umount2": 166, "unshare": 272, "setns": 308, "bpf": 321, "io_uring_setup": 425, "clone3": 435, "init_module": 175, "mmap": 9, "mprotect": 10,
		"ioctl": 16, "prctl": 157, "tgkill": 234, "futex": 202, "epoll_pwait": 281, "keyctl": 250, "perf_event_open": 298, "userfaultfd": 323,
		"setuid": 105, "exit_group": 231, "execveat": 322, "newest": 471, "wait4": 61,
	},
	"generic": { // arm64, riscv64
		"read": 63, "write": 64, "openat": 56, "socket": 198, "clone": 220, "execve": 221, "kill": 129, "ptrace": 117, "mount": 40,
		"umount2": 39, "unshare": 97, "setns": 268, "bpf": 280, "io_uring_setup": 425, "clone3": 435, "init_module": 105, "mmap": 222, "mprotect": 226,
		"ioctl": 29, "prctl": 167, "tgkill": 131, "futex": 98, "epoll_pwait": 22, "keyctl": 219, "perf_event_open": 241, "userfaultfd": 282,
		"setuid": 146, "exit_group": 94, "execveat": 281, "newest": 471, "wait4": 260,
	},
	"arm": {
		"read": 3, "write": 4, "openat": 322, "socket": 281, "clone": 120, "fork": 2, "vfork": 190, "execve": 11, "kill": 37, "ptrace": 26, "mount": 21,
		"umount2": 52, "unshare": 337, "setns": 375, "bpf": 386, "io_uring_setup": 425, "clone3": 435, "init_module": 128, "mmap": 192, "mprotect": 125,
		"ioctl": 54, "prctl": 172, "tgkill": 268, "futex": 240, "futex_time64": 422, "epoll_pwait": 346, "keyctl": 311, "perf_event_open": 364,
		"userfaultfd": 388, "setuid": 213, "exit_group": 248, "execveat": 387, "newest": 471, "wait4": 114, "cacheflush": 0xf0002, "set_tls": 0xf0005,
	},
	"mips": { // o32, either order of bytes
		"read": 4003, "write": 4004, "openat": 4288, "socket": 4183, "clone": 4120, "fork": 4002, "execve": 4011, "kill": 4037, "ptrace": 4026, "mount": 4021,
		"umount2": 4052, "unshare": 4303, "setns": 4344, "bpf": 4355, "io_uring_setup": 4425, "clone3": 4435, "init_module": 4128, "mmap": 4210, "mprotect": 4125,
		"ioctl": 4054, "prctl": 4192, "tgkill": 4266, "futex": 4238, "futex_time64": 4422, "epoll_pwait": 4313, "keyctl": 4282, "perf_event_open": 4333,
		"userfaultfd": 4357, "setuid": 4023, "exit_group": 4246, "execveat": 4356, "newest": 4471, "wait4": 4114, "syscall": 4000, "old_mmap": 4090,
	},
}

// arch is how this machine is called by Go, by golden and by linux/audit.h.
func arch(t *testing.T) (numbers map[string]uint32, audit uint32) {
	t.Helper()
	table := map[string]struct {
		golden string
		audit  uint32
	}{
		"amd64": {"amd64", 0xc000003e}, "arm64": {"generic", 0xc00000b7}, "riscv64": {"generic", 0xc00000f3},
		"arm": {"arm", 0x40000028}, "mips": {"mips", 0x00000008}, "mipsle": {"mips", 0x40000008},
	}
	a, ok := table[runtime.GOARCH]
	if !ok {
		t.Fatalf("no numbers for %s", runtime.GOARCH)
	}
	return golden[a.golden], a.audit
}

// run is the kernel's machine, as much of it as filters use, and a little more
// suspicious.
func run(t *testing.T, prog []unix.SockFilter, data []byte) uint32 {
	t.Helper()
	var a uint32
	for pc, steps := 0, 0; ; pc++ {
		if pc >= len(prog) || steps > len(prog) {
			t.Fatalf("the filter runs out at %d", pc)
		}
		steps++
		i := prog[pc]
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = binary.NativeEndian.Uint32(data[i.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			pc += choose(a == i.K, i)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			pc += choose(a > i.K, i)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			pc += choose(a >= i.K, i)
		case unix.BPF_RET | unix.BPF_K:
			return i.K
		default:
			t.Fatalf("instruction %#x", i.Code)
		}
	}
}

func choose(yes bool, i unix.SockFilter) int {
	if yes {
		return int(i.Jt)
	}
	return int(i.Jf)
}

// data is struct seccomp_data. Upper halves of arguments are rubbish, as a
// hostile caller would have them.
func data(audit, number uint32, args ...uint32) []byte {
	b := binary.NativeEndian.AppendUint32(nil, number)
	b = binary.NativeEndian.AppendUint32(b, audit)
	b = binary.NativeEndian.AppendUint64(b, 0x1234)
	for i := range 6 {
		v := uint64(0xdeadbeef) << 32
		if i < len(args) {
			v |= uint64(args[i])
		}
		b = binary.NativeEndian.AppendUint64(b, v)
	}
	return b
}

const testPID = 4711

// The lists by names: a letter a list, A for Agent, F for Full, P for Program,
// that allows it.
func TestLists(t *testing.T) {
	const thread = 0x50f00 // CLONE_VM|FS|FILES|SIGHAND|SYSVSEM|THREAD
	stream, dgram, raw := uint32(unix.SOCK_STREAM), uint32(unix.SOCK_DGRAM), uint32(3)
	tests := []struct {
		call string
		args []uint32
		by   string
	}{
		{"ptrace", nil, ""}, {"setns", nil, ""}, {"bpf", nil, ""}, {"io_uring_setup", nil, ""}, {"init_module", nil, ""}, {"keyctl", nil, ""},
		{"perf_event_open", nil, ""}, {"userfaultfd", nil, ""}, {"syscall", nil, ""}, {"clone3", nil, ""},
		{"mount", nil, "F"}, {"umount2", nil, "F"}, {"unshare", nil, "F"}, {"setuid", nil, "FP"}, {"wait4", nil, "FP"},
		{"fork", nil, "FP"}, {"vfork", nil, "FP"}, {"execveat", nil, "FP"},
		{"read", nil, "AFP"}, {"write", nil, "AFP"}, {"openat", nil, "AFP"}, {"futex", nil, "AFP"}, {"futex_time64", nil, "AFP"},
		{"epoll_pwait", nil, "AFP"}, {"exit_group", nil, "AFP"}, {"execve", nil, "AFP"}, {"cacheflush", nil, "AFP"}, {"set_tls", nil, "AFP"},

		{"clone", []uint32{thread}, "AFP"},
		{"clone", []uint32{17}, "FP"},                          // fork: SIGCHLD
		{"clone", []uint32{0x4111}, "FP"},                      // vfork
		{"clone", []uint32{thread | unix.CLONE_NEWNS}, "F"},    //
		{"clone", []uint32{unix.CLONE_NEWUSER | 17}, "F"},      //
		{"clone", []uint32{unix.CLONE_NEWPID | 17}, "F"},       //
		{"clone", []uint32{unix.CLONE_NEWNET | 17}, "F"},       //
		{"clone", []uint32{unix.CLONE_NEWCGROUP | 17}, "F"},    //
		{"mmap", []uint32{0, 4096, unix.PROT_READ | 2}, "AFP"}, //
		{"mmap", []uint32{0, 4096, unix.PROT_EXEC | 1}, "FP"},  //
		{"old_mmap", []uint32{0, 4096, unix.PROT_READ | 2}, "AFP"},
		{"old_mmap", []uint32{0, 4096, unix.PROT_EXEC | 1}, "FP"},
		{"mprotect", []uint32{0, 4096, unix.PROT_NONE}, "AFP"},    //
		{"mprotect", []uint32{0, 4096, unix.PROT_EXEC}, "FP"},     //
		{"kill", []uint32{testPID, 9}, "AFP"},                     //
		{"kill", []uint32{1, 9}, "FP"},                            //
		{"kill", []uint32{0xffffffff, 9}, "FP"},                   // all there are
		{"tgkill", []uint32{testPID, 5, 23}, "AFP"},               //
		{"tgkill", []uint32{testPID + 1, 5, 23}, "FP"},            //
		{"prctl", []uint32{unix.PR_SET_VMA}, "AFP"},               //
		{"prctl", []uint32{unix.PR_SET_NO_NEW_PRIVS}, "AFP"},      //
		{"prctl", []uint32{unix.PR_SET_PTRACER}, "FP"},            //
		{"prctl", []uint32{unix.PR_SET_MM}, "FP"},                 //
		{"ioctl", []uint32{1, unix.SIOCOUTQ}, "AFP"},              //
		{"ioctl", []uint32{1, unix.WDIOC_KEEPALIVE}, "AFP"},       //
		{"ioctl", []uint32{1, unix.WDIOC_SETTIMEOUT}, "AFP"},      //
		{"ioctl", []uint32{1, unix.TCGETS}, "FP"},                 //
		{"ioctl", []uint32{1, unix.TIOCSTI}, ""},                  //
		{"ioctl", []uint32{1, unix.TIOCLINUX}, ""},                //
		{"socket", []uint32{unix.AF_UNIX, stream}, "AFP"},         //
		{"socket", []uint32{unix.AF_INET, stream}, "AFP"},         //
		{"socket", []uint32{unix.AF_INET, stream | 0x800}, "AFP"}, // SOCK_NONBLOCK, or another flag
		{"socket", []uint32{unix.AF_INET6, dgram | unix.SOCK_CLOEXEC}, "AFP"},
		{"socket", []uint32{unix.AF_INET, raw}, ""},
		{"socket", []uint32{unix.AF_INET6, raw | unix.SOCK_CLOEXEC}, ""},
		{"socket", []uint32{unix.AF_NETLINK, raw, unix.NETLINK_ROUTE}, "AFP"},
		{"socket", []uint32{unix.AF_NETLINK, raw, unix.NETLINK_NETFILTER}, ""},
		{"socket", []uint32{unix.AF_PACKET, dgram}, ""},
		{"socket", []uint32{unix.AF_ALG, 5}, ""},
		{"socket", []uint32{unix.AF_VSOCK, stream}, ""},
		{"socket", []uint32{unix.AF_BLUETOOTH, raw}, ""},
	}
	numbers, audit := arch(t)
	seen := 0
	for _, tt := range tests {
		number, ok := numbers[tt.call]
		if !ok {
			continue // another architecture's
		}
		seen++
		for _, l := range []List{Agent, Full, Program} {
			want := strings.Contains(tt.by, strings.ToUpper(l.String()[:1]))
			got := run(t, assemble(l, Options{}, testPID), data(audit, number, tt.args...))
			if (got == allow) != want || got != allow && got != deny && !(tt.call == "clone3" && got == nosys) {
				t.Errorf("%s %#x in the list %v: %#x, allowed %v", tt.call, tt.args, l, got, want)
			}
		}
	}
	if seen < len(tests)-8 {
		t.Errorf("only %d cases", seen)
	}
}

// What is not this architecture's, or younger than the list.
func TestOutside(t *testing.T) {
	numbers, audit := arch(t)
	for _, l := range []List{Agent, Full, Program} {
		prog := assemble(l, Options{}, testPID)
		if got := run(t, prog, data(audit^0x40000000, numbers["read"])); got != deny {
			t.Errorf("%v: another architecture: %#x", l, got)
		}
		for _, n := range []uint32{numbers["newest"] + 1, 1 << 20, 0x40000000 | numbers["read"], 1 << 31, 1<<32 - 1} {
			if got := run(t, prog, data(audit, n)); got != nosys {
				t.Errorf("%v: call %#x: %#x", l, n, got)
			}
		}
		if got := run(t, prog, data(audit, numbers["newest"])); (got == allow) != (l != Agent) {
			t.Errorf("%v: the youngest: %#x", l, got)
		}
		if len(prog) > 1000 {
			t.Errorf("%v: %d instructions", l, len(prog))
		}
	}
	got := run(t, assemble(Agent, Options{Packets: true}, testPID), data(audit, numbers["socket"], unix.AF_PACKET, uint32(unix.SOCK_DGRAM)))
	if got != allow {
		t.Errorf("packets where they are asked for: %#x", got)
	}
	if got := run(t, assemble(Agent, Options{Packets: true}, testPID), data(audit, numbers["socket"], unix.AF_PACKET, 3)); got != deny {
		t.Errorf("raw packets: %#x", got)
	}
}

// The tree says the same as the list, number by number.
func TestTree(t *testing.T) {
	_, audit := arch(t)
	for _, l := range []List{Agent, Full, Program} {
		prog, allowed, checked := assemble(l, Options{}, testPID), map[uint32]bool{}, map[uint32]bool{}
		for _, n := range calls(l) {
			allowed[n] = true
		}
		for _, s := range checks(l, Options{}, testPID) {
			checked[s.lo] = true
		}
		for n := uint32(0); n <= lastCall+10; n++ {
			if got := run(t, prog, data(audit, n)); !checked[n] && (got == allow) != allowed[n] {
				t.Errorf("%v: call %d: %#x", l, n, got)
			}
		}
	}
	for _, n := range agentCalls { // nothing that a Full node is refused
		for _, refused := range append(refusedCalls, refusedCallsHere...) {
			if n == refused {
				t.Errorf("call %d is both an agent's and refused", n)
			}
		}
	}
}

func ExampleList_String() {
	fmt.Println(Agent, Full, Program)
	// Output: agent full program
}
