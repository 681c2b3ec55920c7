package process

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startTime is how long a keeper has to get the program running: a busy router
// needs a second.
const startTime = 30 * time.Second

// emulator runs this program's file in tests that are run by an emulator
// themselves: the emulator and the file.
var emulator []string

// life is one run of a program, from its start to the end of the last process
// that came from it.
type life struct {
	process     *os.Process // the keeper
	socket      *os.File
	confinement confinement
	began       time.Time
	done        chan struct{} // nothing is left
	namespace   bool          // the keeper has one, which ends with it
	mark        string        // and without: of the program's environment
	prints      []print       // where what it prints comes from
	status      string        // after done: how the program ended
	cpu         time.Duration // after done: of all that came from the keeper
}

// begin starts a program. The calling thread must be locked and live as long
// as the program: the keeper dies with it.
func begin(s *Spec) (*life, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	l := &life{socket: ours, done: make(chan struct{})}
	out, errs, err := l.openPrints(s)
	if err == nil {
		err = l.launch(s, theirs, out, errs)
	}
	for _, f := range []*os.File{out, errs} {
		_ = f.Close() // nil or closed already: no harm
	}
	_ = theirs.Close() // or the end of the keeper would not be seen
	if err == nil {
		err = l.instruct()
	}
	if err != nil {
		l.abandon()
		return nil, err
	}
	l.began = time.Now()
	go l.listen()
	return l, nil
}

// socketPair makes the two ends of what node and keeper talk over.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket: %w", err)
	}
	_ = unix.SetNonblock(fds[0], true) // so that a read of it needs no thread
	return os.NewFile(uintptr(fds[0]), "keeper"), os.NewFile(uintptr(fds[1]), "node"), nil
}

// print is a pipe that a program prints to.
type print struct {
	pipe *os.File
	read chan struct{} // closed when all of it is read
}

// openPrints returns what is to be the program's standard output and error.
func (l *life) openPrints(s *Spec) (out, errs *os.File, err error) {
	both := func(r *os.File) { pump(r, s.Output) }
	if s.Output == nil {
		both = nil
	}
	if s.Stdout == nil && s.Stderr == nil {
		out, err = l.openPrint(both)
		return out, out, err
	}
	to := func(w io.Writer) func(*os.File) {
		if w == nil {
			return both
		}
		return func(r *os.File) {
			_, _ = io.Copy(w, r)
			_, _ = io.Copy(io.Discard, r) // after an error of w
		}
	}
	if out, err = l.openPrint(to(s.Stdout)); err == nil {
		errs, err = l.openPrint(to(s.Stderr))
	}
	return out, errs, err
}

// openPrint returns the end of a pipe whose other end read gets; nil: nobody.
func (l *life) openPrint(read func(*os.File)) (*os.File, error) {
	if read == nil {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	p := print{r, make(chan struct{})}
	l.prints = append(l.prints, p)
	go func() {
		defer close(p.read)
		read(r)
	}()
	return w, nil
}

// closePrints waits until all that was printed is read; not for ever, for it
// is a process that has escaped which still could print.
func (l *life) closePrints() {
	for _, p := range l.prints {
		late := time.AfterFunc(time.Second, func() { _ = p.pipe.Close() })
		<-p.read
		late.Stop()
		_ = p.pipe.Close() // twice does no harm
	}
}

// ways to start a keeper, best first. Each is tried: what a kernel or a
// container forbids shows in no other way.
type way struct {
	flags uintptr
	user  bool // with a user namespace, which an ordinary user needs for the others
}

const newPID = unix.CLONE_NEWPID

var ways = map[bool][]way{
	true: {{flags: newPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC}, {flags: newPID}, {}},
	false: {
		{flags: newPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER, user: true},
		{flags: newPID | unix.CLONE_NEWUSER, user: true}, // which the unit for systemd allows
		{},
	},
}

// launch starts the keeper and sends it its orders.
func (l *life) launch(s *Spec, socket, out, errs *os.File) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, w := range ways[os.Geteuid() == 0] {
		path, argv := self(keeperName, emulator)
		l.process, err = os.StartProcess(path, argv, &os.ProcAttr{
			Env: keeperEnv, Files: []*os.File{null, out, errs, ordersFD: socket}, Sys: w.attributes(),
		})
		if err == nil {
			l.namespace = w.flags&newPID != 0
			return l.order(s, w)
		}
	}
	return fmt.Errorf("keeper: %w", err)
}

// attributes are those of a keeper. In a user namespace it has the node's own
// user, and may mount.
func (w way) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: w.flags, Pdeathsig: unix.SIGKILL, Setpgid: true}
	if w.flags == 0 {
		a.Pdeathsig = unix.SIGCONT // it must live to kill what it started, even if that has stopped it
	}
	if w.user {
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
	return a
}

func (l *life) order(s *Spec, w way) error {
	env := environment(s)
	if !l.namespace {
		l.mark = markName + strconv.FormatUint(rand.Uint64(), 36)
		env = append([]string{l.mark}, env...)
	}
	o := orders{
		Args: s.Args, Env: env, Dir: s.Dir, Write: s.Write, Read: systemRead(), Exec: append(systemExec, s.Read...),
		Bind: s.Bind, AnyBind: s.Bind == nil, Connect: s.Connect, AnyConnect: s.Connect == nil,
		UID: s.UID, Limits: s.Limits, Mark: l.mark, Namespace: l.namespace, Mounts: w.flags&unix.CLONE_NEWNS != 0,
		LimitCount: s.UID != 0 || w.user && countsByNamespace(), Interpreter: emulator,
	}
	_ = l.socket.SetDeadline(time.Now().Add(startTime))
	if _, err := l.socket.Write(frame(frameOrders, o.encode())); err != nil {
		return fmt.Errorf("keeper: orders: %w", err)
	}
	return nil
}

