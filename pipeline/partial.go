package pipeline

// Partial is a file that a client is sending piece by piece. It becomes an
// Upload when its last byte is there.
type Partial struct {
	ID       string `db:"id"` // UUIDv7, also of the upload that it becomes
	TaskID   int64  `db:"task_id"`
	UserID   int64  `db:"user_id"`
	Name     string `db:"name"`      // as the client named it, cleaned
	Length   int64  `db:"length"`    // as the client announced it
	Received int64  `db:"received"`  // bytes that are safe on disk, from the first on
	Key      string `db:"store_key"` // of the partial blob, and later of the blob
	// Sums is the state of the checksums over the received bytes, in the
	// manner of whoever takes them; "" at the beginning.
	Sums string `db:"sums"`
	// Fence is raised by everyone who begins to write: who comes with an older
	// one is superseded.
	Fence   int64  `db:"fence"`
	Created Micros `db:"created"`
	Expires Micros `db:"expires"` // moves on with every piece
}

// Complete reports whether the last byte is there.
func (p *Partial) Complete() bool { return p.Received == p.Length }
