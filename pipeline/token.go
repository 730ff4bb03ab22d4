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

// AccessToken is a personal access token: what a user makes for a program, to
// act as that user until it expires, is revoked, or is not used for long. The
// secret itself is kept nowhere.
type AccessToken struct {
	ID       int64   `db:"id"`
	UserID   int64   `db:"user_id"`
	Hash     string  `db:"hash"` // hex of the secret's SHA-256
	Name     string  `db:"name"`
	ReadOnly bool    `db:"read_only"`
	Created  Micros  `db:"created"`
	Updated  Micros  `db:"updated"`
	Used     *Micros `db:"used"`    // within a minute, nil for never
	Expires  *Micros `db:"expires"` // nil for never
}
