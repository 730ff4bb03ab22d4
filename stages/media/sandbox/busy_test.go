package sandbox_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"framemill/stages/media/sandbox"
)

// TestBusy hears of a child that works, and nothing of one that hangs.
func TestBusy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script string
		busy         bool
	}{
		{"works", "while :; do :; done", true},
		{"hangs", "exec sleep 60", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "sh", "-c", tt.script)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			const often = 5
			heard := make(chan struct{}, 100)
			stop := sandbox.WhileBusy(cmd.Process.Pid, 20*time.Millisecond, func() {
				select {
				case heard <- struct{}{}:
				default:
				}
			})
			defer stop()
			deadline, n := time.After(time.Second), 0
			if tt.busy {
				deadline = time.After(time.Minute)
			}
			for n < often {
				select {
				case <-heard:
					n++
					continue
				case <-deadline:
				}
				break
			}
			// To start may take the other one a moment as well.
			if (n == often) != tt.busy {
				t.Errorf("heard of it %d times, want %d at least: %v", n, often, tt.busy)
			}
		})
	}
	if _, err := sandbox.CPUTicks(os.Getpid()); err != nil {
		t.Errorf("this process: %v", err)
	}
}
