package board

import (
	"fmt"
	"strings"
)

// Usage returns this process's memory in bytes: what is resident, and what of
// it is private and dirty, which is what it costs the machine; the rest is
// program text that the kernel can drop. Kernels before 4.14 don't tell.
func (m Machine) Usage() (resident, dirty int64, err error) {
	text, err := readFact(or(m.SmapsRollup, "/proc/self/smaps_rollup"))
	if err != nil {
		return 0, 0, err
	}
	found := 0
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(line, ":")
		switch name {
		case "Rss":
			resident, err = kibibytes(rest)
		case "Private_Dirty":
			dirty, err = kibibytes(rest)
		default:
			continue
		}
		if found++; err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	if found != 2 {
		return 0, 0, fmt.Errorf("smaps_rollup without Rss and Private_Dirty")
	}
	return resident, dirty, nil
}
