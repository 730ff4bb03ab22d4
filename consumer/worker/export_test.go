package worker

// What the tests look at from outside.
var (
	Judge   = judge
	Backoff = backoff
	Note    = note
	Step    = step
)
