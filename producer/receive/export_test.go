package receive

// Sums are the checksums of a file, for the tests.
type Sums = sums

// NewSums and ResumeSums begin checksums.
var (
	NewSums    = newSums
	ResumeSums = resumeSums
)
