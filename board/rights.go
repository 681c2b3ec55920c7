package board

import (
	"fmt"
	"strconv"
	"strings"
)

// Rights is what the kernel says that this process may do.
type Rights struct {
	UID, GID   int // effective
	Groups     []string
	Effective  Capabilities
	Bounding   Capabilities
	NoNewPrivs bool
	Seccomp    int // 0 off, 1 strict, 2 a filter (prctl(2)); -1: the kernel has none
}

// Rights reads /proc/self/status (proc(5)). It is the main thread that this
// tells of; what a node changes it changes for all threads. Kernels before 4.10
// don't tell of NoNewPrivs, which then reads as not set.
func (m Machine) Rights() (Rights, error) {
	text, err := readFact(or(m.SelfStatus, "/proc/self/status"))
	if err != nil {
		return Rights{}, err
	}
	r := Rights{Seccomp: -1}
	found := 0
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		value := strings.Fields(rest)
		switch name {
		case "Uid":
			r.UID, err = second(value)
		case "Gid":
			r.GID, err = second(value)
		case "CapEff":
			r.Effective, err = mask(value)
		case "CapBnd":
			r.Bounding, err = mask(value)
		default:
			r.optional(name, value)
			continue
		}
		if found++; err != nil {
			return Rights{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if found != 4 {
		return Rights{}, fmt.Errorf("status of this process without Uid, Gid, CapEff or CapBnd")
	}
	return r, nil
}

// optional reads what older kernels leave out.
func (r *Rights) optional(name string, value []string) {
	switch {
	case name == "Groups":
		r.Groups = value
	case len(value) != 1:
	case name == "NoNewPrivs":
		r.NoNewPrivs = value[0] == "1"
	case name == "Seccomp":
		r.Seccomp, _ = strconv.Atoi(value[0])
	}
}

// second returns the effective one of the ids: real, effective, saved, file
// system.
func second(value []string) (int, error) {
	if len(value) != 4 {
		return 0, fmt.Errorf("want four ids, not %q", value)
	}
	return strconv.Atoi(value[1])
}

func mask(value []string) (Capabilities, error) {
	if len(value) != 1 {
		return 0, fmt.Errorf("want one number, not %q", value)
	}
	n, err := strconv.ParseUint(value[0], 16, 64)
	return Capabilities(n), err
}
