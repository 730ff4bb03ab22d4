package badinput_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"framemill/pipeline"
)

// tryNames uploads pictures under names that must not become paths.
func tryNames(t *testing.T, b *bench) {
	const notAllowed = "not allowed"
	var all []refusal
	for _, n := range []struct{ name, file string }{
		{"climbing", "../../etc/cron.d/x.jpg"},
		{"climbing by backslashes", `..\..\x.jpg`},
		{"climbing percent-encoded", "%2e%2e%2fx.jpg"},
		{"climbing in the middle", "a/../../x.jpg"},
		{"dot", "."},
		{"two dots", ".."},
		{"a folder", "a/"},
		{"delete character", "a\u0085b.jpg"},
		{"other direction", "a\u202egpj.exe.jpg"},
		{"not UTF-8", "a\xff\xfe.jpg"},
		{"1,100 characters", strings.Repeat("d/", 450) + long(200)},
		{"256 bytes", long(256)},
	} {
		all = append(all, refusal{name: n.name, call: upload(quality, file{n.file, photo(0)}), status: 400, code: "invalid", says: notAllowed})
	}
	all = append(all,
		refusal{name: "null character", call: upload(quality, file{"a\x00b.jpg", photo(0)}), status: 400, code: "invalid"},
		refusal{name: "empty", call: upload(quality, file{"", photo(0)}), status: 400, code: "invalid", says: "client_files"},
		refusal{name: "control character", call: upload(quality, file{"a\x01b.jpg", photo(0)}), status: 400, code: "invalid", says: "malformed"},
		refusal{name: "escape sequence", call: upload(quality, file{"\x1b[31m.jpg", photo(0)}), status: 400, code: "invalid", says: "malformed"},
		refusal{name: "line break", call: upload(quality, file{"a\r\nX-Evil: 1\r\n.jpg", photo(0)}), status: 400, code: "invalid"},
		refusal{name: "same name, other content", call: upload(quality, file{"a.jpg", photo(0)}, file{"x/a.jpg", photo(1)}),
			status: 409, code: "conflict", says: "a.jpg"},
	)
	b.refuse(t, all)
	b.ingests(t, []ingest{
		{name: "absolute is its base name", files: []file{{"/etc/1.jpg", photo(0)}, {`C:\x\2.jpg`, photo(1)}},
			report: map[string]string{"1.jpg": "ok", "2.jpg": "ok"}},
		{name: "same name, same content", files: []file{{"a.jpg", photo(0)}, {"x/a.jpg", photo(0)}},
			report: map[string]string{"a.jpg": "ok"}},
		{name: "names that differ in case or form", files: []file{{"a.jpg", photo(0)}, {"A.JPG", photo(1)}, {"\u00e9.jpg", photo(2)}, {"e\u0301.jpg", photo(3)}},
			report: map[string]string{"a.jpg": "ok", "A.JPG": "ok", "\u00e9.jpg": "ok", "e\u0301.jpg": "ok"}},
		{name: "names of devices", files: []file{{"CON.jpg", photo(0)}, {"-rf.jpg", photo(1)}, {"a%d.jpg", photo(2)}},
			report: map[string]string{"CON.jpg": "ok", "-rf.jpg": "ok", "a%d.jpg": "ok"}},
	})
}

