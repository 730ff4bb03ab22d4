package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/stages/media/archive"
	"framemill/tests/pack"
)

// formats are the ways to pack members.
var formats = map[archive.Format]func(...pack.Member) []byte{
	archive.Tar:      pack.Tar,
	archive.Gzip:     func(m ...pack.Member) []byte { return pack.Gzip(pack.Tar(m...)) },
	archive.Bzip2:    func(m ...pack.Member) []byte { return pack.Bzip2(pack.Tar(m...)) },
	archive.XZ:       func(m ...pack.Member) []byte { return pack.XZ(pack.Tar(m...), 1<<20) },
	archive.SevenZip: pack.SevenZip,
	archive.RAR:      pack.RAR,
}

// walk unpacks an archive and returns what was visited as name=content.
func walk(lim archive.Limits, packed []byte) ([]string, error) {
	var got []string
	w := archive.Walker{
		Limits: lim, Wanted: func(name string) bool { return plan.ClassOf(name) == plan.Image }, Progress: func() {},
		Visit: func(m archive.Member) error {
			content, err := io.ReadAll(io.LimitReader(m, 1<<20))
			if err == nil {
				got = append(got, m.Name+"="+string(content))
			}
			return err
		},
	}
	err := w.Walk(context.Background(), bytes.NewReader(packed), int64(len(packed)))
	return got, err
}

func TestWalk(t *testing.T) {
	t.Parallel()
	members := []pack.Member{
		{Name: "b", Mode: fs.ModeDir},
		{Name: "b/2.jpg", Content: []byte("two")},
		{Name: "notes.txt", Content: []byte("many words")},
		{Name: "b/__MACOSX/1.png", Content: []byte("debris")},
		{Name: "b/1.png", Content: []byte("one")},
		{Name: "inner.zip", Content: []byte("PK\x03\x04")},
	}
	for format, packed := range formats {
		content := packed(members...)
		got, err := archive.Detect(bytes.NewReader(content), int64(len(content)))
		if err != nil || got != format {
			t.Errorf("a %s is taken for %q (%v)", format, got, err)
		}
		visited, err := walk(archive.Limits{}, content)
		if diff := cmp.Diff([]string{"b/2.jpg=two", "b/1.png=one"}, visited); diff != "" || err != nil {
			t.Errorf("%s: %v, visited (-want +got):\n%s", format, err, diff)
		}
	}
}

func TestListFindsMembersWhereTheyLie(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("d/", 80) + "long.jpg" // needs a header of its own
	packed := pack.Tar(pack.Member{Name: "./a.jpg", Content: []byte("aa")}, pack.Member{Name: "x.txt", Content: []byte("x")},
		pack.Member{Name: long, Content: []byte("bbb")})
	if format, err := archive.Detect(bytes.NewReader(packed[2048:]), int64(len(packed)-2048)); format != archive.Tar || err != nil {
		t.Errorf("a tar that begins with a header of a header is taken for %q (%v)", format, err)
	}
	members, err := archive.List(t.Context(), bytes.NewReader(packed), int64(len(packed)), archive.Limits{},
		func(name string) bool { return name != "x.txt" }, func() {})
	if err != nil || len(members) != 2 {
		t.Fatalf("found %d members, %v; want 2", len(members), err)
	}
	for i, want := range []struct{ name, content string }{{"a.jpg", "aa"}, {long, "bbb"}} {
		m := members[i]
		if got := string(packed[m.Offset:][:m.Bytes]); m.Name != want.name || got != want.content {
			t.Errorf("member %d is %q with %q, want %q with %q", i, m.Name, got, want.name, want.content)
		}
	}
	if _, err := archive.List(t.Context(), bytes.NewReader(packed[:513]), 513, archive.Limits{},
		func(string) bool { return true }, func() {}); pipeline.CodeOf(err) != pipeline.CodeBadMember {
		t.Errorf("a tar that was cut: %v, want bad_member", err)
	}
}

