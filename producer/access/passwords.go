package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is how hard a password hash is to make.
type cost struct {
	memoryKiB uint32
	passes    uint32
	lanes     uint8
}

// today is the cost of new hashes: some 25 ms of a core and 19 MiB.
var today = cost{memoryKiB: 19 << 10, passes: 2, lanes: 1}

// Bounds of a hash that is read back: a database that was tampered with must
// not make a check expensive.
const (
	maxMemoryKiB = 256 << 10
	maxPasses    = 16
	maxLanes     = 16
	saltBytes    = 16
	sumBytes     = 32
	// maxPasswordBytes is far beyond what anybody types.
	maxPasswordBytes = 1024
)

// HashPassword returns the argon2id hash of a password as a PHC string.
func HashPassword(password string) (string, error) {
	if password == "" || len(password) > maxPasswordBytes {
		return "", fmt.Errorf("a password has 1 to %d bytes", maxPasswordBytes)
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	return phc{today, salt, today.sum(password, salt, sumBytes)}.String(), nil
}

func (c cost) sum(password string, salt []byte, length uint32) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memoryKiB, c.lanes, length)
}

// phc is a password hash and what is needed to make it again.
type phc struct {
	cost
	salt, want []byte
}

// String returns the hash in the PHC string format.
func (p phc) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memoryKiB, p.passes, p.lanes, b64(p.salt), b64(p.want))
}

func parsePHC(s string) (phc, error) {
	var p phc
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errors.New("not an argon2id hash")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memoryKiB, &p.passes, &p.lanes); err != nil {
		return p, fmt.Errorf("cost of a password hash: %w", err)
	}
	if p.memoryKiB > maxMemoryKiB || p.passes < 1 || p.passes > maxPasses || p.lanes < 1 || p.lanes > maxLanes {
		return p, errors.New("cost of a password hash is out of bounds")
	}
	var err1, err2 error
	p.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	p.want, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err1, err2); err != nil {
		return p, fmt.Errorf("password hash: %w", err)
	}
	if len(p.salt) < 8 || len(p.want) < 16 || len(p.want) > 64 {
		return p, errors.New("password hash has an unusual length")
	}
	return p, nil
}

// hasher checks passwords, few at once: each check takes a core and memory.
type hasher struct {
	slots chan struct{}
	dummy phc // stands for the hash of users who do not exist
}

func newHasher(atOnce int) *hasher {
	return &hasher{
		slots: make(chan struct{}, atOnce),
		dummy: phc{today, make([]byte, saltBytes), make([]byte, sumBytes)},
	}
}

// enter waits for a slot; the caller calls leave.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// matches reports whether password is the one of a hash. It takes its time for
// a hash that is "" or broken too, and then says no. The caller has a slot.
func (h *hasher) matches(hash, password string) bool {
	p, err := parsePHC(hash)
	if err != nil {
		p = h.dummy
	}
	sum := p.sum(password, p.salt, uint32(len(p.want)))
	return subtle.ConstantTimeCompare(sum, p.want) == 1 && err == nil
}
