package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What a program may do with a file or below a folder.
const (
	mayRead  uint64 = unix.LANDLOCK_ACCESS_FS_READ_FILE
	mayLoad         = mayRead | unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayStart        = mayRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	// No links, pipes or devices: whoever reads the folder afterwards meets
	// files only.
	mayWrite = mayLoad | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
)

// libraries are the places programs and their loader read at the start. What
// is missing on a machine is left out.
var libraries = []string{
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache",
	"/sys/devices/system/cpu", "/sys/devices/system/node", // how many threads are worth it
}

// landlockVersion is what the kernel knows of Landlock, 0 = nothing.
func landlockVersion() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// handled is all that a version of Landlock can forbid. It is forbidden unless
// a rule allows it.
func handled(version int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1}
	if version >= 2 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 5 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr
}

// landlock leaves this thread nothing of the file system but what the order
// needs.
func (o order) landlock() error {
	attr := handled(o.Layers.Landlock)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("create the rules of files: %w", errno)
	}
	defer unix.Close(int(fd))
	r := ruleset{fd: int(fd), mask: attr.Handled_access_fs}
	if err := r.allowOrder(o); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("apply the rules of files: %w", errno)
	}
	return nil
}

// ruleset collects what is allowed.
type ruleset struct {
	fd   int
	mask uint64 // what the kernel knows of
}

func (r ruleset) allowOrder(o order) error {
	for _, path := range append(slices.Clone(libraries), o.Folders...) {
		if err := r.allow(path, mayLoad, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, path := range append([]string{o.Program}, o.Loaders...) {
		if err := r.allow(path, mayStart, unix.S_IFREG); err != nil {
			return err
		}
	}
	for _, path := range o.Inputs {
		if err := r.allow(path, mayRead, unix.S_IFREG); err != nil {
			return err
		}
	}
	if o.OutDir == "" {
		return nil
	}
	return r.allow(o.OutDir, mayWrite, unix.S_IFDIR)
}

// allow allows an access to a path, which is of the given type if one is given.
func (r ruleset) allow(path string, access uint64, kind uint32) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s for the rules of files: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if kind != 0 && st.Mode&unix.S_IFMT != kind {
		return fmt.Errorf("%s is of the wrong type, %#o", path, st.Mode&unix.S_IFMT)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= mayStart // the kernel refuses rules on files that only folders can keep
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access & r.mask, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("allow %s: %w", path, errno)
	}
	return nil
}
