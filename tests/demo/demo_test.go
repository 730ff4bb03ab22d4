// Package demo_test runs the demo as a newcomer does.
package demo_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "../../tools/demo")
	cmd.Env = append(os.Environ(), "DEMO_EXIT=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the demo: %v\n%s", err, out)
	}
	for _, want := range []string{"60", "400", "film.mp4", "frames", "job", "chunk", "http://127.0.0.1:"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
}
