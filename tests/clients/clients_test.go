// Package clients_test runs the unmodified Python clients, cvat-sdk and
// cvat-cli, against a running server. The tests themselves are in Python.
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

func TestPythonClients(t *testing.T) {
	t.Parallel()
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		share := newShare(t)
		server := program.Up(t, program.Config{Share: share})
		runPytest(t, server.URL, share)
	})
	t.Run("one producer and two consumers", func(t *testing.T) {
		t.Parallel()
		share := newShare(t)
		fleet := program.StartFleet(t, program.Config{Share: share}, 1, 2)
		runPytest(t, fleet.Producers[0].URL, share, "-m", "not matrix")
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

// runPytest runs the Python tests against the server: all of them, or those
// that the arguments choose.
func runPytest(t *testing.T, url, share string, args ...string) {
	t.Helper()
	python, err := filepath.Abs("../../.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatal("the Python clients are not installed: run tools/install python")
	}
	args = append([]string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"}, args...)
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "FRAMEMILL_URL="+url, "FRAMEMILL_SHARE="+share,
		"FRAMEMILL_USER="+program.Admin, "FRAMEMILL_PASSWORD="+program.Password)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the Python clients against %s: %v", url, err)
	}
}
