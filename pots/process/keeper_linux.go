package process

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Names that this program is started under, argv[0], when it is not the node.
// Whoever else uses them gets a process without orders, which ends.
const (
	keeperName = "forager(keeper)"
	stepName   = "forager(confine)"
)

// Descriptors that the node and the keeper hand on, beside 0, 1 and 2.
const (
	ordersFD = 3 // of the keeper: the socket; of the step: a pipe with its orders
	answerFD = 4 // of the step: what confines it, or why the program does not run; closed by the exec
)

// Confined makes this process a keeper or a confining step when it was started
// as one; then it does not return. Otherwise it returns at once. main calls it
// before anything else, and so must TestMain of a test that starts programs.
func Confined() {
	if len(os.Args) == 0 {
		return
	}
	switch os.Args[0] {
	case keeperName:
		runtime.LockOSThread() // children die with the thread that started them
		os.Exit(keep())
	case stepName:
		runtime.LockOSThread() // users, limits and Landlock are those of a thread
		os.Exit(confine())
	}
}

// keeper starts one program and ends all that came from it.
type keeper struct {
	orders orders
	socket *os.File
	main   int // the program, and its process group
}

// keep is the keeper's life. It returns its exit code, which nobody reads.
func keep() int {
	unix.CloseOnExec(ordersFD)
	k := &keeper{socket: os.NewFile(ordersFD, "node")}
	// Whoever wants the pot to end tells the node. Not ignored: that would be
	// handed on.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGALRM, unix.SIGVTALRM, unix.SIGPROF, unix.SIGPIPE, unix.SIGPOLL, unix.SIGXCPU)
	kind, body, err := readFrame(k.socket)
	if err != nil || kind != frameOrders {
		return 1
	}
	if err := k.orders.decode(body); err != nil {
		k.send(frameFailed, []byte("orders: "+err.Error()))
		return 1
	}
	var c confinement
	err = k.settle(&c)
	if err == nil {
		err = k.start(body, &c)
	}
	if err != nil {
		k.endAll()
		k.send(frameFailed, []byte(err.Error()))
		return 1
	}
	c.pid = k.main
	k.send(frameStarted, c.encode())
	go k.obey()
	k.reap()
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &used) == nil {
		k.send(frameUsed, strconv.AppendInt(nil, used.Utime.Nano()+used.Stime.Nano(), 10))
	}
	return 0
}

func (k *keeper) send(kind byte, body []byte) {
	_, _ = k.socket.Write(frame(kind, body)) // without a node there is no one to tell, and obey ends us
}

// settle makes this process the one that orphans come to, and the program's
// directory one that it can come to.
func (k *keeper) settle(c *confinement) error {
	c.note("pid namespace", k.orders.Namespace)
	if !k.orders.Namespace {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // since Linux 3.4
	}
	own := k.orders.Mounts && privateProc() == nil
	c.note("private /proc", own)
	if err := k.orders.reach(own); err != nil {
		return err
	}
	if own {
		k.orders.limitShared()
	}
	c.note("read-only /tmp", own && k.orders.closeShared() == nil)
	return nil
}

// privateProc mounts a /proc that shows the namespace alone. What happens to
// mounts here must not reach the machine.
func privateProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := unix.Mount("proc", "/proc", "proc", flags, "hidepid=2") // others' processes, the keeper, are not to be seen
	if err != nil {
		err = unix.Mount("proc", "/proc", "proc", flags, "")
	}
	return err
}

// start runs the confining step, which becomes the program, and waits until it
// has.
func (k *keeper) start(body []byte, c *confinement) error {
	var order, answer [2]int
	if err := unix.Pipe2(order[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(order[0])
	to := os.NewFile(uintptr(order[1]), "orders")
	defer to.Close()
	if err := unix.Pipe2(answer[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	from := os.NewFile(uintptr(answer[0]), "answer")
	defer from.Close()
	path, argv := self(stepName, k.orders.Interpreter)
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   keeperEnv,
		Files: []uintptr{0, 1, 2, ordersFD: uintptr(order[0]), answerFD: uintptr(answer[1])},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGKILL},
	})
	_ = unix.Close(answer[1])
	if err != nil {
		return fmt.Errorf("confining step: %w", err)
	}
	k.main = pid
	_ = unix.Close(order[0])
	if _, err := to.Write(body); err != nil {
		return fmt.Errorf("confining step: %w", err)
	}
	_ = to.Close()
	return stepAnswer(from, c)
}

// stepAnswer reads what the step says until it has become the program.
func stepAnswer(from io.Reader, c *confinement) error {
	kind, body, err := readFrame(from)
	if err == nil && kind == frameStarted {
		if err = c.decode(body); err == nil {
			kind, body, err = readFrame(from)
		}
		if err == io.EOF {
			return nil // the exec has closed it
		}
	}
	switch {
	case err == io.EOF:
		return fmt.Errorf("confining step: died")
	case err != nil:
		return fmt.Errorf("confining step: %w", err)
	case kind != frameFailed:
		return fmt.Errorf("confining step: says %q", kind)
	}
	return fmt.Errorf("%s", body)
}

// obey does what the node says. When the node is gone, everything must go.
func (k *keeper) obey() {
	for {
		kind, _, err := readFrame(k.socket)
		switch {
		case err != nil:
			k.killAll()
			if k.orders.Namespace {
				os.Exit(1) // and the kernel kills what is left
			}
			return // reap goes on until nothing is left, and ends us
		case kind == frameTerm:
			_ = unix.Kill(-k.main, unix.SIGTERM)
		case kind == frameKill:
			k.killAll()
		}
	}
}

// reap takes all that die, our own and orphans, until the program has.
func (k *keeper) reap() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if pid == k.main {
			k.send(frameExit, strconv.AppendUint(nil, uint64(status), 10))
		}
		if pid == k.main || err == unix.ECHILD {
			break
		}
	}
	k.endAll()
}

// endAll returns when nothing is left.
func (k *keeper) endAll() {
	for {
		left := k.killAll()
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if err == unix.ECHILD && left == 0 {
				return
			}
			if pid <= 0 && err != unix.EINTR {
				break
			}
		}
		time.Sleep(killPause)
	}
}

// killAll kills everything that came from the keeper, and returns how many
// there were but children, whom wait4 tells. In a namespace that is one call,
// which no fork escapes.
func (k *keeper) killAll() int {
	if k.orders.Namespace {
		_ = unix.Kill(-1, unix.SIGKILL)
		return 0
	}
	return killKin(os.Getpid(), k.main, k.orders.Mark)
}

// keeperEnv is the environment of the keeper and the step: they need little.
var keeperEnv = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}

// self is how this program's file is run under another name. The file may have
// been replaced since; the kernel's link still leads to the one that runs.
// interpreter is an emulator and the program's file, for tests.
func self(name string, interpreter []string) (path string, argv []string) {
	const exe = "/proc/self/exe"
	if len(interpreter) == 0 {
		return exe, []string{name}
	}
	return interpreter[0], []string{interpreter[0], "-0", name, interpreter[1]}
}
