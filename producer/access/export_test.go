package access

// cheap is the cost of the hashes of tests that check many passwords and not
// how hard a check is.
var cheap = cost{memoryKiB: 8, passes: 1, lanes: 1}

// CheapHash is HashPassword at next to no cost.
func CheapHash(password string) string {
	salt := make([]byte, saltBytes)
	return phc{cheap, salt, cheap.sum(password, salt, sumBytes)}.String()
}

// Cheapen makes the checks of unknown users cost what CheapHash does.
func (g *Guard) Cheapen() { g.hasher.dummy.cost = cheap }
