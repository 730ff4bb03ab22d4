package receive

import (
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"strings"
)

// sums takes the checksums of a file while its bytes pass by. Their state can
// be put down as text and taken up again, so that a file that comes in many
// pieces is never read a second time.
type sums struct {
	sha hash.Hash
	crc hash.Hash32
}

func newSums() *sums { return &sums{sha256.New(), crc32.NewIEEE()} }

// Write implements io.Writer.
func (s *sums) Write(p []byte) (int, error) {
	s.sha.Write(p)
	s.crc.Write(p)
	return len(p), nil
}

// SHA256 returns the checksum so far in hexadecimal digits.
func (s *sums) SHA256() string { return hex.EncodeToString(s.sha.Sum(nil)) }

// CRC32 returns the IEEE checksum so far.
func (s *sums) CRC32() int64 { return int64(s.crc.Sum32()) }

// State puts down where the checksums stand.
func (s *sums) State() (string, error) {
	parts := make([]string, 0, 2)
	for _, h := range []hash.Hash{s.sha, s.crc} {
		state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			return "", fmt.Errorf("put down checksums: %w", err)
		}
		parts = append(parts, base64.RawStdEncoding.EncodeToString(state))
	}
	return strings.Join(parts, "."), nil
}

// resumeSums takes checksums up where State left them; "" is the beginning.
func resumeSums(state string) (*sums, error) {
	s := newSums()
	if state == "" {
		return s, nil
	}
	sha, crc, _ := strings.Cut(state, ".")
	for _, part := range []struct {
		text string
		into hash.Hash
	}{{sha, s.sha}, {crc, s.crc}} {
		state, err := base64.RawStdEncoding.DecodeString(part.text)
		if err == nil {
			err = part.into.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
		}
		if err != nil {
			return nil, fmt.Errorf("take up checksums: %w", err)
		}
	}
	return s, nil
}