// tryPictures uploads files that are no pictures, or terrible ones.
func tryPictures(t *testing.T, b *bench) {
	bad := func(name string, content []byte, code pipeline.Code) ingest {
		f := "it's bad.jpg"
		return ingest{name: name, files: []file{{f, content}}, code: code, says: f,
			report: map[string]string{f: "failed " + string(code)}}
	}
	b.ingests(t, []ingest{
		bad("no picture", []byte(strings.Repeat("not a picture\n", 100)), "unsupported_format"),
		bad("a page", []byte("<!DOCTYPE html><html>Log in</html>"), "unsupported_format"),
		bad("SVG", svg(), "unsupported_format"),
		bad("PDF", []byte("%PDF-1.7\n"), "unsupported_format"),
		bad("program", []byte("\x7fELF\x02\x01\x01"), "unsupported_format"),
		bad("one byte", []byte{0xff}, "unsupported_format"),
		bad("empty", nil, "empty_file"),
		bad("JPEG of 65500 x 65500", jpegHeader(65500, 65500), "too_large"),
		bad("JPEG of 0 x 0", jpegHeader(0, 0), "decode_failed"),
		bad("JPEG cut in its header", photo(0)[:10], "decode_failed"),
		bad("lossless JPEG", coded(0xc3, 8), "unsupported_format"),
		bad("arithmetic-coded JPEG", coded(0xc9, 8), "unsupported_format"),
		bad("JPEG of 12 bits", coded(0xc1, 12), "unsupported_format"),
		bad("PNG of 60000 x 60000", pngHeader(60000, 60000), "too_large"),
		bad("PNG of 2^31 x 2^31", pngHeader(1<<31-1, 1<<31-1), "too_large"),
		bad("PNG of 0 x 1", pngHeader(0, 1), "decode_failed"),
		bad("GIF of 65535 x 65535", gifHeader(65535, 65535), "too_large"),
		bad("TIFF that loops", tiffLoop(), "unsupported_format"),
		bad("BMP without bits", bmpHeader(8, 8, 0), "unsupported_format"),
		bad("BMP of 2^31", bmpHeader(1<<31-1, 1<<31-1, 24), "unsupported_format"),
		{name: "truncated JPEG", files: []file{{"cut.jpg", cut(photoOf(1, 400, 300))}, {"good.jpg", photo(2)}},
			report: map[string]string{"cut.jpg": "truncated truncated", "good.jpg": "ok"}},
		{name: "one bad of two", files: []file{{"bad.jpg", nil}, {"good.jpg", photo(2)}},
			report: map[string]string{"bad.jpg": "failed empty_file", "good.jpg": "ok"}},
		{name: "a header without pixels", files: []file{{"head.jpg", jpegHeader(100, 100)}}, report: map[string]string{"head.jpg": "failed decode_failed"}},
		{name: "one bad of two, and no patience", fields: "on_error=fail", files: []file{{"bad.jpg", nil}, {"good.jpg", photo(2)}},
			code: "empty_file", says: "bad.jpg"},
		{name: "text of two gigabytes in a PNG", files: []file{{"text.png", textBomb()}, {"good.jpg", photo(2)}}},
		{name: "10,000 scans", files: []file{{"scans.jpg", manyScans(10_000)}, {"good.jpg", photo(2)}}},
		{name: "an archive behind a PNG", files: []file{{"both.png", append(plainPNG(20, 20), zipOf(member{name: "x", content: nil})...)}},
			report: map[string]string{"both.png": "ok"}},
		{name: "64 megapixels in 64 kB", files: []file{{"plain.png", plainPNG(8000, 8000)}}},
	})
	tryBitFlips(t, b)
	t.Run("trying again without files", func(t *testing.T) {
		task := b.fresh(t, nil)
		for _, try := range []struct{ in, want string }{{"1.jpg", "empty_file"}, {"", "no_media"}} {
			var in ingest
			if try.in != "" {
				in.files = []file{{try.in, nil}}
			}
			got := b.run(t, task, in)
			b.ledger.add(t, "failed "+try.want, got.Status+" "+got.Code, got.Code == try.want, got.Message)
		}
	})
}

// tryBitFlips damages pictures in many places: whatever comes of one, the
// request ends in an orderly way.
func tryBitFlips(t *testing.T, b *bench) {
	for _, src := range []file{{"flipped.jpg", photoOf(3, 200, 150)}, {"flipped.png", plainPNG(200, 150)}, {"flipped.bmp", append(bmpHeader(40, 30, 24), make([]byte, 120*30)...)}} {
		t.Run(src.name, func(t *testing.T) {
			files := []file{{"good.jpg", photo(1)}}
			for i := range 100 {
				files = append(files, file{fmt.Sprintf("%03d-%s", i, src.name), flipped(src.content, 1+i%8, uint64(i))})
			}
			got := b.run(t, b.fresh(t, nil), ingest{files: files})
			b.ledger.add(t, "finished", got.Status+" "+got.Code, got.Status == "finished", got.Message)
		})
	}
}

