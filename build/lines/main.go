// Command lines puts files and lines into a crash's trace of a node that was
// linked without them (build/leango).
//
//	lines BINARY <trace    BINARY: of the same commit and Go, made by build/cross.sh -lines TARGET
//
// What it can't place stays as it is: inlined frames, which say no offset, and
// generic functions, whose trace does not say for which types.
package main

import (
	"bufio"
	"debug/elf"
	"debug/gosym"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: lines BINARY <trace")
		os.Exit(2)
	}
	table, err := read(os.Args[1])
	if err == nil {
		err = translate(os.Stdout, os.Stdin, table)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lines:", err)
		os.Exit(1)
	}
}

// read takes the table of functions and lines out of a binary.
func read(path string) (*gosym.Table, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, lines := f.Section(".text"), f.Section(".gopclntab")
	if text == nil || lines == nil {
		return nil, fmt.Errorf("%s: not a Go program", path)
	}
	data, err := lines.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return gosym.NewTable(nil, gosym.NewLineTable(data, text.Addr))
}

// translate copies a trace. In it a frame is two lines: its function, and
// after a tab its place.
func translate(w io.Writer, r io.Reader, table *gosym.Table) error {
	out := bufio.NewWriter(w)
	in := bufio.NewScanner(r)
	function := ""
	for in.Scan() {
		line := in.Text()
		if place, ok := strings.CutPrefix(line, "\t?:0 +0x"); ok {
			line = placed(line, place, function, table)
		} else {
			function = functionOf(line)
		}
		fmt.Fprintln(out, line)
	}
	if err := in.Err(); err != nil {
		return err
	}
	return out.Flush()
}

// functionOf is the symbol that a frame's first line is about.
func functionOf(line string) string {
	if name, ok := strings.CutPrefix(line, "created by "); ok {
		name, _, _ = strings.Cut(name, " in goroutine ")
		return name
	}
	at := strings.LastIndexByte(line, '(')
	if at < 0 {
		return ""
	}
	if line[:at] == "panic" {
		return "runtime.gopanic"
	}
	return line[:at]
}

// placed is line with the file and line of an offset in a function. The offset
// is where a call returns to: the call ends before it.
func placed(line, offset, function string, table *gosym.Table) string {
	digits, _, _ := strings.Cut(offset, " ")
	n, err := strconv.ParseUint(digits, 16, 32)
	f := table.LookupFunc(function)
	if err != nil || f == nil || n == 0 || f.Entry+n > f.End {
		return line
	}
	file, number, _ := table.PCToLine(f.Entry + n - 1)
	return fmt.Sprintf("\t%s:%d +0x%s", file, number, offset)
}
