package board

import (
	"math/bits"
	"strconv"
	"strings"
)

// Capabilities is a set of them, bit by number (linux/capability.h).
type Capabilities uint64

// The capabilities that a node may need.
const (
	CapChown          Capabilities = 1 << 0
	CapDACOverride    Capabilities = 1 << 1
	CapFOwner         Capabilities = 1 << 3
	CapKill           Capabilities = 1 << 5
	CapSetGID         Capabilities = 1 << 6
	CapSetUID         Capabilities = 1 << 7
	CapSetPCap        Capabilities = 1 << 8
	CapNetBindService Capabilities = 1 << 10
	CapNetRaw         Capabilities = 1 << 13
	CapSysPtrace      Capabilities = 1 << 19
	CapSysAdmin       Capabilities = 1 << 21
)

// capabilityNames are by number, as capabilities(7) has them.
var capabilityNames = [...]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
	"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
	"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
	"perfmon", "bpf", "checkpoint_restore",
}

// String lists the names.
func (c Capabilities) String() string {
	if c == 0 {
		return "none"
	}
	var b strings.Builder
	for ; c != 0; c &= c - 1 {
		n := bits.TrailingZeros64(uint64(c))
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if n < len(capabilityNames) {
			b.WriteString(capabilityNames[n])
		} else {
			b.WriteString(strconv.Itoa(n))
		}
	}
	return b.String()
}
