package plan

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"framemill/pipeline"
)

// Limits of names: a component is what common file systems hold, a path what
// the contract does.
const (
	maxComponent = 255  // bytes
	maxPath      = 1024 // characters
)

// ClientName returns the name under which a file that a client sends is known.
// Clients send the path that the file has on their side, in the manner of
// their system; only the base name counts. A path with a ".." component is
// refused nevertheless, also if it is hidden by percent-encoding: no client
// sends one in good faith.
func ClientName(name string) (string, error) {
	base := name[strings.LastIndexAny(name, `/\`)+1:]
	unfit := base == "" || base == "." || len(base) > maxComponent
	if unfit || utf8.RuneCountInString(name) > maxPath || !plain(name) || climbs(name) {
		return "", pipeline.FieldErrorf("client_files", "File name %s is not allowed", quote(name))
	}
	return base, nil
}

// UploadPath returns the name under which a file that comes in pieces is known:
// a clean relative path. Its sender chose it, so its folders are kept, and what
// is not clean is refused instead of mended.
func UploadPath(name string) (string, error) {
	if utf8.RuneCountInString(name) > maxPath || !relative(name) || climbs(name) {
		return "", pipeline.FieldErrorf("client_files", "File name %s is not allowed", quote(name))
	}
	return name, nil
}

// SharePath returns the path below the share root that a client means, and
// whether it insists on a directory by a trailing slash. Clients may name the
// path as it is mounted on their side, below mountPrefix, and may begin it
// with a slash.
func SharePath(path, mountPrefix string) (clean string, dir bool, err error) {
	clean = path
	if prefix := strings.TrimRight(mountPrefix, "/"); prefix != "" {
		if rest, ok := strings.CutPrefix(path, prefix); ok && strings.HasPrefix(rest, "/") {
			clean = rest
		}
	}
	clean = strings.TrimPrefix(clean, "/")
	clean, dir = strings.CutSuffix(clean, "/")
	if utf8.RuneCountInString(path) > maxPath || !relative(clean) {
		return "", false, pipeline.FieldErrorf("server_files", "Bad file path: %s", quote(path))
	}
	return clean, dir, nil
}

// FoundPath judges the path below the share root of what was found there, by
// the rules for one that a client names. Its error names the file as far as
// that can be shown.
func FoundPath(path string) error {
	if utf8.RuneCountInString(path) > maxPath || !relative(path) {
		return pipeline.Failf(pipeline.CodeUnsafePath, printable(path),
			"%s on the share has a name that is not allowed", quote(path))
	}
	return nil
}

// ObjectKey judges the key of an object of a bucket, which becomes the name of
// a file, by the rules for a path on the share. Its error names the object as
// far as that can be shown.
func ObjectKey(key string) error {
	if utf8.RuneCountInString(key) > maxPath || !relative(key) {
		return pipeline.Failf(pipeline.CodeUnsafePath, printable(key), "%s is a name that is not allowed", quote(key))
	}
	return nil
}

// MemberName returns the name of an archive member, sub-directories included.
// A leading "./", which tar writes, is dropped. Names that are absolute or
// climb are refused although nothing is ever extracted to them: they end up in
// exports, which others do extract.
func MemberName(name string) (string, error) {
	clean := strings.TrimPrefix(name, "./")
	if utf8.RuneCountInString(name) > maxPath || !relative(clean) {
		return "", pipeline.Failf(pipeline.CodeUnsafePath, printable(name),
			"The archive member %s has a name that is not allowed", quote(name))
	}
	return clean, nil
}

// Ignored reports whether an archive member or a file on the share is debris
// of an operating system, of which nobody wants to hear: whatever lies in the
// folders that macOS adds to archives, and files whose name begins with a dot.
func Ignored(name string) bool {
	base := name
	for dir, rest, more := strings.Cut(name, "/"); more; dir, rest, more = strings.Cut(rest, "/") {
		if dir == "__MACOSX" || dir == "__MSOSX" || dir == ".DS_Store" {
			return true
		}
		base = rest
	}
	return strings.HasPrefix(base, ".")
}

// relative reports whether path is a clean relative path: components between
// single slashes, none of which climbs or stays.
func relative(path string) bool {
	if !plain(path) || strings.Contains(path, `\`) {
		return false
	}
	for component := range strings.SplitSeq(path, "/") {
		if component == "" || component == "." || component == ".." || len(component) > maxComponent {
			return false
		}
	}
	return true
}

// plain reports whether s is text that can be shown and stored anywhere: valid
// UTF-8 without control characters, and without those that change the
// direction of writing, which make a name look like another.
func plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
	}) < 0
}

// climbs reports whether a path in the manner of any system has a ".."
// component, as it stands or percent-decoded once.
func climbs(path string) bool {
	if hasDotDot(path) {
		return true
	}
	decoded, err := url.PathUnescape(path)
	return err == nil && hasDotDot(decoded)
}

func hasDotDot(path string) bool {
	for component := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if component == ".." {
			return true
		}
	}
	return false
}

// quote returns a hostile string in quotes, short and with everything escaped
// that does not print.
func quote(s string) string { return strconv.Quote(shorten(s)) }

// printable returns a hostile string as it is, as far as it can be shown.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, shorten(s))
}

func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > most-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
