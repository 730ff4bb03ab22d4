package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// keptCapability lets a program of root's read and write files of other users.
// Which files those are is Landlock's matter.
const keptCapability = unix.CAP_DAC_OVERRIDE

// dropPrivileges leaves the next program no right but those of an ordinary
// user, and no way to gain any.
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData // of 32 capabilities each
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Errorf("read the capabilities: %w", err)
	}
	// What root gets at the start of a program is bounded by this set. Whoever
	// may not change it was given few to begin with.
	if caps[0].Effective&(1<<unix.CAP_SETPCAP) != 0 {
		if err := dropBounds(); err != nil {
			return err
		}
	}
	caps[0].Inheritable, caps[1].Inheritable = 0, 0 // and, with them, the ambient ones
	if err := unix.Capset(&header, &caps[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

func dropBounds() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if c == keptCapability {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err != nil && !errors.Is(err, unix.EINVAL) { // a capability this kernel does not know
			return fmt.Errorf("give up capability %d: %w", c, err)
		}
	}
	return nil
}
