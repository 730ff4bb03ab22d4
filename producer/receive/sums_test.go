package receive_test

import (
	"strings"
	"testing"

	"framemill/producer/receive"
)

// TestSums puts the checksums down and takes them up between any two bytes.
func TestSums(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("abcdefghij", 13)
	whole := receive.NewSums()
	_, _ = whole.Write([]byte(text))
	for cut := range len(text) {
		first := receive.NewSums()
		_, _ = first.Write([]byte(text[:cut]))
		state, err := first.State()
		if err != nil {
			t.Fatalf("put down after %d bytes: %v", cut, err)
		}
		second, err := receive.ResumeSums(state)
		if err != nil {
			t.Fatalf("take up after %d bytes: %v", cut, err)
		}
		_, _ = second.Write([]byte(text[cut:]))
		if second.SHA256() != whole.SHA256() || second.CRC32() != whole.CRC32() {
			t.Errorf("cut after %d bytes: %s %d, want %s %d", cut, second.SHA256(), second.CRC32(), whole.SHA256(), whole.CRC32())
		}
	}
	for _, state := range []string{"x", ".", "c2hhAw.Y3Jj", "?."} {
		if _, err := receive.ResumeSums(state); err == nil {
			t.Errorf("the state %q is taken up, want an error", state)
		}
	}
}
