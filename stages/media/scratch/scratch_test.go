package scratch_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"framemill/stages/media/scratch"
)

// TestMain is also the process that the tests kill: with a folder to work in, it
// makes one of its own there, says so, and waits for its end.
func TestMain(m *testing.M) {
	dir := os.Getenv("SCRATCH")
	if dir == "" {
		os.Exit(m.Run())
	}
	f, err := scratch.New(dir)
	if err != nil {
		panic(err)
	}
	fmt.Println(f.Path)
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// fill makes a folder of a process with a file in it.
func fill(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path, "0-0.mp4"), []byte("frames"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func assertThere(t *testing.T, path string, want bool) {
	t.Helper()
	if _, err := os.Stat(path); (err == nil) != want {
		t.Errorf("%s is there: %v, want %v (%v)", path, err == nil, want, err)
	}
}

// TestSweepTakesOnlyFromTheDead has one folder of this process, one of another
// that lives, and one of a third that was killed.
func TestSweepTakesOnlyFromTheDead(t *testing.T) {
	t.Parallel()
	dir, later := t.TempDir(), time.Now().Add(48*time.Hour)
	own, err := scratch.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, own.Path)
	kill, other := process(t, dir)
	sweep := func(want int, now time.Time) {
		t.Helper()
		if n, err := scratch.Sweep(dir, now); n != want || err != nil {
			t.Errorf("%d folders were removed, error %v; want %d", n, err, want)
		}
	}
	sweep(0, later)
	assertThere(t, own.Path, true)
	assertThere(t, other, true)
	kill()
	sweep(0, time.Now()) // young ones may be about to be locked
	assertThere(t, other, true)
	sweep(1, later)
	assertThere(t, other, false)
	assertThere(t, own.Path, true)
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	assertThere(t, own.Path, false)
	sweep(0, later)
}

// process starts another process with a folder below dir.
func process(t *testing.T, dir string) (kill func(), folder string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{"SCRATCH=" + dir}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the process made no folder: %v", lines.Err())
	}
	folder = lines.Text()
	fill(t, folder)
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, folder
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := scratch.New(missing); err == nil {
		t.Error("a folder was made where none can be")
	}
	if n, err := scratch.Sweep(missing, time.Now()); n != 0 || err == nil {
		t.Errorf("a sweep of nowhere removed %d folders, error %v", n, err)
	}
}
