package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidden are the system calls that a decoder has no use for and that reach
// beyond its files and its memory: it gets "not permitted" for them.
func forbidden() []uintptr {
	return append([]uintptr{
		// Talking, also to sockets that lie in the file system.
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_MQ_OPEN,
		// Other processes.
		unix.SYS_EXECVEAT, unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO,
		unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PIDFD_GETFD, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV,
		unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
		// Files' metadata, which Landlock leaves alone.
		unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
		unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTR,
		unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_REMOVEXATTRAT, unix.SYS_NAME_TO_HANDLE_AT,
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_INOTIFY_ADD_WATCH,
		// Memory that no limit counts.
		unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_SEMGET, unix.SYS_MSGGET,
		// Another world.
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_MOUNT, unix.SYS_UMOUNT2,
		unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT,
		unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
		// Parts of the kernel with a history.
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER,
		unix.SYS_IO_URING_REGISTER, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		// The machine.
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD,
		unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_SYSLOG,
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETHOSTNAME,
		unix.SYS_SETDOMAINNAME,
	}, forbiddenHere...)
}

// seccompAvailable reports whether the kernel filters system calls.
func seccompAvailable() bool {
	if auditArch == 0 {
		return false
	}
	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return errno == 0
}

// seccomp takes the forbidden calls from this thread.
func seccomp() error {
	program := filter()
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// Without SPEC_ALLOW, older kernels slow the whole decoder down.
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("filter system calls: %w", errno)
	}
	return nil
}

// Where a filter finds what it judges: struct seccomp_data. Arguments are read
// by their lower half, on machines that store it first.
const (
	callNumber   = 0
	callArch     = 4
	callArgument = 16 // the first of six, 8 bytes each
)

const (
	allowCall  = unix.SECCOMP_RET_ALLOW
	killCaller = unix.SECCOMP_RET_KILL_PROCESS
	refuseCall = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	noSuchCall = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)

	// x32Calls is where the numbers of amd64's second set of calls begin, which
	// would walk round the list.
	x32Calls = 0x4000_0000
)

// filter is the program that judges each call.
func filter() []unix.SockFilter {
	f := []unix.SockFilter{
		load(callArch), skipIf(unix.BPF_JEQ, auditArch, 1, 0), answer(killCaller),
		load(callNumber), skipIf(unix.BPF_JGE, x32Calls, 0, 1), answer(killCaller),
	}
	for _, number := range forbidden() {
		f = append(f, skipIf(unix.BPF_JEQ, uint32(number), 0, 1), answer(refuseCall))
	}
	// The C library falls back to clone, whose flags can be judged.
	f = append(f, skipIf(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), answer(noSuchCall))
	f = append(f, // threads, but no processes
		skipIf(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4), load(callArgument),
		skipIf(unix.BPF_JSET, unix.CLONE_THREAD, 0, 1), answer(allowCall), answer(refuseCall))
	f = append(f, // signals to itself, as abort sends them
		skipIf(unix.BPF_JEQ, unix.SYS_TGKILL, 0, 4), load(callArgument),
		skipIf(unix.BPF_JEQ, uint32(unix.Getpid()), 0, 1), answer(allowCall), answer(refuseCall))
	f = append(f, // limits of its own
		skipIf(unix.BPF_JEQ, unix.SYS_PRLIMIT64, 0, 4), load(callArgument),
		skipIf(unix.BPF_JEQ, 0, 0, 1), answer(allowCall), answer(refuseCall))
	const sharedNowhere = unix.MAP_SHARED | unix.MAP_ANONYMOUS
	return append(f, // memory that its limit does not count
		skipIf(unix.BPF_JEQ, unix.SYS_MMAP, 0, 4), load(callArgument+3*8),
		unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: sharedNowhere},
		skipIf(unix.BPF_JEQ, sharedNowhere, 0, 1), answer(refuseCall), answer(allowCall))
}

// load reads four bytes of the call.
func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// skipIf leaves out yes instructions if a comparison holds, else no.
func skipIf(compare uint16, with uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | compare | unix.BPF_K, K: with, Jt: yes, Jf: no}
}

// answer ends the judgement.
func answer(how uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: how}
}
