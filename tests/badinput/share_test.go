package badinput_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"framemill/pipeline"
)

// tryShare names paths of the share that leave it, or are nothing.
func tryShare(t *testing.T, b *bench) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret.jpg"), photo(9), 0o644); err != nil {
		t.Fatal(err)
	}
	b.link(t, filepath.Join(outside, "secret.jpg"), "links/file.jpg")
	b.link(t, outside, "links/folder")
	b.link(t, "../../"+filepath.Base(outside)+"/secret.jpg", "links/relative.jpg")
	b.link(t, "loop.jpg", "links/loop.jpg")
	b.write(t, "mixed/1.jpg", photo(1))
	b.link(t, filepath.Join(outside, "secret.jpg"), "mixed/2.jpg")

	if err := syscall.Mkfifo(filepath.Join(b.share, "links/pipe.jpg"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.write(t, strings.Repeat("deep/", 300)+"1.jpg", photo(1))

	b.write(t, "odd/1.jpg", photo(1))
	for _, name := range []string{"a\nb.jpg", "a\u202egpj.jpg", "a\xffb.jpg", `a\b.jpg`, "notes\n.txt", "f\n/2.jpg"} {
		b.write(t, "odd/"+name, photo(2))
	}

	bad := func(name, path string) refusal {
		return refusal{name: name, call: post(fmt.Sprintf(`{"image_quality":70,"server_files":[%s]}`, path)), status: 400, code: "invalid", says: "server_files"}
	}
	all := []refusal{
		bad("climbing", `"../x.jpg"`), bad("climbing later", `"good/../../x.jpg"`), bad("climbing behind a slash", `"/../x.jpg"`),
		bad("empty path", `""`), bad("dot", `"."`), bad("dot behind the root", `"./good/0.jpg"`), bad("two slashes", `"good//0.jpg"`),
		bad("two leading slashes", `"//good/0.jpg"`), bad("null character", `"good\u0000.jpg"`), bad("backslash", `"good\\0.jpg"`),
		bad("1,100 characters", `"`+long(1100)+`"`), bad("256 bytes", `"`+long(256)+`"`), bad("control character", `"good/\u001b0.jpg"`),
	}
	for _, dir := range []string{"../..", "/../", "%2e%2e/", "//", "good//", "nowhere", "good/0.jpg", "links/folder", "a\\b", strings.Repeat("d/", 600)} {
		all = append(all, refusal{name: "listing of " + dir[:min(len(dir), 20)], status: 400, code: "invalid", says: "invalid directory",
			call: call{method: http.MethodGet, path: "/api/server/share?directory=" + url.QueryEscape(dir)}})
	}
	b.refuse(t, all)

	from := func(name, path, code, says string) ingest {
		return ingest{name: name, json: map[string]any{"server_files": []string{path}}, code: pipeline.Code(code), says: says}
	}
	b.ingests(t, []ingest{
		from("absolute path outside", "/etc/passwd", "source_gone", "etc/passwd"),
		from("missing file", "good/99.jpg", "source_gone", "good/99.jpg"),
		from("missing folder", "nowhere/", "source_gone", "nowhere"),
		from("file as a folder", "good/0.jpg/x.jpg", "source_gone", "good/0.jpg/x.jpg"),
		from("link to a file outside", "links/file.jpg", "unsafe_path", "links/file.jpg"),
		from("relative link outside", "links/relative.jpg", "unsafe_path", "links/relative.jpg"),
		from("link that loops", "links/loop.jpg", "unsafe_path", "links/loop.jpg"),
		from("link to a folder outside", "links/folder/", "unsafe_path", "links/folder"),
		from("file through a link", "links/folder/secret.jpg", "unsafe_path", "links/folder/secret.jpg"),
		from("pipe", "links/pipe.jpg", "source_gone", "links/pipe.jpg"),
		from("tree of 300 levels", "deep/", "invalid", "deep/deep"),
		{name: "link outside in a folder", json: map[string]any{"server_files": []string{"mixed/"}}, report: map[string]string{"mixed/1.jpg": "ok", "mixed/2.jpg": ""}},
		{name: "names that cannot be shown", json: map[string]any{"server_files": []string{"odd/"}}, report: oddNames},
		{name: "copies of them", json: map[string]any{"server_files": []string{"odd/"}, "copy_data": true}, report: oddNames},
		{name: "names that cannot be shown, and no patience", json: map[string]any{"server_files": []string{"odd/"}, "on_error": "fail"}, code: "unsafe_path", says: "odd/a"},
		{name: "copy of a link outside", json: map[string]any{"server_files": []string{"links/file.jpg"}, "copy_data": true}, code: "unsafe_path", says: "links/file.jpg"},
	})
	b.listingHides(t, "links", "file.jpg", "folder", "relative.jpg")
	b.listingHides(t, "odd", `a\n`, `a\ufffd`, "gpj", `f\n`)
}

// oddNames is what becomes of a folder of files whose names are no text.
var oddNames = map[string]string{
	"odd/1.jpg": "ok", "odd/a\ufffdb.jpg": "failed unsafe_path", "odd/a\ufffdgpj.jpg": "failed unsafe_path",
	`odd/a\b.jpg`: "failed unsafe_path", "odd/f\ufffd": "failed unsafe_path", "odd/notes\ufffd.txt": "",
}

// link puts a symbolic link on the share.
func (b *bench) link(t *testing.T, target, name string) {
	t.Helper()
	path := filepath.Join(b.share, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// listingHides checks that links that leave the share are not listed.
func (b *bench) listingHides(t *testing.T, dir string, names ...string) {
	t.Helper()
	a := b.send(t, call{method: http.MethodGet, path: "/api/server/share?directory=" + dir})
	for _, name := range names {
		b.ledger.add(t, "hidden "+name, fmt.Sprint(a.status), a.status == 200 && !bytes.Contains(a.body, []byte(name)), shorten(a.body))
	}
}

// tryChangedShare changes files of the share behind a task that reads them in
// place: the server may say so or break off, and must never send other bytes.
func tryChangedShare(t *testing.T, b *bench) {
	type change struct {
		name, code string
		do         func(path string) error
	}
	for _, c := range []change{
		{"other content", "source_changed", func(p string) error { return os.WriteFile(p, photo(8), 0o644) }},
		{"same length, other content", "source_changed", func(p string) error { return os.WriteFile(p, flipped(photo(4), 5, 1), 0o644) }},
		{"cut", "source_changed", func(p string) error { return os.Truncate(p, 100) }},
		{"empty", "source_changed", func(p string) error { return os.Truncate(p, 0) }},
		{"newer", "source_changed", func(p string) error { return os.Chtimes(p, time.Now(), time.Now().Add(time.Hour)) }},
		{"gone", "source_gone", os.Remove},
		{"a folder", "source_changed", func(p string) error { return replace(p, func() error { return os.Mkdir(p, 0o755) }) }},
		{"a link outside", "unsafe_path", func(p string) error { return replace(p, func() error { return os.Symlink("/etc/passwd", p) }) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := strings.ReplaceAll(c.name, " ", "-")
			name := folder + "/4.jpg"
			b.write(t, folder+"/0.jpg", photo(3))
			b.write(t, name, photo(4))
			task := b.fresh(t, nil)
			if got := b.run(t, task, ingest{json: map[string]any{"server_files": []string{folder + "/"}, "use_cache": true, "chunk_size": 1}}); got.Status != "finished" {
				t.Fatal(got.Message)
			}
			if err := c.do(filepath.Join(b.share, name)); err != nil {
				t.Fatal(err)
			}
			for _, what := range []string{"frame&number=1&quality=original", "chunk&number=1&quality=original", "chunk&number=1", "frame&number=1"} {
				a := b.send(t, call{method: http.MethodGet, path: fmt.Sprintf("/api/tasks/%d/data?type=%s", task, what)})
				ok := a.status >= 400 && a.status < 500 && a.code() == c.code && bytes.Contains(a.body, []byte(name)) || a.status == 200 && a.err != nil
				b.ledger.add(t, "4xx "+c.code+" or broken off", fmt.Sprint(a.status, " ", a.code(), " ", a.err), ok, what+": "+shorten(a.body))
			}
		})
	}
}

func replace(path string, with func() error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return with()
}
