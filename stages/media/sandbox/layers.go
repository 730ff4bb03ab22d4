package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// layers are the walls round a program that not every machine offers.
type layers struct {
	Landlock   int     // its version, 0 = none
	Seccomp    bool    // system calls are filtered
	Namespaces uintptr // flags of clone
}

// Layers names the walls that Run builds on this machine, for the log: those
// that every kernel has, and those that were found by trying. What was found
// once is required from then on: if it cannot be applied, the program is not
// started. The process that calls Layers must have called Helper before.
func Layers() []string {
	names := []string{"limits", "own process group", "no privileges"}
	l := here()
	if l.Landlock > 0 {
		names = append(names, fmt.Sprintf("landlock %d", l.Landlock))
	}
	if l.Seccomp {
		names = append(names, "seccomp")
	}
	for _, ns := range []struct {
		flag uintptr
		name string
	}{
		{unix.CLONE_NEWNET, "network namespace"},
		{unix.CLONE_NEWPID, "process namespace"},
		{unix.CLONE_NEWIPC, "ipc namespace"},
		{unix.CLONE_NEWUSER, "user namespace"},
	} {
		if l.Namespaces&ns.flag != 0 {
			names = append(names, ns.name)
		}
	}
	return names
}

// here is what this machine offers, found out once: it is a fact of the
// kernel and of the user we run as.
var here = sync.OnceValue(func() layers {
	return layers{Landlock: landlockVersion(), Seccomp: seccompAvailable(), Namespaces: namespaces()}
})

// namespaces tries which namespaces a child may have, from most to least.
func namespaces() uintptr {
	if !helped.Load() {
		return 0
	}
	var user uintptr
	if os.Geteuid() != 0 {
		user = unix.CLONE_NEWUSER // in which an ordinary user may have the others
	}
	for _, flags := range []uintptr{
		user | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWPID,
		user | unix.CLONE_NEWNET | unix.CLONE_NEWIPC,
		user | unix.CLONE_NEWNET,
	} {
		if !refused(try(flags)) {
			return flags
		}
	}
	return 0
}

// try starts a helper without an order in new namespaces.
func try(flags uintptr) error {
	cmd := exec.Command(ownFile)
	cmd.Args = []string{helperName, "{}"}
	cmd.Env = helperEnv()
	cmd.SysProcAttr = layers{Namespaces: flags}.attributes()
	return runOnOwnThread(cmd, nil)
}

// refused reports whether err says that the machine does not offer something.
// Of any other error the something is not to blame: it stays required.
func refused(err error) bool {
	for _, no := range []error{unix.EPERM, unix.EACCES, unix.EINVAL, unix.ENOSYS, unix.ENOSPC, unix.EUSERS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// attributes are how a child is started.
func (l layers) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: l.Namespaces}
	if l.Namespaces&unix.CLONE_NEWUSER != 0 {
		// The same user as outside, so that files keep their owners.
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	}
	return attr
}
