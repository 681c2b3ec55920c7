//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// row is one line of the table.
type row struct {
	what   string
	ours   string
	target string
	met    bool
	peers  string // what others take, measured the same way
}

// limit makes a row whose figure must not be over a limit.
func limit(what string, got, most float64, unit, peers string) row {
	return row{what, figure(got) + " " + unit, "at most " + figure(most), got <= most, peers}
}

// figure keeps three digits.
func figure(f float64) string {
	switch {
	case f >= 100 || f == float64(int64(f)):
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
}

// printTable writes the rows in Markdown with aligned columns.
func printTable(w io.Writer, rows []row) {
	cells := [][]string{{"what", "forager", "target", "met", "others"}, nil}
	for _, r := range rows {
		met := "yes"
		switch {
		case r.target == "":
			met = ""
		case !r.met:
			met = "NO"
		}
		cells = append(cells, []string{r.what, r.ours, r.target, met, r.peers})
	}
	width := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, c := range line {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for i := range width {
		cells[1] = append(cells[1], strings.Repeat("-", width[i]))
	}
	for _, line := range cells {
		for i, c := range line {
			fmt.Fprintf(w, "| %-*s ", width[i], c)
		}
		fmt.Fprintln(w, "|")
	}
}

// machine tells on what the figures were taken.
func machine() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	model := "unknown processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(info), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("Linux %s, %d x %s, %s, load %s", unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), model, runtime.Version(), first)
}
