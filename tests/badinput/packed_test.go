package badinput_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"testing"

	"framemill/pipeline"
	"framemill/tests/pack"
)

// tryPacked uploads archives that are no zip, and climb, lie or explode.
func tryPacked(t *testing.T, b *bench) {
	bad := func(name, as string, content []byte, code pipeline.Code, says string) ingest {
		return ingest{name: name, files: []file{{as, content}}, code: code, says: says}
	}
	good := pack.Member{Name: "good.jpg", Content: photo(1)}
	evil := pack.Member{Name: "../evil.jpg", Content: photo(1)}
	link := pack.Member{Name: "passwd.jpg", Mode: fs.ModeSymlink, Target: "/etc/passwd"}
	hard := pack.Member{Name: "hard.jpg", Mode: fs.ModeIrregular, Target: "/etc/passwd"}
	pipe := pack.Member{Name: "pipe.jpg", Mode: fs.ModeNamedPipe}
	tgz := func(m ...pack.Member) []byte { return pack.Gzip(pack.Tar(m...)) }
	fine := func(name, as string, content []byte) ingest {
		return ingest{name: name, files: []file{{as, content}}, report: map[string]string{"good.jpg": "ok"}}
	}
	b.ingests(t, []ingest{
		bad("climbing member of a tar", "bad.tar", pack.Tar(good, evil), "unsafe_path", "bad.tar"),
		bad("climbing member of a tgz", "bad.tgz", tgz(good, evil), "unsafe_path", "bad.tgz"),
		bad("climbing member of a 7z", "bad.7z", pack.SevenZip(good, evil), "unsafe_path", "bad.7z"),
		bad("climbing member of a rar", "bad.rar", pack.RAR(good, evil), "unsafe_path", "bad.rar"),
		bad("link in a tar", "bad.tar", pack.Tar(good, link), "unsafe_member", "passwd.jpg"),
		bad("hard link in a tar", "bad.tar", pack.Tar(good, hard), "unsafe_member", "hard.jpg"),
		bad("pipe in a tgz", "bad.tar.gz", tgz(good, pipe), "unsafe_member", "pipe.jpg"),
		bad("link in a 7z", "bad.7z", pack.SevenZip(good, link), "unsafe_member", "passwd.jpg"),
		bad("link in a rar", "bad.rar", pack.RAR(good, link), "unsafe_member", "passwd.jpg"),
		bad("sparse member", "bad.tar", sparse(), "bad_member", "sparse.jpg"),
		bad("two members of one name", "bad.tar.gz", tgz(good, good), "bad_member", "good.jpg"),
		bad("128 MiB of zeros in a tgz", "bad.tgz", tgz(pack.Member{Name: "zeros.bmp", Content: make([]byte, 128<<20)}), "archive_limits", "bad.tgz"),
		bad("zeros that nobody wants", "bad.tgz", tgz(good, pack.Member{Name: "zeros.txt", Content: make([]byte, 128<<20)}), "archive_limits", "bad.tgz"),
		bad("a dictionary of a gigabyte", "bad.tar.xz", pack.XZ(pack.Tar(good), 1<<30), "archive_limits", "bad.tar.xz"),
		bad("a rar of a TiB", "bad.rar", pack.RARFile(pack.RARMember(good, 1<<41, 0)), "archive_limits", "bad.rar"),
		bad("a rar that looks 4 GiB back", "bad.rar", pack.RARFile(pack.RARMember(good, 5<<30, 15)), "archive_limits", "bad.rar"),
		bad("a 7z of 2^60 members", "bad.7z", pack.SevenZipFile(nil, append([]byte{1, 5, 0xff}, 0, 0, 0, 0, 0, 0, 0, 0x10)), "bad_member", "bad.7z"),
		bad("a 7z of 2^30 coders", "bad.7z", pack.SevenZipFile(nil, []byte{1, 4, 7, 11, 1, 0, 0xff, 0, 0, 0, 0x40, 0, 0, 0, 0}), "archive_limits", "bad.7z"),
		bad("an encrypted rar", "bad.rar", pack.LockedRAR(), "encrypted", "bad.rar"),
		bad("gzip of gzip", "bad.tar.gz", pack.Gzip(pack.Gzip(photo(1))), "unsupported_format", "bad.tar.gz"),
		bad("no archive", "bad.7z", photo(1), "unsupported_format", "bad.7z"),
		bad("an empty file", "bad.tar", nil, "empty_file", "bad.tar"),
		bad("no members", "bad.tgz", tgz(), "no_media", ""),
		bad("an archive in an archive", "bad.tar", pack.Tar(pack.Member{Name: "inner.zip", Content: zipOf(member{name: "good.jpg", content: photo(1)})}), "no_media", ""),
		bad("a cut tar", "bad.tar", pack.Tar(good)[:900], "bad_member", "bad.tar"),
		bad("a cut tgz", "bad.tgz", cut(tgz(good)), "bad_member", "bad.tgz"),
		bad("a cut xz", "bad.txz", cut(pack.XZ(pack.Tar(good), 1<<20)), "bad_member", "bad.txz"),
		bad("a cut 7z", "bad.7z", cut(pack.SevenZip(good)), "bad_member", "bad.7z"),
		bad("a cut rar", "bad.rar", cut(pack.RAR(good)), "bad_member", "good.jpg"),
		bad("two archives", "bad.tar", pack.Tar(good), "media_mix", "2 archive(s)").beside("more.7z", pack.SevenZip(good)),
		fine("a tgz that is named tar", "good.tar", tgz(good)),
		fine("a rar that is named 7z", "good.7z", pack.RAR(good)),
		fine("a 7z that is named zip", "good.zip", pack.SevenZip(good)),
		fine("a zip that is named rar", "good.rar", zipOf(member{name: "good.jpg", content: photo(1)})),
		fine("a tar behind a comment", "good.tar", append(globalHeader(), pack.Tar(good)...)),
		{name: "a member with a wrong sum", files: []file{{"z.7z", wrongSum(pack.SevenZip(good, pack.Member{Name: "sum.jpg", Content: photo(2)}), photo(2))}},
			report: map[string]string{"good.jpg": "ok", "sum.jpg": "failed bad_member"}},
	})
}