// tryMixes uploads what cannot be one task, or what this server does not read.
func tryMixes(t *testing.T, b *bench) {
	zipped := zipOf(member{name: "1.jpg", content: photo(1)})
	unread := func(name string) ingest {
		return ingest{name: name, files: []file{{name, []byte("content")}}, code: "unsupported_format", says: name}
	}
	b.ingests(t, []ingest{
		{name: "no files", code: "no_media", says: "No media data found"},
		{name: "no files, as JSON", json: map[string]any{}, code: "no_media", says: "No media data found"},
		{name: "a file of no known kind", files: []file{{"notes.txt", []byte("x")}}, code: "no_media"},
		unread("paper.pdf"), unread("packed.tar"), unread("packed.tar.gz"), unread("packed.7z"), unread("packed.rar"),
		{name: "zip and picture", files: []file{{"a.zip", zipped}, {"1.jpg", photo(1)}}, code: "media_mix", says: "Only one video, archive, pdf, zip"},
		{name: "two zips", files: []file{{"a.zip", zipped}, {"b.zip", append(bytes.Clone(zipped), 0)}}, code: "media_mix"},
		{name: "video and picture", files: []file{{"a.mp4", []byte("x")}, {"1.jpg", photo(1)}}, code: "media_mix"},
		{name: "a start behind the data", fields: "start_frame=5", files: []file{{"1.jpg", photo(1)}}, code: "bad_frame_range"},
		{name: "a mapping with a missing file", fields: "job_file_mapping[0][0]=1.jpg&job_file_mapping[1][0]=nowhere.jpg",
			files: []file{{"1.jpg", photo(1)}}, code: "bad_mapping", says: "nowhere.jpg"},
		{name: "too many jobs", spec: map[string]any{"segment_size": 1, "consensus_replicas": 2}, json: map[string]any{"server_files": []string{b.manyFiles(t)}, "use_cache": true},
			code: "too_many_jobs"},
		{name: "overlap beyond the segment", spec: map[string]any{"segment_size": 1, "overlap": 2147483647}, files: []file{{"1.jpg", photo(1)}, {"2.jpg", photo(2)}}},
		{name: "largest segment and chunk", spec: map[string]any{"segment_size": 2147483647, "overlap": 5}, fields: "chunk_size=2147483647", files: []file{{"1.jpg", photo(1)}}},
		{name: "largest step", fields: "frame_filter=step=2147483647", files: []file{{"1.jpg", photo(1)}, {"2.jpg", photo(2)}}},
		{name: "largest stop", fields: "stop_frame=2147483647", files: []file{{"1.jpg", photo(1)}}},
	})
	b.refuse(t, []refusal{
		{name: "more data", call: call{method: http.MethodPost, path: "/api/tasks/{task}/data", kind: asJSON, body: []byte(`{"image_quality":70}`)},
			status: 400, code: "invalid", says: "Adding more data is not supported"},
		{name: "more files", call: again(upload(quality, file{"1.jpg", photo(1)})), status: 400, code: "invalid", says: "Adding more data is not supported"},
		{name: "uploads beside the share", call: upload(quality+"&server_files[0]=good/0.jpg", file{"1.jpg", photo(1)}), status: 400, code: "invalid", says: "server_files"},
		{name: "an order that is no permutation", call: upload(quality+"&sorting_method=predefined&upload_file_order[0]=1.jpg&upload_file_order[1]=1.jpg",
			file{"1.jpg", photo(1)}, file{"2.jpg", photo(2)}), status: 400, code: "invalid", says: "upload_file_order"},
		{name: "an order without a file", call: upload(quality+"&sorting_method=predefined&upload_file_order[0]=1.jpg",
			file{"1.jpg", photo(1)}, file{"2.jpg", photo(2)}), status: 400, code: "invalid", says: "2.jpg (extra)"},
	})
}

// again sends a call to the task that has data, as a batch of files.
func again(c call) call {
	c.path, c.header = "/api/tasks/{task}/data", map[string]string{"Upload-Multiple": ""}
	return c
}

// manyFiles makes a folder of the share with more files than a task may have
// jobs: links to one picture.
func (b *bench) manyFiles(t *testing.T) string {
	t.Helper()
	const files = 2600 // with a replica each, more than 5,000
	b.write(t, "many/first.jpg", photo(0))
	for i := range files {
		if err := os.Link(b.share+"/many/first.jpg", fmt.Sprintf("%s/many/%04d.jpg", b.share, i)); err != nil {
			t.Fatal(err)
		}
	}
	return "many/"
}
