package pipeline

// Token is a login: what a client shows instead of a password, in a header or
// in a cookie. The secret itself is kept nowhere.
type Token struct {
	Hash    string  `db:"hash"` // hex of the secret's SHA-256
	UserID  int64   `db:"user_id"`
	Kind    string  `db:"kind"`
	Created Micros  `db:"created"`
	Used    Micros  `db:"used"`
	Expires *Micros `db:"expires"` // nil for never
}

// TokenLogin is the kind of the tokens that a login makes.
const TokenLogin = "login"
