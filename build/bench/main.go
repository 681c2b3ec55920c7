//go:build linux

// Command bench measures the node as a real process, and prints one table with
// the targets and what comparable programs take. It builds the node itself, is
// the attackers, the honeypots and Core around it over loopback, and ends what
// it started. One file a measurement; a new one is added to the list below.
//
// It reports and does not judge: only a lost or wrong event makes it fail.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
)

// measurement is one thing to measure, in its own processes.
type measurement struct {
	name string
	what string
	run  func(*bench) ([]row, error)
}

var measurements = []measurement{
	{"encode", "a frame, a record", measureEncode},
	{"intake", "lines to the intake, frames to Core", measureIntake},
	{"idle", "listening, a session up, nothing happens", measureIdle},
	{"conns", "connections that say nothing", measureConns},
	{"login", "telnet logins, many at once", telnetLogins.measure},
	{"web", "web logins, many at once", webLogins.measure},
	{"ssh", "ssh logins of three tries, many at once", sshLogins.measure},
}

// bench is what the measurements share.
type bench struct {
	quick   bool
	runs    int    // of a measurement whose best counts
	node    string // the built binary
	corpus  string // a file of lines, gzip
	keepLog bool   // show the node's log
}

// count is full, or a tenth of it with -quick.
func (b *bench) count(full int) int {
	if b.quick {
		return full / 10
	}
	return full
}

func main() {
	err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == roleCore {
		return runCore(args[1:])
	}
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&b.quick, "quick", false, "a tenth of the lines and logins, fewer runs")
	flags.BoolVar(&b.keepLog, "log", false, "show the node's log")
	flags.StringVar(&b.corpus, "corpus", "pots/testdata/cowrie.jsonl.gz", "lines for the intake, gzip")
	only := flags.String("only", "", "measurements to take, with commas between: "+names())
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if b.runs = 5; b.quick {
		b.runs = 2
	}
	return b.all(strings.Split(*only, ","))
}

func names() string {
	var list []string
	for _, m := range measurements {
		list = append(list, m.name)
	}
	return strings.Join(list, ", ")
}

// all takes the measurements named, or every one, and prints the table also
// when some failed.
func (b *bench) all(only []string) error {
	dir, err := os.MkdirTemp("", "forager-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if b.node, err = buildNode(dir); err != nil {
		return err
	}
	var rows []row
	var failed error
	for _, m := range measurements {
		if only[0] != "" && !contains(only, m.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s: %s\n", m.name, m.what)
		got, err := m.run(b)
		rows = append(rows, got...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m.name, err))
		}
	}
	fmt.Println(machine())
	printTable(os.Stdout, rows)
	return failed
}

func contains(list []string, name string) bool {
	for _, s := range list {
		if strings.TrimSpace(s) == name {
			return true
		}
	}
	return false
}
