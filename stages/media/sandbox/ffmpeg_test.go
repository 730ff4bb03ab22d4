package sandbox_test

import (
	"bytes"
	"strings"
	"testing"

	"framemill/stages/media/sandbox"
)

func TestRunFFmpeg(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := sandbox.Run(t.Context(), sandbox.Command{Program: "ffmpeg", Args: []string{"-version"}, Stdout: &out, Limits: limits()})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "ffmpeg version") {
		t.Errorf("ffmpeg -version says %q", out.String())
	}
}
