package badinput_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"framemill/pipeline"
)

// tryArchives uploads archives that climb, lie or explode.
func tryArchives(t *testing.T, b *bench) {
	bad := func(name string, content []byte, code pipeline.Code, says string) ingest {
		return ingest{name: name, files: []file{{"bad.zip", content}}, code: code, says: says}
	}
	named := func(name, as string) ingest {
		return bad(name, zipOf(member{name: as, content: photo(1)}), "unsafe_path", "bad.zip")
	}
	good := member{name: "good.jpg", content: photo(1)}
	b.ingests(t, []ingest{
		named("climbing member", "../evil.jpg"),
		named("member that climbs later", "a/../../evil.jpg"),
		named("absolute member", "/etc/evil.jpg"),
		named("member with backslashes", `a\..\..\evil.jpg`),
		named("member with a null character", "a\x00b.jpg"),
		named("member with a name of 65,535 bytes", strings.Repeat("d/", 32700)+"1.jpg"),
		bad("link", zipOf(good, member{name: "passwd.jpg", content: []byte("/etc/passwd"), change: symlink}), "unsafe_member", "passwd.jpg"),
		bad("device", zipOf(good, member{name: "zero.jpg", change: device}), "unsafe_member", "zero.jpg"),
		bad("encrypted", zipOf(good, member{name: "secret.jpg", content: photo(2), change: encrypted}), "bad_member", "secret.jpg"),
		bad("unknown method", zipOf(good, member{name: "lzma.jpg", content: photo(2), change: lzma}), "bad_member", "lzma.jpg"),
		bad("40 GiB in a kilobyte", zipOf(good, member{name: "huge.bmp", content: photo(2), change: huge}), "archive_limits", "huge.bmp"),
		bad("128 MiB of zeros", zipOf(member{name: "zeros.bmp", content: make([]byte, 128<<20)}), "archive_limits", "zeros.bmp"),
		bad("overlapping members", overlapping(), "archive_limits", "2.jpg"),
		bad("a million entries at one place", directoryOf(1_000_000), "archive_limits", "bad.zip"),
		bad("more than a million entries", directoryOf(1_000_001), "archive_limits", "1000001 members"),
		bad("20,000 empty members", zipOf(blank(20_000)...), "empty_file", "00000.jpg"),
		bad("two members of one name", zipOf(good, good), "bad_member", "good.jpg"),
		bad("a count that lies", overcounted(), "bad_member", "bad.zip"),
		bad("empty file", nil, "empty_file", "bad.zip"),
		bad("no members", zipOf(), "no_media", "No media data found"),
		bad("no pictures", zipOf(member{name: "notes.txt", content: []byte("x")}), "no_media", "No media data found"),
		bad("no archive", []byte(strings.Repeat("x", 1000)), "unsupported_format", "bad.zip"),
		bad("cut", cut(zipOf(good, good, good)), "bad_member", "bad.zip"),
		bad("members cut off in front", zipOf(good)[40:], "bad_member", "bad.zip"),
		bad("archive in an archive", zipOf(member{name: "inner.zip", content: zipOf(good)}), "no_media", ""),
		{name: "one member that is too long", files: []file{{"z.zip", zipOf(good, member{name: "long.jpg", content: photo(2), change: shorter})}}},
		{name: "one member that is too short", files: []file{{"z.zip", zipOf(good, member{name: "short.jpg", content: photo(2), change: longer})}}},
		{name: "one member with a wrong sum", files: []file{{"z.zip", zipOf(good, member{name: "sum.jpg", content: photo(2), change: badSum})}},
			report: map[string]string{"good.jpg": "ok", "sum.jpg": "damaged bad_member"}},
		{name: "one empty member", files: []file{{"z.zip", zipOf(good, member{name: "empty.jpg"})}},
			report: map[string]string{"good.jpg": "ok", "empty.jpg": "failed empty_file"}},
		{name: "one member that is no picture", files: []file{{"z.zip", zipOf(good, member{name: "page.jpg", content: []byte("<html>")})}},
			report: map[string]string{"good.jpg": "ok", "page.jpg": "failed unsupported_format"}},
		{name: "one member that is cut", files: []file{{"z.zip", zipOf(good, member{name: "cut.jpg", content: cut(photoOf(2, 400, 300))})}},
			report: map[string]string{"good.jpg": "ok", "cut.jpg": "truncated truncated"}},
		{name: "names that differ in case", files: []file{{"z.zip", zipOf(good, member{name: "GOOD.jpg", content: photo(2)})}},
			report: map[string]string{"good.jpg": "ok", "GOOD.jpg": "ok"}},
		{name: "a name in an old code page", files: []file{{"z.zip", zipOf(member{name: "\x81ber.jpg", content: photo(1)})}}, report: map[string]string{"\u00fcber.jpg": "ok"}},
		{name: "something in front", files: []file{{"z.zip", append(bytes.Repeat([]byte("MZ"), 50), zipOf(good)...)}}},
	})
	t.Run("chunk of a member with a wrong sum", func(t *testing.T) {
		task := b.fresh(t, nil)
		b.run(t, task, ingest{files: []file{{"z.zip", zipOf(good, member{name: "sum.jpg", content: photo(2), change: badSum})}}})
		a := b.send(t, call{method: http.MethodGet, path: fmt.Sprintf("/api/tasks/%d/data?type=chunk&number=0&quality=original", task)})
		got := unzip(a.body)
		ok := len(got) == 2 && bytes.Equal(got[0], photo(1)) && bytes.Equal(got[1], photo(2))
		b.ledger.add(t, "200 with 2 pictures", fmt.Sprint(a.status, " with ", len(got)), ok, "the chunk of originals cannot be read")
	})
}

// unzip returns what the entries of an archive hold, as far as their checksums
// are right.
func unzip(archive []byte) [][]byte {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil
	}
	var out [][]byte
	for _, f := range r.File {
		src, err := f.Open()
		if err != nil {
			return out
		}
		content, err := io.ReadAll(src)
		if err != nil {
			return out
		}
		out = append(out, content)
	}
	return out
}
