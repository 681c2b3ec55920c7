package seccomp

import "golang.org/x/sys/unix"

// auditArch is how the kernel calls this machine (linux/audit.h).
const auditArch = unix.AUDIT_ARCH_MIPSEL
