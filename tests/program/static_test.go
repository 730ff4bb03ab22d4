package program_test

import (
	"debug/elf"
	"testing"

	"framemill/tests/program"
)

// TestProgramsAreStatic holds that both programs run on any Linux: neither names
// a loader, and so no library that must be there.
func TestProgramsAreStatic(t *testing.T) {
	t.Parallel()
	for _, path := range []string{program.Binary(t), program.Decoder(t)} {
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Errorf("%s has a loader", path)
			}
		}
	}
}
