package archive

import (
	"cmp"
	"io/fs"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// Limits bound what an archive may hold. Zero fields mean the defaults.
type Limits struct {
	Members  int64 // entries, 1,000,000 by default
	Wanted   int64 // of these members that are wanted, 200,000 by default
	Expanded int64 // bytes of all entries together, 1 TiB by default
	Ratio    int64 // of what is unpacked to what was read for it, 200 by default
	// Dictionary is how many bytes back an unpacker may have to look, 64 MiB by
	// default, which is what the strongest presets of the usual programs need.
	Dictionary int64
}

// free is how much may be unpacked whatever the ratio: text and blank pictures
// shrink a lot.
const free = 100 << 20

func (l Limits) withDefaults() Limits {
	l.Members = cmp.Or(l.Members, 1_000_000)
	l.Wanted = cmp.Or(l.Wanted, 200_000)
	l.Expanded = cmp.Or(l.Expanded, 1<<40)
	l.Ratio = cmp.Or(l.Ratio, 200)
	l.Dictionary = cmp.Or(l.Dictionary, 64<<20)
	return l
}

// header is what an archive says of an entry.
type header struct {
	name   string
	mode   fs.FileMode
	bytes  int64
	sparse bool
	locked bool // a password is needed to read it
}

// guard judges the entries of one archive.
type guard struct {
	lim      Limits
	wanted   func(name string) bool
	members  int64
	expanded int64
	taken    map[string]bool
}

func newGuard(lim Limits, wanted func(string) bool) *guard {
	return &guard{lim: lim.withDefaults(), wanted: wanted, taken: map[string]bool{}}
}

// admit judges an entry. It returns the name under which it is known, and
// whether it is a file that is wanted.
func (g *guard) admit(h header) (name string, take bool, err error) {
	if g.members++; g.members > g.lim.Members {
		return "", false, limits("", "the archive has more than %d members", g.lim.Members)
	}
	if h.mode.IsDir() {
		h.name = trimSlashes(h.name)
		if h.name == "." || h.name == "" { // the folder that was packed
			return "", false, nil
		}
	}
	if name, err = plan.MemberName(h.name); err != nil {
		return "", false, err
	}
	if h.mode.IsDir() {
		return name, false, nil
	}
	if !h.mode.IsRegular() {
		return "", false, pipeline.Failf(pipeline.CodeUnsafeMember, name, "the archive member %q is a link or a device", name)
	}
	if err := g.budget(name, h.bytes); err != nil {
		return "", false, err
	}
	if plan.Ignored(name) || !g.wanted(name) {
		return name, false, nil
	}
	return name, true, g.take(name, h)
}

// budget holds what an archive says of its size to the limit.
func (g *guard) budget(name string, bytes int64) error {
	if bytes < 0 || bytes > g.lim.Expanded-g.expanded {
		return limits(name, "the archive expands to more than %d bytes", g.lim.Expanded)
	}
	g.expanded += bytes
	return nil
}

// take accepts a member that is wanted.
func (g *guard) take(name string, h header) error {
	switch {
	case h.locked:
		return encrypted(name)
	case h.sparse:
		return bad(name, "the archive member %q is a sparse file: pack it as a whole one", name)
	case g.taken[name]:
		return bad(name, "the archive has two members named %q", name)
	case int64(len(g.taken)) >= g.lim.Wanted:
		return limits(name, "the archive has more than %d pictures: use several, or a zip", g.lim.Wanted)
	}
	g.taken[name] = true
	return nil
}

// trimSlashes returns the name of a folder without the slashes behind it.
func trimSlashes(name string) string {
	for len(name) > 0 && name[len(name)-1] == '/' {
		name = name[:len(name)-1]
	}
	return name
}
