package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"framemill/stages/media/sandbox"
)

// programs are what the test binary does in the place of ffmpeg, by its first
// argument. Most try something and print how it went.
func programs() map[string]func() error {
	target := func() string { return os.Args[2] }
	return map[string]func() error{
		"copies":      func() error { return copyFile(target(), os.Args[3]) },
		"reads":       try(func() error { _, err := os.ReadFile(target()); return err }),
		"lists":       try(func() error { _, err := os.ReadDir(target()); return err }),
		"writes":      try(func() error { return os.WriteFile(target(), []byte("x"), 0o600) }),
		"truncates":   try(func() error { return os.Truncate(target(), 0) }),
		"links":       try(func() error { return os.Symlink("/etc/passwd", fmt.Sprint(target(), time.Now().UnixNano())) }),
		"changes":     try(func() error { return os.Chmod(target(), 0o777) }),
		"starts":      try(func() error { return syscall.Exec(target(), []string{"sh", "-c", ":"}, nil) }),
		"dials":       try(func() error { return dial("tcp", target()) }),
		"dials-local": try(func() error { return dial("unix", target()) }),
		"shares":      try(shareMemory),
		"signals":     try(func() error { pid, _ := strconv.Atoi(target()); return unix.Kill(pid, 0) }),
		"unlimits": try(func() error {
			return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
		}),
		"forks":    try(leaveGrandchild),
		"survives": survive,
		"grows":    func() error { return os.WriteFile(target(), make([]byte, 1<<20), 0o600) },
		"hangs": func() error {
			signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
			time.Sleep(time.Hour)
			return nil
		},
		"locks": func() error {
			signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
			f, err := os.Open(target())
			if err != nil {
				return err
			}
			if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
				return err
			}
			fmt.Println("it holds the lock")
			time.Sleep(time.Hour)
			return f.Close()
		},
		// The parent of such a program.
		"child-runs": func() error {
			return sandbox.RunFile(context.Background(), ownFile, sandbox.Here(), sandbox.Command{
				Program: "ffmpeg", Args: []string{"locks", target()}, OutDir: filepath.Dir(target()), Stdout: os.Stdout, Limits: limits(),
			})
		},
		"spins": func() error {
			for n := 0; ; n++ {
				_ = n
			}
		},
		"floods-stderr": flood,
		"floods-stdout": floodOutput,
		"eats":          mapUntilRefused,
		"describes":     describe,
	}
}

// try makes a program that prints how something went.
func try(do func() error) func() error {
	return func() error {
		errno := syscall.Errno(0)
		if err := do(); err != nil && !errors.As(err, &errno) {
			return err
		}
		_, err := fmt.Print(unix.ErrnoName(errno))
		return err
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		return err
	}
	if _, err = io.Copy(os.Stdout, os.Stdin); err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func dial(network, address string) error {
	c, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}

// shareMemory takes memory that counts as nobody's data.
func shareMemory() error {
	_, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	return err
}

// leaveGrandchild starts a program in a session of its own, which no kill of
// the process group reaches.
func leaveGrandchild() error {
	cmd := exec.Command(os.Args[2], "survives")
	cmd.Args[0] = "ffmpeg"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	cmd.Stdout = os.Stdout // whose end says when it is gone
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = io.ReadFull(out, make([]byte, 1)) // it lives
	return err
}

func survive() error {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	fmt.Fprint(os.Stderr, "!")
	time.Sleep(time.Hour)
	return nil
}

func floodOutput() error {
	block := bytes.Repeat([]byte("x"), 64<<10)
	for {
		if _, err := os.Stdout.Write(block); err != nil {
			return err
		}
	}
}

// mapUntilRefused takes memory as a C program does.
func mapUntilRefused() error {
	for range 1 << 8 {
		if _, err := unix.Mmap(-1, 0, 16<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
			return err
		}
	}
	return nil
}

// describe prints what the program was born with.
func describe() error {
	fmt.Println("args", strings.Join(os.Args, " "))
	for _, entry := range os.Environ() {
		fmt.Println("env", entry)
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	fmt.Println("dir", dir)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return err
	}
	fmt.Printf("caps %#x\n", uint64(caps[1].Permitted)<<32|uint64(caps[0].Permitted))
	bare, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	fmt.Println("no new privileges", bare)
	return err
}
