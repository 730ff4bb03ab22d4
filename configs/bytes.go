package configs

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is an amount of data. As text it is a whole number with an optional
// unit: B, KiB, MiB, GiB or TiB.
type Bytes int64

// Units of Bytes.
const (
	KiB Bytes = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

// units from the largest, as they are tried when writing.
var units = []struct {
	name string
	size Bytes
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// ParseBytes reads an amount such as 25GiB or 1048576.
func ParseBytes(s string) (Bytes, error) {
	digits, size := strings.TrimSpace(s), Bytes(1)
	for _, u := range units {
		if head, ok := strings.CutSuffix(digits, u.name); ok {
			digits, size = strings.TrimSpace(head), u.size
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<63-1)/int64(size) {
		return 0, fmt.Errorf("%q is not an amount such as 10MiB or 25GiB", s)
	}
	return Bytes(n) * size, nil
}

// String writes b in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return "0B"
}
