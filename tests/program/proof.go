package program

import (
	"os"
	"testing"
)

// ProofEnv names the environment variable that asks for the long proofs. The
// targets of the Makefile that are named after them set it.
const ProofEnv = "FRAMEMILL_PROVE"

// Proving reports whether the long proofs were asked for.
func Proving() bool { return os.Getenv(ProofEnv) != "" }

// Proof skips a test that takes minutes and holds figures against limits,
// unless it was asked for: on a busy machine its figures mean nothing.
func Proof(t testing.TB) {
	t.Helper()
	if !Proving() {
		t.Skipf("takes minutes and measures: set %s=1, or run the target of the Makefile", ProofEnv)
	}
}
