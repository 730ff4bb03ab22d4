package worker

// What the tests look at from outside.
var (
	Judge   = judge
	Because = because
	Backoff = backoff
	Note    = note
	Step    = step
)
