package plan

import (
	"net/url"
	"path"
	"strconv"
	"strings"
)

// unnamed is the name of a file whose URL ends without one.
const unnamed = "download"

// RemoteNames returns the names under which files of URLs are known: the last
// component of each path. Equal ones are told apart by the place of the URL in
// the list, so that a second attempt gives the same names.
func RemoteNames(urls []string) []string {
	names := make([]string, len(urls))
	taken := make(map[string]bool, len(urls))
	for i, raw := range urls {
		name := remoteName(raw)
		if taken[name] {
			ext := path.Ext(name)
			name = strings.TrimSuffix(name, ext) + "_" + strconv.Itoa(i) + ext
		}
		for taken[name] { // a file that is itself named so
			name = strconv.Itoa(i) + "_" + name
		}
		taken[name] = true
		names[i] = name
	}
	return names
}

// remoteName is the last component of a URL's path, if it can be a name.
func remoteName(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return unnamed
	}
	name := path.Base(u.Path)
	if len(name) > maxComponent-20 || !relative(name) || strings.HasPrefix(name, ".") {
		return unnamed + plainExt(name)
	}
	return name
}

// plainExt returns the extension of a name that cannot be used as it is.
func plainExt(name string) string {
	ext := path.Ext(name)
	if len(ext) > 6 || !relative(ext) {
		return ""
	}
	return strings.ToLower(ext)
}
