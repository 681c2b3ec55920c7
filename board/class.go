package board

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Class is how much memory the machine has.
type Class int

// The classes. A router sold with 64 MB has a MemTotal of 56 to 60 MB, one
// with 128 MB about 120.
const (
	Small  Class = iota // at most 96 MiB, or unknown
	Medium              // at most 320 MiB
	Large
)

// Upper bounds of the classes in bytes.
const (
	smallMost  = 96 << 20
	mediumMost = 320 << 20
)

func (c Class) String() string { return [...]string{"small", "medium", "large"}[c] }

// ClassOf returns the class for so many bytes of memory; 0 is unknown, and
// what is unknown is treated as small.
func ClassOf(memory int64) Class {
	switch {
	case memory <= smallMost:
		return Small
	case memory <= mediumMost:
		return Medium
	}
	return Large
}

// Limits is what a class allows.
type Limits struct {
	RingSize     int           // bytes of the event ring, reserved at start
	Conns        int           // attackers' connections at once, all pots together
	ConnsPerPot  int           // of them at one pot
	ConnsPerAddr int           // of them from one address
	Idle         time.Duration // an attacker's silence before we close
	IntakeConns  int           // other honeypots' connections to the intake at once
	GOGC         int           // percent of garbage before a collection
	MemoryLimit  int64         // bytes that Go's heap and stacks should stay under
	Nice         int           // niceness: the machine's own work goes first
	CPUShare     int           // of so many CPUs one is used at once, at least one; 1: all
}

// limits: a connection costs at most 8 KB of ours and 5 KB in the kernel, so
// that a full house takes 3 MB of a small board. One address gets at most
// half of a pot, one pot at most three quarters of the house. GOGC 25 brings
// the heap back after a burst; there is hardly any garbage to collect
// otherwise, since events do not allocate. What is not here follows from it: the
// memory of all shells and the events one address may tell from Conns and
// RingSize (package pots), the largest buffers are 20 KB of a web request and
// 64 KB of an intake's line. A router's CPUs are for its packets:
// a flood of attackers keeps one of a small board's busy, or half of a medium
// one's, and only while nobody else wants it.
var limits = [...]Limits{
	Small: {
		RingSize: 1 << 20, Conns: 256, ConnsPerPot: 192, ConnsPerAddr: 96,
		Idle: time.Minute, IntakeConns: 16, GOGC: 25, MemoryLimit: 12 << 20,
		Nice: 10, CPUShare: 1 << 10,
	},
	Medium: {
		RingSize: 4 << 20, Conns: 1024, ConnsPerPot: 768, ConnsPerAddr: 384,
		Idle: 2 * time.Minute, IntakeConns: 64, GOGC: 25, MemoryLimit: 40 << 20,
		Nice: 10, CPUShare: 2,
	},
	Large: {
		RingSize: 16 << 20, Conns: 4096, ConnsPerPot: 3072, ConnsPerAddr: 1536,
		Idle: 3 * time.Minute, IntakeConns: 64, GOGC: 25, MemoryLimit: 128 << 20,
		Nice: 0, CPUShare: 1,
	},
}

// Limits returns what the class allows.
func (c Class) Limits() Limits { return limits[c] }

// Apply sets the collector's target and the memory limit of this process. The
// niceness is the operator's, see SetNice, and the CPUs have their own time, see
// ApplyCPUs.
func (l Limits) Apply() {
	debug.SetGCPercent(l.GOGC)
	debug.SetMemoryLimit(l.MemoryLimit)
}

// OneCPU has the process use one CPU until ApplyCPUs. Go's runtime keeps pages
// of every size of object for each CPU that allocates: a start that uses one
// leaves some 150 KB less behind, measured with two on amd64.
func OneCPU() {
	if !operatorsCPUs() {
		runtime.GOMAXPROCS(1)
	}
}

// ApplyCPUs sets how many CPUs this process uses at once. All are as many as a
// cgroup gives, also when that changes.
func (l Limits) ApplyCPUs() {
	switch {
	case operatorsCPUs():
	case l.CPUShare > 1:
		runtime.GOMAXPROCS(max(1, runtime.NumCPU()/l.CPUShare))
	default:
		runtime.SetDefaultGOMAXPROCS()
	}
}

// operatorsCPUs tells whether the operator has said how many.
func operatorsCPUs() bool { return os.Getenv("GOMAXPROCS") != "" }
