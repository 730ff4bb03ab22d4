// Package clients_test runs the unmodified Python clients, cvat-sdk and
// cvat-cli, against a running server: the oldest and the newest release that
// are spoken with. The tests themselves are in Python.
package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"framemill/tests/program"
	"framemill/tests/sample"
)

// pictures is how many numbered pictures the share holds.
const pictures = 24

// The folders, at the root of the module, that the clients are installed in.
const (
	oldest = ".venv"
	newest = ".venv-newest"
)

// mostly leaves out tests of one more sort of media, which are enough with one
// client on one server.
const mostly = "not matrix"

// briefly leaves out tests that only a proof runs.
const briefly = "not proof"

// TestPythonClients runs each release against one way to run, and all against
// both when it is to prove that.
func TestPythonClients(t *testing.T) {
	t.Parallel()
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		share := newShare(t)
		server := program.Up(t, program.Config{Share: share, Flags: []string{"--version-by-client"}})
		t.Run("oldest clients", func(t *testing.T) {
			t.Parallel()
			runPytest(t, oldest, server.URL, share, "")
		})
		t.Run("newest clients", func(t *testing.T) {
			t.Parallel()
			program.Proof(t)
			runPytest(t, newest, server.URL, share, mostly)
		})
	})
	t.Run("one producer and two consumers", func(t *testing.T) {
		t.Parallel()
		share := newShare(t)
		fleet := program.StartFleet(t, program.Config{Share: share, Flags: []string{"--version-by-client"}}, 1, 2)
		t.Run("oldest clients", func(t *testing.T) {
			t.Parallel()
			program.Proof(t)
			runPytest(t, oldest, fleet.Producers[0].URL, share, mostly)
		})
		t.Run("newest clients", func(t *testing.T) {
			t.Parallel()
			runPytest(t, newest, fleet.Producers[0].URL, share, mostly)
		})
	})
}

func newShare(t *testing.T) string {
	t.Helper()
	share := t.TempDir()
	if _, err := sample.Write(filepath.Join(share, "pictures"), pictures); err != nil {
		t.Fatal(err)
	}
	return share
}

// runPytest runs the Python tests with the given clients against the server:
// all of them, or those whose marks fit.
func runPytest(t *testing.T, clients, url, share, marks string) {
	t.Helper()
	python, err := filepath.Abs(filepath.Join("../..", clients, "bin/python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatal("the Python clients are not installed: run tools/install python")
	}
	if marks == "" && !program.Proving() {
		marks = briefly
	}
	args := []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5", "-m", marks}
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "FRAMEMILL_URL="+url, "FRAMEMILL_SHARE="+share,
		"FRAMEMILL_USER="+program.Admin, "FRAMEMILL_PASSWORD="+program.Password)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the Python clients of %s against %s: %v", clients, url, err)
	}
}
