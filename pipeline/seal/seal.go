// Package seal encrypts secrets that must be kept to be used: credentials of
// buckets, keys that webhooks sign with. Who reads the database, or a copy of
// it, learns nothing from what is sealed, and cannot move it to another row.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"framemill/pipeline"
)

// MinKey is how long a key must be, in bytes.
const MinKey = 32

// version is the first byte of all that is sealed: which key derivation and
// which cipher.
const version = 1

// overhead is what sealing adds, before it is written as text.
const overhead = 1 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// ErrForeign is matched by the error of Open for what was sealed under another
// key or for another row, or was changed.
var ErrForeign = errors.New("the secret was sealed under another key, or for another row")

// Box seals and opens secrets under one key. A nil Box has none: it refuses
// both, in a sentence. A Box may be used by any number of goroutines.
type Box struct{ aead cipher.AEAD }

// New returns the box of a key, which is a text of high entropy and at least
// MinKey bytes, or "" for the box without a key.
func New(key string) (*Box, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) < MinKey {
		return nil, fmt.Errorf("the key has %d characters, at least %d are needed, such as those of: openssl rand -hex 32", len(key), MinKey)
	}
	derived, err := hkdf.Key(sha256.New, []byte(key), nil, "framemill seal v1", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the key of secrets: %w", err)
	}
	aead, err := chacha20poly1305.NewX(derived)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of secrets: %w", err)
	}
	return &Box{aead: aead}, nil
}

// Place is what a secret is sealed for: it opens nowhere else.
type Place struct {
	Purpose string
	ID      int64
}

func (p Place) bytes() []byte { return fmt.Appendf(nil, "%s:%d", p.Purpose, p.ID) }

// Seal returns a secret as a text for the database. An empty one stays empty:
// it is none.
func (b *Box) Seal(p Place, secret string) (string, error) {
	if secret == "" {
		return "", nil
	}
	if b == nil {
		return "", errNoKey()
	}
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, len(secret)+overhead)
	out[0] = version
	if _, err := rand.Read(out[1:]); err != nil {
		return "", fmt.Errorf("seal a secret: %w", err)
	}
	out = b.aead.Seal(out, out[1:], []byte(secret), p.bytes())
	return base64.RawStdEncoding.EncodeToString(out), nil
}

// Open returns the secret that Seal was given.
func (b *Box) Open(p Place, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	if b == nil {
		return "", errNoKey()
	}
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(raw) < overhead || raw[0] != version {
		return "", fmt.Errorf("open the secret of %s: %w", p.bytes(), ErrForeign)
	}
	nonce, text := raw[1:1+chacha20poly1305.NonceSizeX], raw[1+chacha20poly1305.NonceSizeX:]
	plain, err := b.aead.Open(nil, nonce, text, p.bytes())
	if err != nil {
		return "", fmt.Errorf("open the secret of %s: %w", p.bytes(), ErrForeign)
	}
	return string(plain), nil
}

func errNoKey() error {
	return pipeline.Errorf(pipeline.Transient,
		"this server has no key to keep secrets with: its operator has to set FRAMEMILL_KEY, the same for every process")
}
