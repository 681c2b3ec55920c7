package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Limits is what a program and all that it starts may use together; 0 is no
// limit.
type Limits struct {
	Memory    int64 // bytes of resident memory, what is shared counted once where the kernel tells; one process may have no more private memory than this either
	Processes int   // processes and threads
	Files     int   // open files of one process
	FileSize  int64 // bytes of one file
	Disk      int64 // bytes on disk in Dir and Write, and in open files that have lost their names
	Reserve   int64 // bytes that it leaves free on Dir's file system: below that it may have no more than at its start
	Nice      int   // 0 to 19: how much others go before it
}

// Bounds of LimitsFor in bytes.
const (
	leastMemory = 24 << 20 // of which a Python interpreter takes 10
	mostMemory  = 512 << 20
)

// LimitsFor returns limits that fit a machine with so many bytes of memory (0:
// unknown, the smallest): half of it for one program, Disk is the caller's.
func LimitsFor(memory int64) Limits {
	return Limits{
		Memory: min(max(memory/2, leastMemory), mostMemory), Processes: 64, Files: 256, FileSize: 64 << 20, Nice: 10,
	}
}

// Spec is a program to run.
type Spec struct {
	Name string   // for messages, such as the pot's id
	Args []string // the program, absolute or relative to Dir, and its arguments; no shell sees them
	Env  []string // its whole environment beside what is missing of PATH, HOME, TMPDIR and LANG
	Dir  string   // absolute: where it starts and may write; the user UID must be able to reach it

	Read  []string // what it may read and run beside Dir and the system
	Write []string // absolute: what it may read and write beside Dir

	// TCP ports it may bind and connect to where the kernel can tell (Landlock
	// ABI 4); nil is any.
	Bind, Connect []uint16

	UID uint32 // user and group to run as, for a node that is root; 0: as the node is

	Limits Limits
	Output *Output // takes what it prints; nil: thrown away

	// Stdout and Stderr take what it prints there instead of Output: all of it,
	// as it comes, from one goroutine each. A Write must not block for long,
	// and an error throws away the rest. nil: Output takes it.
	Stdout, Stderr io.Writer
}

// Limits of a Spec.
const (
	maxWords = 256       // arguments, variables, paths and ports each
	maxWord  = 128 << 10 // bytes of one, as the kernel has it (MAX_ARG_STRLEN)
	maxSpec  = 256 << 10 // bytes of all
)

// check tells what is wrong with a spec.
func (s *Spec) check() error {
	size := 0
	for _, list := range [][]string{s.Args, s.Env, s.Read, s.Write} {
		if len(list) > maxWords {
			return fmt.Errorf("%d words, want at most %d", len(list), maxWords)
		}
		for _, w := range list {
			if strings.IndexByte(w, 0) >= 0 || len(w) > maxWord {
				return fmt.Errorf("word %q: want no NUL and at most %d bytes", cut(w), maxWord)
			}
			size += len(w)
		}
	}
	switch {
	case size > maxSpec:
		return fmt.Errorf("%d bytes of words, want at most %d", size, maxSpec)
	case len(s.Args) == 0 || s.Args[0] == "":
		return errors.New("no program to run")
	case !filepath.IsAbs(s.Dir):
		return fmt.Errorf("directory %q: want an absolute path", cut(s.Dir))
	case len(s.Bind) > maxWords || len(s.Connect) > maxWords:
		return fmt.Errorf("more than %d ports", maxWords)
	}
	for _, path := range s.Write {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("path %q: want an absolute one", cut(path))
		}
	}
	return nil
}

// cut shortens a word for a message.
func cut(s string) string { return s[:min(len(s), 100)] }

// ExitError tells how a program ended that should have gone on, or well.
type ExitError struct {
	Name   string
	Reason string   // "exit status 1", "killed (signal 9)", "uses 300 MiB of memory, may use 256 MiB", …
	Lines  []string // the last of its output, oldest first, at most 5 of 200 bytes
}

func (e *ExitError) Error() string {
	s := e.Name + ": " + e.Reason
	if len(e.Lines) > 0 {
		s += ": " + strings.Join(e.Lines, " | ")
	}
	return s
}

// Metrics is what a program and all that it started have used.
type Metrics struct {
	PID         int           // of the program, as the node sees it; 0: does not run
	CPU         time.Duration // since Start, over all restarts
	Memory      int64         // bytes resident, what is shared counted once where the kernel tells
	Processes   int           // the program and its children, not the keeper
	Connections int           // established at its ports
	Uptime      time.Duration // of the program that runs
	Restarts    int           // since Start
}

// Run runs one program to its end, such as a step of an install. When ctx ends
// or a limit is passed, it and all that it started are killed. It returns when
// nothing of it is left: nil after exit status 0, ctx's error, an *ExitError,
// or why it could not be started.
func Run(ctx context.Context, s Spec) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("run %s: %w", s.Name, err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run %s: %w", s.Name, err)
	}
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the keeper dies with the thread that started it; it ends with this function
		ended <- run(ctx, &s)
	}()
	return <-ended
}

func run(ctx context.Context, s *Spec) error {
	l, err := begin(s)
	if err != nil {
		return fmt.Errorf("run %s: %w", s.Name, err)
	}
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	watch, reason := newWatch(s), ""
	for reason == "" {
		select {
		case <-l.done:
			reason = l.status
			continue
		case <-ctx.Done():
			reason = "stopped"
		case <-tick.C:
			reason, _ = watch.look(l)
		}
	}
	if !l.finish() {
		return fmt.Errorf("run %s: %s, and a process is left that can't be killed", s.Name, reason)
	}
	switch err := ctx.Err(); {
	case reason == exitWell:
		return nil
	case err != nil:
		return fmt.Errorf("run %s: %w", s.Name, err)
	}
	return &ExitError{Name: s.Name, Reason: reason, Lines: s.Output.tail()}
}
