package plan

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A natural key is a string whose byte order is the natural order of the path
// that it was made from, so that a million paths are parsed once each and then
// compared as bytes. A path is a list of components, a component alternates
// between text and numbers:
//
//	path      = { component keyEnd }
//	component = [ text ] { keyNumber number text }
//	number    = length of the digits, then the digits without leading zeros
//
// The marks are smaller than any byte of text and in the order in which they
// must sort: a component that ends precedes one that goes on with a number,
// and that precedes one whose text is longer.
const (
	keyEnd    = 0x01
	keyNumber = 0x02
	keyEscape = 0x03 // before a byte of text that is no larger than a mark
)

// naturalKeys returns the natural keys of paths. All of them share one
// allocation.
func naturalKeys(paths []string) []string {
	folder := newFolder()
	size := 0
	for _, p := range paths {
		size += len(p) + len(p)/4 + 4 // about what the marks add
	}
	arena := make([]byte, 0, size)
	ends := make([]int, len(paths))
	for i, p := range paths {
		arena = appendNaturalKey(arena, folder.fold(p))
		ends[i] = len(arena)
	}
	all, keys, start := string(arena), make([]string, len(paths)), 0
	for i, end := range ends {
		keys[i] = all[start:end]
		start = end
	}
	return keys
}

// appendNaturalKey appends the natural key of a folded path to dst. The
// suffixes of the last component count as components of their own.
func appendNaturalKey(dst []byte, path string) []byte {
	for {
		component, rest, more := strings.Cut(path, "/")
		if !more {
			break
		}
		dst = appendComponent(dst, component)
		path = rest
	}
	stem := stemLen(path)
	dst = appendComponent(dst, path[:stem])
	for suffixes := path[stem:]; suffixes != ""; {
		end := strings.IndexByte(suffixes[1:], '.') + 1
		if end == 0 {
			end = len(suffixes)
		}
		dst = appendComponent(dst, suffixes[:end])
		suffixes = suffixes[end:]
	}
	return dst
}

// stemLen returns the length of a base name without its suffixes. Dots that
// begin the name begin no suffix, a name that ends in a dot has none, and a
// suffix that begins with a digit belongs to the stem, with all before it.
func stemLen(base string) int {
	if strings.HasSuffix(base, ".") {
		return len(base)
	}
	first := len(base) - len(strings.TrimLeft(base, "."))
	stem := len(base)
	for {
		dot := strings.LastIndexByte(base[:stem], '.')
		if dot < first || isDigit(base, dot+1) {
			return stem
		}
		stem = dot
	}
}

func appendComponent(dst []byte, c string) []byte {
	if c == "" {
		return dst
	}
	for i := 0; i < len(c); {
		if !isDigit(c, i) {
			if c[i] <= keyEscape {
				dst = append(dst, keyEscape, keyEscape+1+c[i])
			} else {
				dst = append(dst, c[i])
			}
			i++
			continue
		}
		end := i + 1
		for isDigit(c, end) {
			end++
		}
		dst = appendNumber(dst, c[i:end])
		i = end
	}
	return append(dst, keyEnd)
}

// appendNumber appends digits so that byte order is the order of the values:
// the more digits, the larger, and equally many compare as they are.
func appendNumber(dst []byte, digits string) []byte {
	const long = 0xff
	digits = strings.TrimLeft(digits, "0")
	dst = append(dst, keyNumber)
	if len(digits) < long {
		dst = append(dst, byte(len(digits)))
	} else {
		dst = append(dst, long)
		dst = binary.BigEndian.AppendUint64(dst, uint64(len(digits)))
	}
	return append(dst, digits...)
}

func isDigit(s string, i int) bool { return i < len(s) && '0' <= s[i] && s[i] <= '9' }

// A folder makes spellings equal that natural order does not tell apart: upper
// and lower case, composed and decomposed letters, digits of all scripts.
type folder struct{ caser cases.Caser }

func newFolder() folder { return folder{cases.Fold()} }

func (f folder) fold(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = f.caser.String(norm.NFD.String(s))
	return norm.NFC.String(strings.Map(asciiDigit, s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// asciiDigit returns the ASCII digit of the same value for a decimal digit of
// any script, and every other rune as it is. Unicode promises that decimal
// digits come in runs of ten, in the order of their values.
func asciiDigit(r rune) rune {
	if r < utf8.RuneSelf || !unicode.IsDigit(r) {
		return r
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}
