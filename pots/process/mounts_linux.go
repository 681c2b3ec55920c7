package process

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// shared are the directories that every user may write to. What is written
// there is often kept in memory, and belongs to no process: a pot could fill
// the machine with it. Landlock keeps it out; many routers' kernels have none.
var shared = []string{"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/run/shm"}

// closeShared makes them read-only to the program, but for what it may write.
// It needs mounts of the keeper's own.
func (o *orders) closeShared() error {
	var own []string
	var open []int
	for _, dir := range append([]string{o.Dir}, o.Write...) { // while they can be written to
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			continue // not there: nothing to write to
		}
		defer unix.Close(fd)
		own, open = append(own, resolve(dir)), append(open, fd)
	}
	var closed []string
	for _, dir := range shared {
		if dir = resolve(dir); dir == "" || slices.Contains(closed, dir) {
			continue
		}
		if err := readOnly(dir); err != nil {
			return err
		}
		closed = append(closed, dir)
	}
	for i, dir := range own {
		if slices.ContainsFunc(closed, func(above string) bool { return strings.HasPrefix(dir+"/", above+"/") }) {
			if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(open[i]), dir, "", unix.MS_BIND, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolve is where a path leads to; "": nowhere.
func resolve(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return real
}

// keptFlags are those of a mount that an ordinary user's namespace must not
// take away; in statfs(2) as in mount(2).
const keptFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME

// readOnly makes a directory so, in this mount namespace and for whoever is in
// it. What is mounted below stays as it is.
func readOnly(dir string) error {
	if err := unix.Mount(dir, dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	flags := uintptr(st.Flags) & keptFlags
	if st.Flags&unix.ST_RELATIME != 0 {
		flags |= unix.MS_RELATIME
	}
	return unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|flags, "")
}

// limitShared bounds what is shared by System V's means in the keeper's own IPC
// namespace, where it belongs to no process either, shmget(2).
func (o *orders) limitShared() {
	if n := o.Limits.Memory; n > 0 {
		pages := strconv.FormatInt(n/int64(os.Getpagesize()), 10)
		_ = os.WriteFile("/proc/sys/kernel/shmall", []byte(pages), 0) // an ordinary user's namespace may not
	}
}
