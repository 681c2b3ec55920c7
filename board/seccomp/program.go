//go:build linux && (amd64 || arm64 || arm || mips || mipsle || riscv64)

package seccomp

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data (linux/seccomp.h): the call's number, the
// architecture, an address, and six arguments of 64 bits in native order.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// maxProgram is how many instructions the kernel takes (BPF_MAXINSNS).
const maxProgram = 4096

// Verdicts.
const (
	allow = unix.SECCOMP_RET_ALLOW
	deny  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	nosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// span is what happens to the calls from lo to hi.
type span struct {
	lo, hi uint32
	do     func(*program) // ends with a verdict
}

// program is a filter under construction.
type program []unix.SockFilter

func (p *program) ret(verdict uint32) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: verdict})
}

func verdict(v uint32) func(*program) { return func(p *program) { p.ret(v) } }

func (p *program) load(offset uint32) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
}

// arg loads the lower half of an argument, which is all of an int.
func (p *program) arg(n int) {
	offset := uint32(offArgs + 8*n)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		offset += 4
	}
	p.load(offset)
}

func (p *program) and(mask uint32) {
	*p = append(*p, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask})
}

// when emits what happens if the loaded value compares so; it must end with a
// verdict. The jump over it may be longer than a condition's 255.
func (p *program) when(compare uint16, k uint32, then func(*program)) {
	*p = append(*p,
		unix.SockFilter{Code: unix.BPF_JMP | compare | unix.BPF_K, Jt: 1, K: k},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA})
	jump := len(*p) - 1
	then(p)
	(*p)[jump].K = uint32(len(*p) - jump - 1)
}

// oneOf allows values.
func (p *program) oneOf(values ...uint32) {
	for _, v := range values {
		p.when(unix.BPF_JEQ, v, verdict(allow))
	}
}

// tree finds the loaded number among spans by halving them, and gives the rest
// the verdict otherwise.
func (p *program) tree(spans []span, otherwise uint32) {
	if len(spans) == 0 {
		p.ret(otherwise)
		return
	}
	if len(spans) == 1 {
		s := spans[0]
		p.when(unix.BPF_JGT, s.hi, verdict(otherwise))
		p.when(unix.BPF_JGE, s.lo, s.do)
		p.ret(otherwise)
		return
	}
	half := len(spans) / 2
	p.when(unix.BPF_JGE, spans[half].lo, func(p *program) { p.tree(spans[half:], otherwise) })
	p.tree(spans[:half], otherwise)
}

// assemble makes a list's filter, for the process of that id.
func assemble(l List, o Options, pid int) []unix.SockFilter {
	p := make(program, 0, 512)
	p.load(offArch)
	p.when(unix.BPF_JEQ, auditArch, func(p *program) {
		p.load(offNumber)
		p.when(unix.BPF_JGT, lastCall, func(p *program) { p.tree(private(l), nosys) })
		p.tree(spans(l, o, uint32(pid)), deny)
	})
	p.ret(deny) // another architecture's calls have other numbers
	if len(p) > maxProgram {
		panic("BUG: filter too long")
	}
	return p
}

// private are the calls of an architecture that stand apart.
func private(l List) []span {
	var s []span
	for _, n := range privateCalls {
		s = append(s, span{n, n, verdict(allow)})
	}
	return s
}

// spans are a list's calls, by number.
func spans(l List, o Options, pid uint32) []span {
	checked := checks(l, o, pid)
	for _, c := range calls(l) {
		checked = append(checked, span{c, c, nil}) // nil: allowed
	}
	slices.SortStableFunc(checked, func(a, b span) int { return int(a.lo) - int(b.lo) })
	merged := checked[:0]
	for _, s := range checked {
		last := len(merged) - 1
		switch {
		case last >= 0 && s.lo == merged[last].hi: // checked: the check stands
		case last >= 0 && s.do == nil && merged[last].do == nil && s.lo == merged[last].hi+1:
			merged[last].hi = s.hi
		default:
			merged = append(merged, s)
		}
	}
	for i := range merged {
		if merged[i].do == nil {
			merged[i].do = verdict(allow)
		}
	}
	return merged
}

// calls are those a list allows whatever the arguments.
func calls(l List) []uint32 {
	if l == Agent {
		return slices.Concat(agentCalls, agentCallsHere)
	}
	refused := slices.Concat(refusedCalls, refusedCallsHere)
	if l == Program {
		refused = slices.Concat(refused, apartCalls)
	}
	var all []uint32
	for n := uint32(firstCall); n <= lastCall; n++ {
		if !slices.Contains(refused, n) {
			all = append(all, n)
		}
	}
	return all
}
