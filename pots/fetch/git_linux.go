package fetch

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// gitMemory is how much address space one process of git gets, in bytes.
	// It maps its libraries and windows of packs; what it allocates is far less.
	gitMemory = 1 << 30
	// gitNice puts git behind the node.
	gitNice = 10
	// oomFirst makes the kernel take git before the node (proc(5),
	// oom_score_adj).
	oomFirst = "1000"
)

// confine gives git a process group of its own, which ends with the node.
func confine(cmd *exec.Cmd, uid uint32) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
}

func killGroup(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// limit bounds what git and the children that it is going to have may take.
// What a machine refuses is left: the watch stands behind it.
func limit(pid int, size int64) {
	set := func(what int, n uint64) {
		l := unix.Rlimit{Cur: n, Max: n}
		_ = unix.Prlimit(pid, what, &l, nil)
	}
	set(unix.RLIMIT_FSIZE, uint64(size))
	set(unix.RLIMIT_AS, gitMemory)
	set(unix.RLIMIT_CORE, 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, pid, gitNice)
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(oomFirst), 0)
}

// freeSpace tells the bytes that anybody may take of dir's file system.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// onDisk tells how many bytes a file takes.
func onDisk(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(s.Blocks) * 512
	}
	return info.Size()
}

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