// tryClouds uploads point clouds that lie about what is in them.
func tryClouds(t *testing.T, b *bench) {
	cloud := func(points int64, data, content string) []byte {
		return []byte(fmt.Sprintf("VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH %d\nHEIGHT 1\nPOINTS %d\nDATA %s\n%s",
			points, points, data, content))
	}
	bad := func(name string, content []byte, code pipeline.Code) ingest {
		return ingest{name: name, files: []file{{"bad.pcd", content}}, code: code, says: "bad.pcd"}
	}
	good := file{"good.pcd", cloud(1, "ascii", "1 2 3")}
	b.ingests(t, []ingest{
		bad("2^31 points", cloud(1<<31, "binary", "x"), "unsupported_format"),
		bad("2^31-1 points in a byte", cloud(1<<31-1, "binary", "x"), "truncated"),
		bad("2^31-1 points of text", cloud(1<<31-1, "ascii", "1 2 3"), "truncated"),
		bad("packed points that expand to 4 GiB", cloud(1<<28, "binary_compressed", "\x01\x00\x00\x00\x00\x00\x00\xc0x"), "unsupported_format"),
		bad("no points", cloud(0, "ascii", ""), "empty_file"),
		bad("no bytes", nil, "empty_file"),
		bad("a picture", photo(1), "unsupported_format"),
		bad("a header without an end", bytes.Repeat([]byte("# x\n"), 100_000), "unsupported_format"),
		{name: "points of KITTI that are cut", files: []file{{"bad.bin", make([]byte, 40)}}, code: "unsupported_format", says: "bad.bin"},
		{name: "a picture of no cloud", files: []file{good, {"other.jpg", photo(1)}}, code: "media_mix", says: "other.jpg"},
		{name: "one bad cloud", files: []file{good, {"bad.pcd", photo(1)}}, report: map[string]string{"good.pcd": "ok", "bad.pcd": "failed unsupported_format"}},
		{name: "a related image that is none", files: []file{{"z.zip", zipOf(member{name: "a.jpg", content: photo(1)},
			member{name: "related_images/a_jpg/x.jpg", content: []byte("<html>")}, member{name: "related_images/b_jpg/y.jpg", content: photo(2)},
			member{name: "related_images/z.jpg", content: photo(2)})}},
			report: map[string]string{"a.jpg": "ok", "related_images/a_jpg/x.jpg": "failed unsupported_format", "related_images/b_jpg/y.jpg": "skipped", "related_images/z.jpg": "skipped"}},
	})
}

// tryDocuments uploads documents that cannot be drawn.
func tryDocuments(t *testing.T, b *bench) {
	bad := func(name string, content []byte, code pipeline.Code) ingest {
		return ingest{name: name, files: []file{{"bad.pdf", content}}, code: code, says: "bad.pdf"}
	}
	b.ingests(t, []ingest{
		bad("encrypted", pack.LockedPDF(), "encrypted"),
		bad("only a beginning", []byte("%PDF-1.7\n"), "decode_failed"),
		bad("cut", pack.PDF(3, 72)[:100], "decode_failed"),
		bad("no bytes", nil, "empty_file"),
		bad("no document", photo(1), "unsupported_format"),
		bad("too many pages", pack.PDF(10_001, 72), "archive_limits"),
		{name: "a page of 5 m to a side", files: []file{{"bad.pdf", pack.PDF(1, 14_400)}}, code: "too_large", says: "bad000000000.jpeg-1.jpg"},
		{name: "two documents", files: []file{{"a.pdf", pack.PDF(1, 72)}, {"b.pdf", pack.PDF(1, 72)}}, code: "media_mix", says: "2 pdf(s)"},
		{name: "a document beside a picture", files: []file{{"a.pdf", pack.PDF(1, 72)}, {"b.jpg", photo(1)}}, code: "media_mix", says: "1 pdf(s)"},
		{name: "a document that is named tar", files: []file{{"a.tar", pack.PDF(1, 72)}}, report: map[string]string{"a000000000.jpeg-1.jpg": "ok"}},
	})
}

// beside adds a second file to an upload.
func (in ingest) beside(name string, content []byte) ingest {
	in.files = append(in.files, file{name, content})
	return in
}

// sparse is a tar of a file that is almost nothing but a hole of 2^50 bytes.
func sparse() []byte {
	b := pack.Tar(pack.Member{Name: "sparse.jpg"})
	h := b[:512]
	h[156] = tar.TypeGNUSparse
	copy(h[257:], "ustar  \x00")
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00", 0, 0))
	copy(h[483:], fmt.Sprintf("%011o\x00", int64(1)<<32))
	sum := 0
	copy(h[148:], "        ")
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// globalHeader is what git writes in front of a tar.
func globalHeader() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": "x"}}); err != nil {
		panic(err)
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// wrongSum turns a bit over in the content of an archive.
func wrongSum(archive, content []byte) []byte {
	out := bytes.Clone(archive)
	out[bytes.LastIndex(out, content)+len(content)-5] ^= 1
	return out
}
