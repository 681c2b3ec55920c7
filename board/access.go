package board

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// What a node reads of the machine, as long as it runs: facts about itself and
// the machine, the time zone, who is who. Passwords and keys are not in it.
var nodeReads = []string{
	"/proc", "/sys", "/dev/null", "/dev/urandom",
	"/etc/hosts", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/TZ", "/usr/share/zoneinfo",
	"/etc/machine-id", "/etc/os-release", "/usr/lib/os-release", "/etc/openwrt_release", "/etc/openwrt_version", "/tmp/sysinfo",
}

// Where systems keep the authorities that sign for servers (crypto/x509).
var authorities = []string{
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/openssl", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/usr/share/pki", "/usr/lib/ssl", "/var/lib/ca-certificates", "/system/etc/security/cacerts",
}

// Where programs are, and what they read; a pot that is a program has its own
// place in the state directory besides. Writing to /proc is how a process gets
// a namespace of users, and how it says whom the kernel may kill first; whose
// processes one may write to is the kernel's to say.
var (
	programs     = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt"}
	programReads = []string{"/etc", "/dev", "/run/systemd/resolve", "/var/lib/php"}
	devices      = []string{"/proc", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/shm", "/dev/ptmx", "/dev/pts"}
)

// NodeAccess is what a node needs of the machine's files: an Agent, or a Full
// one that starts programs; one that asks for names (DNS), and one that asks
// the system who signs for servers. Its own files come to that.
func NodeAccess(full, names, signed bool) Access {
	a := Access{Read: slices.Clone(nodeReads), Write: []string{"/dev/null"}}
	if program != "" { // a Restart takes the file that is there then
		a.Exec = append(a.Exec, filepath.Dir(program), "/proc/self/exe")
	}
	if names {
		a.Read = append(a.Read, DirOf("/etc/resolv.conf")) // replaced by rename when the lease changes
	}
	if signed {
		a.Read = append(a.Read, authorities...)
	}
	if full {
		a.Exec = append(a.Exec, programs...)
		a.Read = append(a.Read, programReads...)
		a.Write = append(a.Write, devices...)
	}
	return a
}

// DirOf is the directory of the file that a path leads to, which sees the file
// replaced. Of a path that leads nowhere it is that of the path.
func DirOf(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	return filepath.Dir(path)
}

// Lacks returns what of next a does not hold: paths, and ports as ":443". The
// machine's own files are left out of the comparison by being the same.
func (a Access) Lacks(next Access) (missing []string) {
	missing = append(missing, lacking(slices.Concat(a.Read, a.Exec, a.Write), next.Read)...)
	missing = append(missing, lacking(a.Exec, next.Exec)...)
	missing = append(missing, lacking(a.Write, next.Write)...)
	missing = append(missing, lacking(slices.Concat(a.Sockets, a.Write), next.Sockets)...)
	if a.Connect == nil {
		return missing
	}
	if next.Connect == nil {
		return append(missing, "any port")
	}
	for _, port := range next.Connect {
		if !slices.Contains(a.Connect, port) {
			missing = append(missing, ":"+strconv.Itoa(int(port)))
		}
	}
	return missing
}

// lacking returns the paths that are in none of the others.
func lacking(have, want []string) (missing []string) {
	for _, path := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return beneath(path, h) }) {
			missing = append(missing, path)
		}
	}
	return missing
}

func beneath(path, dir string) bool {
	path, errPath := filepath.Abs(path)
	dir, errDir := filepath.Abs(dir)
	if errPath != nil || errDir != nil {
		return false
	}
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
