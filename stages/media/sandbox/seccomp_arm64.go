package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// forbiddenHere are the forbidden calls that only this machine has.
var forbiddenHere []uintptr
