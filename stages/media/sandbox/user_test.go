package sandbox_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"framemill/stages/media/sandbox"
)

// TestAsOrdinaryUser runs this package's tests of Run once more without the
// rights of root.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the tests run as an ordinary user already")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "sandbox") // the folders of the test are closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), ownFile, "-test.run=^Test(Run|FFmpeg|Layers)", "-test.v")
	cmd.Dir = dir
	cmd.Env = []string{"TMPDIR=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestRunControl")) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	t.Logf("as nobody:\n%s", out)
}

// TestLayers says in the log of the tests what they prove on this machine.
func TestLayers(t *testing.T) {
	t.Parallel()
	got := sandbox.Layers()
	t.Logf("user %d: %q", os.Geteuid(), got)
	if slices.Contains(got, "user namespace") != (sandbox.Here().Namespaces&unix.CLONE_NEWUSER != 0) {
		t.Errorf("the layers %q do not tell of the user namespace", got)
	}
}
