package board

import (
	"os"
	"os/signal"
	"strconv"

	"golang.org/x/sys/unix"
)

// program is this process's file as it was named at its start, so that an
// upgrade that has replaced the file since is what Replace runs.
var program, programErr = os.Executable()

// leftOpen begins the variable that names a descriptor left open by Replace.
const leftOpen = "FORAGER_OPEN_"

// kept are variables that only Replace passes on.
var kept []string

// keepForReplace takes a variable out of the environment, so that no child
// takes it for its own.
func keepForReplace(name string) {
	if value, there := os.LookupEnv(name); there {
		kept = append(kept, name+"="+value)
		_ = os.Unsetenv(name)
	}
}

// Replace puts the program's file, as it is now, in the place of this
// process: same process id, arguments and environment. What is open is closed,
// but for the files in leave, which the new program asks for by their names
// (LeftOpen). Without the file the program that runs is started anew. It
// returns only when that fails.
func Replace(leave map[string]*os.File) error {
	// A reload that comes before the new program is ready must not end it:
	// ignored signals stay ignored over an exec, until it asks for them.
	signal.Ignore(unix.SIGHUP)
	env := append(os.Environ(), kept...)
	for name, f := range leave {
		if f == nil {
			continue
		}
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err == nil { // Go opens everything close-on-exec
			env = append(env, leftOpen+name+"="+strconv.Itoa(int(f.Fd())))
		}
	}
	err := programErr
	if err == nil {
		err = unix.Exec(program, os.Args, env)
	}
	if unix.Exec("/proc/self/exe", os.Args, env) != nil {
		return err
	}
	return nil
}

// LeftOpen returns what the program before this one left open under a name,
// or nil. It is asked once: what this one starts is told of nothing.
func LeftOpen(name string) *os.File {
	value, there := os.LookupEnv(leftOpen + name)
	_ = os.Unsetenv(leftOpen + name)
	fd, err := strconv.ParseUint(value, 10, 16)
	if !there || err != nil || fd <= 2 {
		return nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil // not open
	}
	return os.NewFile(uintptr(fd), name)
}
