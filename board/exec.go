package board

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// program is this process's file as it was named at its start, so that an
// upgrade that has replaced the file since is what Replace runs.
var program, programErr = os.Executable()

// Replace puts the program's file, as it is now, in the place of this
// process: same process id, arguments and environment. What is open goes with
// it, for Go opens everything close-on-exec. Without the file the program
// that runs is started anew. It returns only when that fails.
func Replace() error {
	// A reload that comes before the new program is ready must not end it:
	// ignored signals stay ignored over an exec, until it asks for them.
	signal.Ignore(unix.SIGHUP)
	err := programErr
	if err == nil {
		err = unix.Exec(program, os.Args, os.Environ())
	}
	if unix.Exec("/proc/self/exe", os.Args, os.Environ()) != nil {
		return err
	}
	return nil
}