// TestRefusals packs bad members in every format.
func TestRefusals(t *testing.T) {
	t.Parallel()
	good := pack.Member{Name: "good.jpg", Content: []byte("good")}
	tests := []struct {
		name string
		bad  pack.Member
		code pipeline.Code
	}{
		{"climbing", pack.Member{Name: "../evil.jpg", Content: []byte("x")}, pipeline.CodeUnsafePath},
		{"absolute", pack.Member{Name: "/etc/evil.jpg", Content: []byte("x")}, pipeline.CodeUnsafePath},
		{"backslashes", pack.Member{Name: `a\..\evil.jpg`, Content: []byte("x")}, pipeline.CodeUnsafePath},
		{"link", pack.Member{Name: "passwd.jpg", Mode: fs.ModeSymlink, Target: "/etc/passwd"}, pipeline.CodeUnsafeMember},
		{"device", pack.Member{Name: "sda.jpg", Mode: fs.ModeDevice}, pipeline.CodeUnsafeMember},
		{"hard link", pack.Member{Name: "hard.jpg", Mode: fs.ModeIrregular, Target: "good.jpg"}, pipeline.CodeUnsafeMember},
		{"twice", good, pipeline.CodeBadMember},
	}
	for _, tt := range tests {
		for format, packed := range formats {
			if format == archive.SevenZip && tt.name == "backslashes" || tt.name == "hard link" && (format == archive.SevenZip || format == archive.RAR) {
				continue // the format has no such thing, or its reader makes slashes of these
			}
			_, err := walk(archive.Limits{}, packed(good, tt.bad))
			if got := pipeline.CodeOf(err); got != tt.code {
				t.Errorf("%s in %s: %v, want the code %s", tt.name, format, err, tt.code)
			}
			e, ok := errors.AsType[*pipeline.Error](err)
			if ok && !strings.HasSuffix(e.File, strings.TrimLeft(tt.bad.Name, "./")) {
				t.Errorf("%s in %s: the error names %q, want %q", tt.name, format, e.File, tt.bad.Name)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var many []pack.Member
	for i := range 30 {
		many = append(many, pack.Member{Name: fmt.Sprintf("%d.jpg", i), Content: bytes.Repeat([]byte("x"), 100)})
	}
	for format, packed := range formats {
		content := packed(many...)
		for _, lim := range []archive.Limits{{Members: 29}, {Wanted: 29}, {Expanded: 2999}} {
			if _, err := walk(lim, content); pipeline.CodeOf(err) != pipeline.CodeArchiveLimits {
				t.Errorf("%s beyond %+v: %v, want archive_limits", format, lim, err)
			}
		}
		if got, err := walk(archive.Limits{Members: 30, Wanted: 30, Expanded: 100_000}, content); err != nil || len(got) != 30 {
			t.Errorf("%s within the limits: %d members, %v", format, len(got), err)
		}
	}
}

// TestBombs unpacks archives that promise far more than they weigh.
func TestBombs(t *testing.T) {
	t.Parallel()
	zeros := pack.Tar(pack.Member{Name: "zeros.bmp", Content: make([]byte, 150<<20)})
	tests := map[string]struct {
		packed []byte
		code   pipeline.Code
	}{
		"gzip":            {pack.Gzip(zeros), pipeline.CodeArchiveLimits},
		"xz, 1 GiB back":  {pack.XZ(pack.Tar(), 1<<30), pipeline.CodeArchiveLimits},
		"rar, 4 GiB back": {pack.RARFile(pack.RARMember(pack.Member{Name: "a.jpg", Content: []byte("xx")}, 5<<30, 15)), pipeline.CodeArchiveLimits},
		"rar of a TiB":    {pack.RARFile(pack.RARMember(pack.Member{Name: "a.jpg"}, 1<<41, 0)), pipeline.CodeArchiveLimits},
		"7z of members":   {pack.SevenZipFile(nil, append([]byte{1, 5, 0xff}, bytes.Repeat([]byte{0xff}, 7)...)), pipeline.CodeBadMember},
		"7z of coders":    {pack.SevenZipFile(nil, []byte{1, 4, 7, 11, 1, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x40}), pipeline.CodeBadMember},
		"locked rar":      {pack.LockedRAR(), pipeline.CodeEncrypted},
		"gzip of gzip":    {pack.Gzip(pack.Gzip([]byte("x"))), pipeline.CodeUnsupportedFormat},
		"nothing known":   {[]byte(strings.Repeat("x", math.MaxUint8)), pipeline.CodeUnsupportedFormat},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := walk(archive.Limits{}, tt.packed); pipeline.CodeOf(err) != tt.code {
				t.Errorf("%v, want the code %s", err, tt.code)
			}
		})
	}
}

// TestDamage cuts archives and turns bits over. Whatever comes of it, it comes
// to an end, and whoever is blamed, it is the archive.
func TestDamage(t *testing.T) {
	t.Parallel()
	content := []byte(strings.Repeat("0123456789abcdef", 64))
	for format, packed := range formats {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			good := packed(pack.Member{Name: "a.jpg", Content: content}, pack.Member{Name: "b.jpg", Content: content})
			for i := 0; i < len(good); i += max(len(good)/200, 1) {
				flipped := bytes.Clone(good)
				flipped[i] ^= 0x55
				for what, bad := range map[string][]byte{"cut": good[:i], "flipped": flipped} {
					_, err := walk(archive.Limits{Dictionary: 8 << 20}, bad)
					if err != nil && pipeline.KindOf(err) != pipeline.Media {
						t.Errorf("%s at %d: %v, want an error that blames the archive", what, i, err)
					}
				}
			}
		})
	}
}