// countsByNamespace tells whether RLIMIT_NPROC counts a user's processes in
// each user namespace apart, as Linux 5.14 and later do.
func countsByNamespace() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	major, rest, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return errA == nil && errB == nil && (a > 5 || a == 5 && b >= 14)
}

// instruct waits for the keeper's word that the program runs.
func (l *life) instruct() error {
	kind, body, err := readFrame(l.socket)
	switch {
	case err != nil:
		return fmt.Errorf("keeper: %w", err)
	case kind == frameFailed:
		return errors.New(string(body))
	case kind != frameStarted:
		return fmt.Errorf("keeper: says %q", kind)
	}
	if err := l.confinement.decode(body); err != nil {
		return fmt.Errorf("keeper: %w", err)
	}
	return l.socket.SetDeadline(time.Time{})
}

// abandon ends a keeper that did not get the program running.
func (l *life) abandon() {
	_ = l.socket.Close() // it ends by itself, which is better than to be killed
	if l.process != nil {
		timer := time.AfterFunc(killTime, func() { _ = l.process.Kill() })
		defer timer.Stop()
		_, _ = l.process.Wait()
	}
	l.closePrints()
}

// listen reads what the keeper says until it is gone.
func (l *life) listen() {
	l.status = "ended with its keeper"
	tidy := l.namespace
	for {
		kind, body, err := readFrame(l.socket)
		if err != nil {
			break
		}
		switch kind {
		case frameExit:
			l.status = exitText(body)
		case frameUsed:
			l.cpu, tidy = time.Duration(number(body)), true
		}
	}
	_, _ = l.process.Wait()
	for n := 0; !tidy && n < maxKills; n++ { // the keeper was killed: by a kernel without memory, or by its program
		if killKin(0, l.confinement.pid, l.mark) == 0 {
			break
		}
		time.Sleep(killPause)
	}
	_ = l.socket.Close()
	close(l.done)
}

// exitText is a wait status in words.
func exitText(body []byte) string {
	n, err := strconv.ParseUint(string(body), 10, 32)
	if err != nil {
		return "ended"
	}
	s := syscall.WaitStatus(n)
	switch {
	case s.Exited():
		return "exit status " + strconv.Itoa(s.ExitStatus())
	case s.Signaled():
		return fmt.Sprintf("killed (signal %d, %v)", int(s.Signal()), s.Signal())
	}
	return "ended"
}

// exitWell is what exitText says of a program that did what it should.
const exitWell = "exit status 0"

// tell sends the keeper one of its kinds of frames.
func (l *life) tell(kind byte) {
	_ = l.socket.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = l.socket.Write(frame(kind, nil)) // one that is gone needs no word
}

// finish kills what is left, and tells whether nothing is.
func (l *life) finish() bool {
	if !l.over() {
		l.tell(frameKill)
		l.await(time.After(killTime))
	}
	if !l.over() {
		_ = l.process.Kill() // in a namespace everything goes with it, elsewhere listen sweeps
		l.await(time.After(killTime))
	}
	l.closePrints()
	return l.over()
}

// await waits for the end of a life, but not for ever.
func (l *life) await(most <-chan time.Time) {
	select {
	case <-l.done:
	case <-most:
	}
}

func (l *life) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

func (l *life) use(enough int64) usage { return measure(l.process.Pid, enough) }

// Where the system has its programs and libraries, and what of /etc, /dev and
// others they need. Not all of /etc: a node that is no root has no secrets from
// its pots but by this list.
var systemExec = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec", "/opt", "/nix/store"}

var systemFiles = []string{
	"/proc", "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage",
	"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
	"/etc/*release", "/etc/*version", // pip wants to know what it runs on
	"/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/gai.conf", "/etc/group", "/etc/host.conf", "/etc/hosts",
	"/etc/ld.so*", "/etc/ld-musl-*", "/etc/localtime", "/etc/locale*", "/etc/magic", "/etc/mime.types", "/etc/nsswitch.conf",
	"/etc/passwd", "/etc/perl", "/etc/php*", "/etc/pip.conf", "/etc/pki", "/etc/protocols", "/etc/python*",
	"/etc/resolv.conf", "/etc/services", "/etc/ssl", "/etc/terminfo", "/etc/timezone",
	"/run/systemd/resolve", "/run/resolvconf", "/tmp/resolv.conf*", "/var/lib/python",
}

// systemRead is systemFiles that are there, at most 128.
func systemRead() (paths []string) {
	for _, pattern := range systemFiles {
		found, _ := filepath.Glob(pattern) // never malformed
		paths = append(paths, found...)
	}
	return paths[:min(len(paths), maxWords/2)]
}

// environment is a spec's with what a program can't do without.
func environment(s *Spec) []string {
	env := append([]string{}, s.Env...)
	for _, standard := range []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + s.Dir, "TMPDIR=" + s.Dir, "LANG=C.UTF-8",
	} {
		key, _, _ := strings.Cut(standard, "=")
		if !hasKey(env, key) {
			env = append(env, standard)
		}
	}
	return env
}

func hasKey(env []string, key string) bool {
	for _, v := range env {
		if rest, ok := strings.CutPrefix(v, key); ok && strings.HasPrefix(rest, "=") {
			return true
		}
	}
	return false
}
